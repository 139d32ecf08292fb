// Debian's Chromium for tests, and what it is asked in more than one of them.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Frame, Page } from "playwright-core";

/** Where a Chromium is; undefined where there is none. */
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

interface Axe {
  readonly axe: {
    run(): Promise<{ readonly violations: readonly { readonly id: string; readonly nodes: { html: string }[] }[] }>;
  };
}

/** What axe finds in a page or frame as it is shown, in words. */
export async function axeViolations(page: Page | Frame): Promise<readonly string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as Axe).axe.run();
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
  });
}
