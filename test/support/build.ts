// Builds dist/ once before the tests, if a source is newer: the command line is tested as users get it.
// A build that fails is told to the tests that need it and to no others.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "rolldown";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The built command line. */
export const mainFile = join(root, "dist/cli/main.js");

export async function setup(): Promise<void> {
  // A run that is limited to other folders needs no build.
  const filters = process.argv.filter((a) => a.startsWith("test/"));
  if (filters.length > 0 && !filters.some((a) => /cli|security/.test(a))) return;
  const { isStale } = (await import(new URL("../../scripts/stale.js", import.meta.url).href)) as {
    isStale: (built: string) => boolean;
  };
  if (!isStale("dist/cli/main.js")) return;
  try {
    const [{ build }, { default: config }] = await Promise.all([
      import("rolldown"),
      import(new URL("../../rolldown.config.mjs", import.meta.url).href) as Promise<{ default: BuildOptions }>,
    ]);
    // Chunks have hashes in their names: leaving the old ones lets a lacec that is running go on.
    await build({
      ...config,
      cwd: root,
      logLevel: "silent",
      output: { ...config.output, cleanDir: false },
    } as BuildOptions);
  } catch (error) {
    process.env["LACEC_BUILD_ERROR"] = String(error);
  }
}

/** Throws if the build failed. */
export function requireBuild(): void {
  const error = process.env["LACEC_BUILD_ERROR"];
  if (error !== undefined) throw new Error(`dist/ could not be built: ${error}`);
}
