// Builds dist/ once before the tests, if a source is newer: the command line is tested as users get it.
// A build that fails is told to the tests that need it and to no others.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The built command line. */
export const mainFile = join(root, "dist/cli/main.js");

export function setup(): void {
  if (!isStale()) return;
  try {
    execFileSync(process.execPath, [join(root, "node_modules/rolldown/bin/cli.mjs"), "-c"], {
      cwd: root,
      stdio: "pipe",
    });
  } catch (error) {
    process.env["LACEC_BUILD_ERROR"] = String(error);
  }
}

/** Throws if the build failed. */
export function requireBuild(): void {
  const error = process.env["LACEC_BUILD_ERROR"];
  if (error !== undefined) throw new Error(`dist/ could not be built: ${error}`);
}

function isStale(): boolean {
  if (!existsSync(mainFile)) return true;
  const built = statSync(mainFile).mtimeMs;
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).map((f) =>
    join(root, "src", f),
  );
  return [...sources, join(root, "rolldown.config.mjs"), join(root, "package.json")].some(
    (f) => statSync(f).mtimeMs > built,
  );
}
