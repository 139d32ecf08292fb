// The studio as users get it: built once before its tests, if a source is newer.
import { fileURLToPath } from "node:url";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";
import { CHROMIUM } from "./chromium.js";

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

/** A studio that is served without a folder, and a browser, for all tests of a suite: both are there from its first test on. */
export function servedStudio(): { readonly server: StudioServer; readonly browser: Browser } {
  const open = {} as { server: StudioServer; browser: Browser };
  beforeAll(async () => {
    await buildStudio();
    open.server = await serveStudio({});
    open.browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  }, 300_000);
  afterAll(async () => {
    await open.browser.close();
    await open.server.close();
  });
  return open;
}
