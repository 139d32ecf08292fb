// A picture of the command line that is dropped on the page: the very picture is made again, by its seed and its number; and what a run on change waits for.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/node/verbs.js";
import { shareLink } from "../../studio/src/state/share.js";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { servedStudio } from "../support/studio.js";

const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses
  count 3
  seed 5
}

save people to "{index}.png"
`;

interface Shown {
  readonly laceStudio: { readonly run: { readonly value: { readonly pictures: readonly { readonly png: Blob }[] } } };
}

describe.skipIf(CHROMIUM === undefined)("in the studio", { timeout: 300_000 }, () => {
  const studio = servedStudio();
  let page: Page;
  beforeEach(async () => {
    page = await (await studio.browser.newContext({ viewport: { width: 1200, height: 800 } })).newPage();
    page.setDefaultTimeout(120_000);
    const project = { id: "", name: "people", entry: "people.lace", active: "people.lace", inputs: {}, changed: 0 };
    await page.goto(shareLink({ ...project, files: { "people.lace": script } }, studio.server.url).link);
    await page.waitForSelector(".cm-content");
  });
  afterEach(() => page.context().close());

  async function drop(name: string, file: Buffer): Promise<void> {
    const data = await page.evaluateHandle(
      ([called, base64]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(base64!), (c) => c.charCodeAt(0))], called!));
        return transfer;
      },
      [name, file.toString("base64")],
    );
    await page.dispatchEvent(".studio", "drop", { dataTransfer: data });
  }
  const status = () => page.textContent(".dropped [role=status]");
  const compared = () =>
    page.waitForFunction(() =>
      /made again here/i.test(document.querySelector(".dropped [role=status]")?.textContent ?? ""),
    );

  test("the second picture of another seed is made again as it is, and runs are drawn by its seed from then on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "studio-drop-"));
    writeFileSync(join(folder, "people.lace"), script);
    await run(join(folder, "people.lace"), { out: folder, seed: 77 });
    const file = readFileSync(join(folder, "1.png"));
    await drop("1.png", file);
    await compared();
    expect(await status()).toMatch(/the same pixels|at most 1 of 255 a channel apart/);
    expect(await page.locator(".dropped img").count()).toBe(2);
    expect(await page.textContent(".overrides")).toContain("seed 77");
    expect(await axeViolations(page)).toEqual([]);
    // What is made by Run now is of that seed too.
    await page.click(".primary");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    const base64 = await page.evaluate(async () => {
      const { laceStudio } = globalThis as unknown as Shown;
      const bytes = new Uint8Array(await laceStudio.run.value.pictures[1]!.png.arrayBuffer());
      return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
    });
    const pixels = (bytes: Buffer): Promise<Buffer> => sharp(bytes).removeAlpha().raw().toBuffer();
    const [here, there] = [await pixels(file), await pixels(Buffer.from(base64, "base64"))];
    expect(here.reduce((most, byte, k) => Math.max(most, Math.abs(byte - there[k]!)), 0)).toBeLessThanOrEqual(1);
    await page.click(".overrides button");
    expect(await page.locator(".overrides").count()).toBe(0);
    // A picture that was changed since is found out.
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    data[0] = data[0]! > 127 ? 0 : 255;
    const { width, height, channels } = info;
    const plain = await sharp(data, { raw: { width, height, channels } }).png().toBuffer();
    await drop("2.png", withTextOf(file, plain));
    await page.waitForFunction(() => document.querySelector(".dropped h2")?.textContent.startsWith("2.png"));
    await compared();
    expect(Number(/at most (\d+) of 255/.exec((await status())!)![1])).toBeGreaterThan(100);
    rmSync(folder, { recursive: true });
  });

  test("on change a short run begins by itself, and of a long one the page says how long it would take", async () => {
    await page.getByLabel("live").check();
    const write = async (text: string): Promise<void> => {
      await page.click(".cm-content");
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText(text);
    };
    await write(script.replace("seed 5", "seed 6"));
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    await write(script.replace("count 3", "count 3000"));
    await page.waitForSelector(".held:not(:empty)");
    expect(await page.textContent(".held")).toMatch(/^about \d+ s: press Run$/);
    expect(Number(/\d+/.exec((await page.textContent(".held"))!)![0])).toBeGreaterThan(6);
    expect(await page.textContent(".status")).toMatch(/^3 pictures in/);
    await write(script.replace("seed 5", "seed 8"));
    await page.waitForFunction(() => document.querySelector(".held")?.textContent === "");
  });
});

/** A PNG with the recipe of another one: its chunks of text, before the end. */
function withTextOf(from: Buffer, to: Buffer): Buffer {
  const chunks = (png: Buffer): { readonly kind: string; readonly bytes: Buffer }[] => {
    const found: { kind: string; bytes: Buffer }[] = [];
    for (let at = 8; at < png.length;) {
      const end = at + 12 + png.readUInt32BE(at);
      found.push({ kind: png.toString("latin1", at + 4, at + 8), bytes: png.subarray(at, end) });
      at = end;
    }
    return found;
  };
  const texts = chunks(from).filter((c) => c.kind === "iTXt");
  const own = chunks(to);
  return Buffer.concat([
    to.subarray(0, 8),
    ...own.slice(0, -1).map((c) => c.bytes),
    ...texts.map((c) => c.bytes),
    ...own.slice(-1).map((c) => c.bytes),
  ]);
}
