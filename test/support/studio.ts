// The studio as users get it: built once before its tests, if a source is newer.
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds dist/studio, if it is not of the present sources. */
export async function buildStudio(): Promise<void> {
  const { isStale } = (await import(new URL("../../scripts/stale.js", import.meta.url).href)) as {
    isStale: (built: string, folders: readonly string[]) => boolean;
  };
  if (!isStale("dist/studio/index.html", ["src", "studio", "examples"])) return;
  const { build } = await import("vite");
  await build({ root: `${root}studio`, configFile: `${root}studio/vite.config.ts`, logLevel: "warn" });
}
