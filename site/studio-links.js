// Links that open a script in the studio, in the studio's own format.
// In: a script and how the scripts that it imports are read. Out: an address relative to the site's root, or undefined where a script that is imported is not there.
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { runnerImport } from "vite";

const IMPORT = /^\s*import\s[^\n]*?["']([^"'\n]+\.lace)["']/gm;

/**
 * A function from a script to its address. `folder` is where its imports lie.
 * Not for scripts that name files which an address cannot hold: they open without them, and the studio says which.
 */
export async function studioLinks(folder) {
  const { module } = await runnerImport(new URL("../studio/src/state/share.ts", import.meta.url).pathname);
  return (name, script) => {
    const entry = `${name}.lace`;
    const files = { [entry]: script };
    const pending = [entry];
    for (let path = pending.pop(); path !== undefined; path = pending.pop())
      for (const [, reference] of files[path].matchAll(IMPORT)) {
        const imported = posix.join(posix.dirname(path), reference);
        if (imported in files) continue;
        if (!existsSync(join(folder, imported))) return undefined;
        files[imported] = readFileSync(join(folder, imported), "utf8");
        pending.push(imported);
      }
    return module.shareLink({ name, entry, inputs: {}, files }, "studio/").link;
  };
}
