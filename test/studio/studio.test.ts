import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type Page } from "playwright-core";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { serveStudio } from "../../src/node/studio-server.js";
import { run } from "../../src/node/verbs.js";
import { shareLink } from "../../studio/src/state/share.js";
import { servedStudio } from "../support/studio.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => existsSync(p));

interface Shown {
  readonly laceStudio: {
    readonly run: { readonly value: { readonly state: string } };
    readonly project: { readonly value: { readonly files: Readonly<Record<string, string>>; readonly active: string } };
    readonly store: { settled(): Promise<void> };
  };
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
  const studio = servedStudio();
  const errors: string[] = [];

  async function open(url = studio.server.url, context?: BrowserContext): Promise<Page> {
    const page = await (context ?? studio.browser).newPage(context ? {} : { viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(180_000);
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(url);
    await page.waitForSelector(".cm-content");
    return page;
  }
  const textOf = (page: Page): Promise<string> =>
    page.evaluate(() => {
      const { files, active } = (globalThis as unknown as Shown).laceStudio.project.value;
      return files[active] ?? "";
    });
  const shows = (page: Page, text: string) =>
    page.waitForFunction((t) => document.querySelector(".cm-content")?.textContent.includes(t) === true, text);

  async function write(page: Page, text: string): Promise<void> {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(text);
  }

  const ended = (page: Page) =>
    page.waitForFunction(() => document.querySelector(".studio")?.getAttribute("data-running") === "false");
  const pictures = (page: Page) => page.locator(".pictures button img");

  test("a script that is typed is run by Ctrl+Enter, and its pictures appear; the page says what it ran on", async () => {
    const page = await open();
    await write(page, small);
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".pictures button img");
    await ended(page);
    expect(await pictures(page).count()).toBe(3);
    expect(await page.textContent(".status")).toMatch(/^3 pictures in \d/);
    expect(await page.textContent(".chip")).toContain("WebAssembly");
    expect(errors).toEqual([]);
    await page.close();
  });

  test("Ctrl+Enter runs the script wherever the focus is, once", async () => {
    const page = await open();
    await write(page, small);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".pictures button img");
    await ended(page);
    expect(await pictures(page).count()).toBe(3);
    await page.close();
  });

  test("a mistake is underlined as it is typed, with the server's words", async () => {
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
    await page.waitForSelector(".pictures button img");
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

  test("nothing is lost: text and undo outlive the crash of a tab", async () => {
    const context = await studio.browser.newContext();
    const page = await open(studio.server.url, context);
    await write(page, small);
    await page.waitForTimeout(600); // a later key is a step of its own for undo
    await page.keyboard.insertText("// last words");
    await page.evaluate(() => (globalThis as unknown as Shown).laceStudio.store.settled());
    const crashed = page.waitForEvent("crash");
    const session = await context.newCDPSession(page);
    void session.send("Page.crash").catch(() => undefined);
    await crashed;
    await page.close();
    const again = await open(studio.server.url, context);
    await shows(again, "// last words");
    await again.click(".cm-content");
    await again.keyboard.press("Control+z");
    expect(await textOf(again)).toBe(small);
    await context.close();
  });

  test("a link holds the project", async () => {
    const files = { "own.lace": small.replace("seed 5", "seed 77") };
    const shared = { id: "", name: "shared", entry: "own.lace", active: "own.lace", inputs: {}, changed: 0, files };
    const page = await open(shareLink(shared, studio.server.url).link, await studio.browser.newContext());
    await shows(page, "seed 77");
    expect(await textOf(page)).toBe(files["own.lace"]);
    await page.context().close();
  });

  test("a picture of the command line opens its recipe, and the page makes the same people: at most 1 of 255 apart", async () => {
    const folder = mkdtempSync(join(tmpdir(), "studio-picture-"));
    writeFileSync(join(folder, "people.lace"), small);
    await run(join(folder, "people.lace"), { out: folder });
    const file = readFileSync(join(folder, "people.png"));
    const page = await open(studio.server.url, await studio.browser.newContext());
    const data = await page.evaluateHandle((base64) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      transfer.items.add(new File([bytes], "people.png", { type: "image/png" }));
      return transfer;
    }, file.toString("base64"));
    await page.dispatchEvent(".studio", "drop", { dataTransfer: data });
    await page.waitForFunction(
      () => document.querySelector(".notes")?.textContent.includes("made by this script") === true,
    );
    expect(await textOf(page)).toBe(small);
    // The page says itself by how much.
    await page.waitForFunction(() => /Made again here/.test(document.querySelector(".dropped")?.textContent ?? ""));
    expect(await page.textContent(".dropped [role=status]")).toMatch(
      /Made again here: (the same pixels, each of them|at most 1 of 255 a channel apart, in \d+ pixels \([\d.]+%\))\./,
    );
    expect(await page.textContent(".dropped")).toContain("the engine was onnx-cpu, now it is tfjs-wasm");
    await page.click(".primary");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    const made = await page.evaluate(async () => {
      const { files } = (globalThis as unknown as Shown).laceStudio.run.value as unknown as {
        readonly files: readonly { readonly path: string; readonly blob: Blob }[];
      };
      const sheet = files.find((f) => f.path === "people.png");
      const bytes = new Uint8Array((await sheet?.blob.arrayBuffer()) ?? new ArrayBuffer(0));
      return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
    });
    const pixels = (bytes: Buffer): Promise<Buffer> => sharp(bytes).removeAlpha().raw().toBuffer();
    const [here, there] = [await pixels(file), await pixels(Buffer.from(made, "base64"))];
    expect(there.length).toBe(here.length);
    const apart = here.reduce((most, byte, k) => Math.max(most, Math.abs(byte - there[k]!)), 0);
    expect(apart).toBeLessThanOrEqual(1);
    rmSync(folder, { recursive: true });
    await page.context().close();
  });

  test("over a folder the real files are edited, and a change on the disk shows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "studio-folder-"));
    const file = join(folder, "people.lace");
    writeFileSync(file, small);
    const own = await serveStudio({ folder });
    const page = await open(own.url, await studio.browser.newContext());
    await shows(page, "seed 5");
    expect(page.url()).not.toContain("token");
    await write(page, small.replace("seed 5", "seed 6"));
    await expect.poll(() => readFileSync(file, "utf8"), { timeout: 60_000 }).toContain("seed 6");
    writeFileSync(file, small.replace("seed 5", "seed 9"));
    await shows(page, "seed 9");
    await page.context().close();
    await own.close();
    rmSync(folder, { recursive: true });
  });

  test("many files leave the pictures their half of the window", async () => {
    const folder = mkdtempSync(join(tmpdir(), "studio-many-"));
    for (let i = 0; i < 20; i++) writeFileSync(join(folder, `a-script-of-some-length-${i}.lace`), small);
    const own = await serveStudio({ folder });
    const context = await studio.browser.newContext({ viewport: { width: 1200, height: 800 } });
    const page = await open(own.url, context);
    await shows(page, "seed 5");
    const { left, right, tabs } = await page.evaluate(() => {
      const box = (name: string) => document.querySelector(name)?.getBoundingClientRect();
      return { left: box(".editor")?.right, right: box(".results")?.left, tabs: box(".file-bar")?.right };
    });
    expect(right).toBe(600);
    expect(left).toBeLessThanOrEqual(600);
    expect(tabs).toBeLessThanOrEqual(600);
    await context.close();
    await own.close();
    rmSync(folder, { recursive: true });
  });

  test("after the first visit the page opens without a network", async () => {
    const context = await studio.browser.newContext();
    const page = await open(studio.server.url, context);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector(".cm-content");
    await page.waitForSelector(".chip[data-state=ready]");
    await context.close();
  });

  test.each(["light", "dark"] as const)(
    "no one is shut out: axe finds nothing, %s, wide and on a phone",
    async (colorScheme) => {
      const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      for (const viewport of [
        { width: 1200, height: 800 },
        { width: 390, height: 800 },
      ]) {
        const context = await studio.browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
        const page = await open(studio.server.url, context);
        await page.waitForSelector(".tok-keyword");
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { axe: checker } = globalThis as unknown as {
            readonly axe: {
              run(): Promise<{ readonly violations: readonly { id: string; nodes: { html: string }[] }[] }>;
            };
          };
          const { violations } = await checker.run();
          return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
        });
        expect(found).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
        await context.close();
      }
    },
  );
});
