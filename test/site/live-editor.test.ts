// The live editor of the landing page, in the site as it is served: nothing of it comes before it is asked for.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { buildStudio } from "../support/studio.js";

const { buildSite } = (await import(new URL("../../site/build.js", import.meta.url).href)) as {
  buildSite: (out: string, what?: { readonly parts: readonly string[] }) => Promise<unknown>;
};
const temporary = mkdtempSync(join(tmpdir(), "lace-live-"));
const TYPES: Readonly<Record<string, string>> = {
  ...{ ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json" },
  ...{ ".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".wasm": "application/wasm" },
};

describe.skipIf(CHROMIUM === undefined)("the landing page's live editor", { timeout: 300_000 }, () => {
  let server: Server;
  let browser: Browser;
  let url = "";

  beforeAll(async () => {
    await buildStudio();
    const folder = join(temporary, "site");
    await buildSite(folder, { parts: ["studio"] });
    server = createServer((request, response) => {
      const path = join(folder, new URL(request.url!, "http://localhost").pathname.replace(/\/$/, "/index.html"));
      if (!existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(readFileSync(path));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    server.close();
    rmSync(temporary, { recursive: true, force: true });
  });

  test.each([1280, 390])("is loaded by a click, runs, and what is changed is run (%i wide)", async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    page.setDefaultTimeout(120_000);
    const asked: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(url);
    await page.waitForSelector(".ways button");
    await page.waitForLoadState("networkidle");
    expect(asked.filter((address) => address.includes("/studio/"))).toEqual([]);
    await page.click(".ways button");
    const frame = page.frameLocator("lace-editor iframe");
    await frame.locator(".pictures img").nth(15).waitFor();
    expect(await frame.locator(".cm-content").isVisible()).toBe(true);
    expect(await frame.locator(".pictures img").first().isVisible()).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(await frame.locator(".live input").isChecked()).toBe(true);
    await frame.locator(".cm-line", { hasText: "count 16" }).click();
    await page.keyboard.press("End");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await page.keyboard.type("3");
    // It would run by itself, but not on a machine that is so busy that a run takes long.
    await page.keyboard.press("Control+Enter");
    await frame.locator(".status", { hasText: /^3 pictures in/ }).waitFor();
    expect(await frame.locator(".pictures img").count()).toBe(3);
    const inner = page.frames().find((f) => f.url().includes("embed"));
    expect(await axeViolations(inner!)).toEqual([]);
    expect(await axeViolations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });
});
