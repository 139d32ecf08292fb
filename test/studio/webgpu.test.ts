// WebGPU in the studio, computed in software by SwiftShader: what is taken, what is said, and that the pictures are those of WebAssembly.
import { chromium, type Browser, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveStudio, type StudioServer } from "../../src/node/studio-server.js";
import { shareLink } from "../../studio/src/state/share.js";
import { CHROMIUM } from "../support/chromium.js";
import { buildStudio } from "../support/studio.js";

const ARGUMENTS = [
  ...["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  ...["--enable-features=Vulkan", "--use-vulkan=swiftshader"],
];
const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses
  count 2
  seed 5
}

save people to "people.png" as grid
`;

interface Shown {
  readonly laceStudio: { run: { value: { files: readonly { path: string; blob: Blob }[] } } };
}

describe.skipIf(CHROMIUM === undefined)("the studio in Chromium with WebGPU in software", { timeout: 400_000 }, () => {
  let server: StudioServer;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await buildStudio();
    server = await serveStudio({});
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ARGUMENTS });
    page = await browser.newPage();
    page.setDefaultTimeout(300_000);
    const project = { id: "", name: "two", entry: "two.lace", active: "two.lace", inputs: {}, changed: 0 };
    await page.goto(shareLink({ ...project, files: { "two.lace": script } }, server.url).link);
    await page.waitForSelector(".chip[data-state=ready]");
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  async function sheet(): Promise<Buffer> {
    await page.click(".primary");
    await page.waitForFunction(() => /^2 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    const bytes = await page.evaluate(async () => {
      const { files } = (globalThis as unknown as Shown).laceStudio.run.value;
      const blob = files.find((f) => f.path === "people.png")?.blob;
      return [...new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0))];
    });
    return sharp(Buffer.from(bytes)).removeAlpha().raw().toBuffer();
  }

  test("WebAssembly is taken before it, and the page says why; chosen, it makes the same pictures and says what it is", async () => {
    expect(await page.textContent(".chip summary")).toContain("wasm");
    expect(await page.textContent(".chip .popover")).toMatch(/WebGPU would run in software here \(.*SwiftShader.*\)/i);
    const byWasm = await sheet();
    await page.click(".chip summary");
    await page.selectOption(".engine-choice select", "browser tfjs-webgpu");
    await page.waitForFunction(() => document.querySelector(".chip summary")?.textContent.includes("webgpu") === true);
    expect(await page.textContent(".chip .popover")).toMatch(
      /WebGPU, .*SwiftShader.*in software: WebAssembly is faster/i,
    );
    const byWebgpu = await sheet();
    expect(byWebgpu.length).toBe(byWasm.length);
    // Steps on the device are in float32, those of WebAssembly in float64 on the host.
    const apart = byWasm.reduce((sum, byte, k) => sum + Math.abs(byte - byWebgpu[k]!), 0) / byWasm.length;
    expect(apart).toBeLessThan(1);
  });
});
