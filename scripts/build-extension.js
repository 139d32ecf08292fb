// Builds the extension for Visual Studio Code: `node scripts/build-extension.js [FILE.vsix]`. Without a file it only bundles. No network.
// In: editors/vscode, the grammar, the words of src/lsp/words.ts, the server as a worker, the header of the built-in model.
// Out: editors/vscode/dist, and the package, which has no engine in it.
import { Buffer } from "node:buffer";
import { copyFileSync, mkdirSync, openSync, readSync, rmSync, writeFileSync, closeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const extension = join(root, "editors/vscode");
const dist = join(extension, "dist");

async function bundle(input, file, format, platform, external = []) {
  const built = await rolldown({ input: join(root, input), platform, external, logLevel: "warn" });
  await built.write({ file: join(dist, file), format, minify: true, codeSplitting: false, exports: "auto" });
  await built.close();
}

/** The snippets of statements, as the server completes them. */
async function snippets() {
  const built = await rolldown({ input: join(root, "src/lsp/words.ts"), platform: "neutral" });
  const { output } = await built.generate({ format: "esm" });
  await built.close();
  const url = `data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`;
  const { STATEMENT_DOCS } = await import(url);
  const all = Object.entries(STATEMENT_DOCS).map(([prefix, { doc, snippet }]) => [
    prefix,
    { prefix, body: snippet.split("\n"), description: doc },
  ]);
  return `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`;
}

/** The beginning of a pack, which says what a model is: no weights. */
function header(pack) {
  const file = openSync(pack, "r");
  const length = Buffer.alloc(8);
  readSync(file, length, 0, 8, 0);
  const bytes = Buffer.alloc(8 + Number(length.readBigUInt64LE()));
  readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  return bytes;
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await bundle("editors/vscode/src/extension.ts", "extension.js", "cjs", "node", ["vscode"]);
await bundle("editors/vscode/src/web.ts", "web.js", "cjs", "browser", ["vscode"]);
await bundle("src/lsp-worker.ts", "server.js", "iife", "browser");
copyFileSync(join(root, "grammar/lace.tmLanguage.json"), join(dist, "lace.tmLanguage.json"));
writeFileSync(join(dist, "snippets.json"), await snippets());
writeFileSync(join(dist, "avatar.header"), header(join(root, "models/avatar.safetensors")));
copyFileSync(join(root, "LICENSE"), join(dist, "LICENSE.txt"));

const [out] = process.argv.slice(2);
if (out !== undefined) {
  mkdirSync(dirname(out), { recursive: true });
  const { createVSIX } = await import("@vscode/vsce");
  await createVSIX({
    cwd: extension,
    packagePath: out,
    dependencies: false,
    skipLicense: true,
    allowMissingRepository: true,
  });
}
