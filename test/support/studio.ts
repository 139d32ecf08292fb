// The studio as users get it: built once before its tests, if a source is newer.
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";
import { CHROMIUM } from "./chromium.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds dist/studio, if it is not of the present sources. Of several processes that ask at once one builds, and the others wait for it. */
export async function buildStudio(): Promise<void> {
  const { isStale } = (await import(new URL("../../scripts/stale.js", import.meta.url).href)) as {
    isStale: (built: string, folders: readonly string[]) => boolean;
  };
  const stale = (): boolean => isStale("dist/studio/index.html", ["src", "studio", "examples"]);
  if (!stale()) return;
  await alone(join(root, "node_modules/.cache/studio-build"), async () => {
    if (!stale()) return;
    // In a process of its own: vite builds for NODE_ENV, which is "test" here, and a page for tests has no service worker.
    const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");
    const env = { ...process.env, NODE_ENV: "production" };
    await promisify(execFile)(process.execPath, [vite, "build", "studio", "--logLevel", "warn"], { cwd: root, env });
  });
}

/** A process that held a lock for longer was killed. */
const HELD_MS = 240_000;

/** Does some work while no other process does what holds the same lock, a folder. */
async function alone(lock: string, work: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > HELD_MS) rmSync(lock, { recursive: true, force: true });
      else await setTimeout(200);
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
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
