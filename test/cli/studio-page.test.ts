// `lacec studio FOLDER` as a person uses it: the page in Chromium, with the engine of this machine.
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";
import { requireBuild } from "../support/build.js";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { lacec } from "../support/lacec.js";
import { buildStudio } from "../support/studio.js";

const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses
  count 3
  seed 5
}

save people to "people.png" as grid
`;

describe.skipIf(CHROMIUM === undefined)("lacec studio over a folder, in Chromium", { timeout: 300_000 }, () => {
  let browser: Browser;
  let server: StudioServer;
  let folder: string;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    requireBuild();
    await buildStudio();
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
  }, 300_000);
  afterAll(() => browser.close());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "studio-page-"));
    writeFileSync(join(folder, "people.lace"), script);
    server = await serveStudio({ folder });
    page = await (await browser.newContext({ viewport: { width: 1200, height: 800 } })).newPage();
    page.setDefaultTimeout(120_000);
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(server.url);
    await page.waitForSelector(".cm-content");
  });
  afterEach(async () => {
    await page.context().close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ready = (name: string): Promise<unknown> =>
    page.waitForFunction(
      (n) => document.querySelector(".chip[data-state=ready] summary")?.textContent.includes(n) === true,
      name,
    );
  const sheet = (): Promise<string> =>
    page.evaluate(async () => {
      interface Shown {
        readonly laceStudio: { run: { value: { files: readonly { path: string; blob: Blob }[] } } };
      }
      const { files } = (globalThis as unknown as Shown).laceStudio.run.value;
      const blob = files.find((f) => f.path === "people.png")?.blob;
      const bytes = new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
      return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
    });

  test("the machine's engine is what it runs on; its files are those of the command line", async () => {
    await ready("onnx-cpu");
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(script.replace("seed 5", "seed 6"));
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    const made = await sheet();
    await expect.poll(() => readFileSync(join(folder, "people.lace"), "utf8")).toContain("seed 6");
    expect((await lacec(["run", "people.lace", "--engine", "onnx-cpu"], { cwd: folder })).code).toBe(0);
    expect(made === readFileSync(join(folder, "people.png")).toString("base64")).toBe(true);
    await page.click(".chip summary");
    expect(await page.textContent(".chip .popover")).toContain("on this machine, by lacec");
    expect(await axeViolations(page)).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("the browser is chosen in the interface, and the choice stays; so is an engine that is not there, which is said", async () => {
    await ready("onnx-cpu");
    await page.click(".chip summary");
    await page.selectOption(".engine-choice select", "browser tfjs-wasm-1");
    await ready("wasm");
    expect(await page.textContent(".chip .popover")).toContain("1 thread");
    await page.reload();
    await ready("wasm");
    await page.click(".chip summary");
    await page.selectOption(".engine-choice select", "machine tfjs-gpu");
    await page.waitForSelector(".chip[data-state=failed]");
    expect(await page.textContent(".chip .popover")).toContain("tfjs-gpu cannot be used here");
    await page.selectOption(".engine-choice select", "machine auto");
    await ready("onnx-cpu");
  });

  test("a run on the machine is stopped, and the next one goes on", async () => {
    await ready("onnx-cpu");
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(script.replace("count 3", "count 500"));
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".pictures button img");
    await page.click(".stop");
    await page.waitForFunction(() => document.querySelector(".status")?.textContent.includes("stopped") === true);
    const made = await page.locator(".pictures button img").count();
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(500);
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(script);
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
  });

  const write = async (text: string): Promise<void> => {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(text);
  };
  const shows = (text: string) =>
    page.waitForFunction((t) => document.querySelector(".cm-content")?.textContent.includes(t) === true, text);
  const onDisk = (path = "people.lace"): string => readFileSync(join(folder, path), "utf8");
  const replace = (text: string): void => {
    writeFileSync(join(folder, "people.lace~"), text);
    renameSync(join(folder, "people.lace~"), join(folder, "people.lace"));
  };

  test("the page and an editor take turns on one file, both ways, again and again", async () => {
    for (const k of [1, 2, 3]) {
      await write(`${script}// page ${k}\n`);
      await expect.poll(() => onDisk(), { timeout: 20_000 }).toContain(`// page ${k}`);
      replace(`${script}// editor ${k}\n`);
      await shows(`// editor ${k}`);
    }
    expect(await page.locator(".warning-bar").count()).toBe(0);
  });

  test.each([
    ["Keep mine", "// mine"],
    ["Take the one on the disk", "// theirs"],
  ])("what changed in both places is asked about: %s", async (answer, kept) => {
    // What the page writes waits until the file is another.
    let isChanged = false;
    await page.route("**/api/file*", async (route) => {
      await vi.waitUntil(() => isChanged, { timeout: 60_000 });
      await route.continue();
    });
    const written = page.waitForRequest((request) => request.method() === "PUT");
    await write(`${script}// mine\n`);
    await written;
    writeFileSync(join(folder, "people.lace"), `${script}// theirs\n`);
    isChanged = true;
    await page.getByRole("button", { name: answer }).click();
    await shows(kept);
    await expect.poll(() => onDisk(), { timeout: 20_000 }).toContain(kept);
    await expect.poll(() => page.locator(".warning-bar").count(), { timeout: 20_000 }).toBe(0);
  });

  test("what a crash kept from the disk is there after it, and reaches the disk; so does its undo", async () => {
    await page.route("**/api/file*", (route) => route.abort());
    await write(`${script}// not written\n`);
    await page.waitForSelector(".warning-bar");
    expect(await page.textContent(".warning-bar")).toContain("It is kept in this browser");
    await page.evaluate(() =>
      (globalThis as unknown as { laceStudio: { store: { settled(): Promise<void> } } }).laceStudio.store.settled(),
    );
    expect(onDisk()).toBe(script);
    await page.unroute("**/api/file*");
    await page.reload();
    await shows("// not written");
    await expect.poll(() => onDisk(), { timeout: 20_000 }).toContain("// not written");
    await page.click(".cm-content");
    await page.keyboard.press("Control+z");
    await expect.poll(() => onDisk(), { timeout: 20_000 }).toBe(script);
  });

  test("a script that is removed on the disk stays on the page, which says so, and comes back with a change", async () => {
    rmSync(join(folder, "people.lace"));
    await page.waitForSelector(".note");
    expect(await page.textContent(".notes")).toContain("people.lace was removed on the disk");
    await shows("seed 5");
    await write(`${script}// again\n`);
    await expect
      .poll(() => existsSync(join(folder, "people.lace")) && onDisk(), { timeout: 20_000 })
      .toContain("// again");
  });

  test("what a run made is written into the folder by a click", async () => {
    await ready("onnx-cpu");
    await page.click(".primary");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    expect(existsSync(join(folder, "people.png"))).toBe(false);
    await page.getByRole("button", { name: /^Write into/ }).click();
    await expect.poll(() => existsSync(join(folder, "people.png")), { timeout: 20_000 }).toBe(true);
    expect(readFileSync(join(folder, "people.png")).toString("base64")).toBe(await sheet());
  });
});
