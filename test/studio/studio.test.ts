import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";
import { buildStudio } from "../support/studio.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => existsSync(p));

interface Shown {
  readonly laceStudio: { readonly run: { readonly value: { readonly state: string } } };
}

const small = `lace 1

model avatar from "builtin:avatar"
attribute glasses: binary

sample people from avatar {
  where glasses
  count 3
  seed 5
}

save people to "people.png" as grid
`;

describe.skipIf(CHROMIUM === undefined)("the studio in Chromium", { timeout: 400_000 }, () => {
  let server: StudioServer;
  let browser: Browser;
  const errors: string[] = [];

  beforeAll(async () => {
    await buildStudio();
    server = await serveStudio({});
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  async function open(): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(180_000);
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(server.url);
    await page.waitForSelector(".cm-content");
    return page;
  }

  async function write(page: Page, text: string): Promise<void> {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(text);
  }

  const ended = (page: Page) =>
    page.waitForFunction(() => document.querySelector(".studio")?.getAttribute("data-running") === "false");
  const pictures = (page: Page) => page.locator(".pictures img");

  test("a script that is typed is run by Ctrl+Enter, and its pictures appear; the page says what it ran on", async () => {
    const page = await open();
    await write(page, small);
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".pictures img");
    await ended(page);
    expect(await pictures(page).count()).toBe(3);
    expect(await page.textContent(".status")).toMatch(/^3 pictures in \d/);
    expect(await page.textContent(".chip")).toContain("WebAssembly");
    expect(errors).toEqual([]);
    await page.close();
  });

  test("a mistake is underlined as it is typed, with the server's words; completion knows the model's attributes", async () => {
    const page = await open();
    await write(page, small.replace("where glasses", "where glases"));
    await page.waitForSelector(".cm-lintRange-error");
    await page.hover(".cm-lintRange-error");
    await page.waitForSelector(".cm-diagnostic");
    expect(await page.textContent(".cm-diagnostic")).toContain("unknown name `glases`");
    await page.close();
  });

  test("a run that is stopped ends at once, and what was made stays", async () => {
    const page = await open();
    await write(page, small.replace("count 3", "count 64"));
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".pictures img");
    // Within the very turn of the click: no clock has to be looked at.
    const state = await page.evaluate(() => {
      document.querySelector<HTMLButtonElement>(".stop")?.click();
      return (globalThis as unknown as Shown).laceStudio.run.value.state;
    });
    expect(state).toBe("cancelled");
    await ended(page);
    const made = await pictures(page).count();
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(64);
    expect(await page.textContent(".status")).toContain("stopped");
    // The engine goes on to serve.
    await write(page, small);
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction(() => /^3 pictures/.test(document.querySelector(".status")?.textContent ?? ""));
    expect(await pictures(page).count()).toBe(3);
    await page.close();
  });
});
