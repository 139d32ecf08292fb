// What is looked at, turned, compared and brought along in the studio, in Chromium.
import { readFileSync } from "node:fs";
import { type Page } from "playwright-core";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sharpCodec } from "../../src/node/codec.js";
import { parseRecipe } from "../../src/runtime/recipe/recipe.js";
import { shareLink } from "../../studio/src/state/share.js";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { tinyDecoder } from "../support/decoder.js";
import { servedStudio } from "../support/studio.js";

const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses and 0.5 * (hair is brown)
  count 2
  seed 5
}

save people to "people.png" as grid
`;

interface Shown {
  readonly laceStudio: {
    readonly project: { readonly value: { readonly files: Readonly<Record<string, string>>; readonly active: string } };
  };
}

describe.skipIf(CHROMIUM === undefined)("in the studio", { timeout: 300_000 }, () => {
  const studio = servedStudio();
  let page: Page;
  const errors: string[] = [];

  beforeEach(async () => {
    page = await (await studio.browser.newContext({ viewport: { width: 1200, height: 800 } })).newPage();
    page.setDefaultTimeout(120_000);
    page.on("pageerror", (error) => errors.push(error.message));
    const project = { id: "", name: "people", entry: "people.lace", active: "people.lace", inputs: {}, changed: 0 };
    await page.goto(shareLink({ ...project, files: { "people.lace": script } }, studio.server.url).link);
    await page.waitForSelector(".tok-number");
  });
  afterEach(async () => {
    await page.context().close();
    expect(errors).toEqual([]);
  });

  const text = (): Promise<string> =>
    page.evaluate(() => {
      const { files, active } = (globalThis as unknown as Shown).laceStudio.project.value;
      return files[active] ?? "";
    });
  const run = async (count: number): Promise<void> => {
    await page.click(".primary");
    await page.waitForFunction(
      (n) => document.querySelector(".status")?.textContent.startsWith(`${n} pictures in`) === true,
      count,
    );
  };
  /** Puts the cursor before a word of the script. */
  const goTo = async (word: string): Promise<void> => {
    await page.click(".cm-content");
    await page.keyboard.press("Control+Home");
    const before = (await text()).split(word)[0]!;
    const lines = before.split("\n");
    for (let k = 1; k < lines.length; k++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Home");
    await page.keyboard.press("Home");
    for (let k = 0; k < lines.at(-1)!.length; k++) await page.keyboard.press("ArrowRight");
  };

  test("a picture shows the path of its solve, the energy and the graphs; it is saved as a WebP with its recipe", async () => {
    await run(2);
    await page.locator(".picture").first().click();
    await page.click(".inspect button");
    await page.waitForSelector(".plot svg");
    expect(await page.locator(".plot svg").count()).toBe(2);
    const said = (await page.locator(".plot svg").first().getAttribute("aria-label"))!;
    const accepted = /\((\d+) kept/.exec((await page.textContent(".picture-view dl"))!)![1]!;
    expect(said).toContain(`over ${accepted} accepted steps`);
    await page.locator(".inspected summary", { hasText: "Energy" }).click();
    expect(await page.textContent(".inspected pre")).toContain("glasses");
    expect(await page.textContent(".inspected")).toMatch(/gradient \d+ nodes/);
    // Both are drawn too: the tree of terms, and each graph without its constants.
    expect(await page.locator(".tree g").count()).toBe(await page.locator(".terms li").count());
    expect(await page.locator(".tree path").count()).toBe((await page.locator(".tree g").count()) - 1);
    await page.locator(".inspected summary", { hasText: "gradient" }).click();
    expect(await page.locator(".graph").first().locator("g[data-end=input]").textContent()).toContain("z");
    expect(await page.locator(".graph").first().locator("g[data-end=output]").count()).toBeGreaterThan(1);
    expect(await axeViolations(page)).toEqual([]);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save WebP" }).click();
    const file = readFileSync(await (await download).path());
    expect(await sharp(file).metadata()).toMatchObject({ format: "webp", width: 128, height: 128 });
    const recipe = parseRecipe((await sharpCodec().inspect(file)).text!, "people-0.webp");
    expect(recipe).toMatchObject({ task: "people", index: 0 });
  });

  test("a number and a class are turned by keys and by the pointer with Alt, each a step to undo", async () => {
    await goTo("0.5 *");
    await page.keyboard.press("Alt+.");
    await page.keyboard.press("Alt+.");
    await page.keyboard.press("Alt+,");
    expect(await text()).toContain("0.6 * (hair");
    await goTo("brown");
    await page.keyboard.press("Alt+.");
    await page.waitForFunction(() => !document.querySelector(".cm-content")!.textContent.includes("brown"));
    expect(await text()).toMatch(/hair is (black|blond|grey|gray|red|white|\w+)\)/);
    await page.waitForFunction(() => document.querySelectorAll(".tok-enumMember").length > 0);
    await page.keyboard.press("Alt+,");
    await page.waitForFunction(() => document.querySelector(".cm-content")!.textContent.includes("brown"));
    // The pointer: ten steps to the right.
    const box = (await page.locator(".tok-number", { hasText: /^5$/ }).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.keyboard.down("Alt");
    expect(await page.locator(".cm-editor.turns").count()).toBe(1);
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let k = 1; k <= 10; k++) await page.mouse.move(x + 6 * k, y);
    await page.mouse.up();
    await page.keyboard.up("Alt");
    expect(await text()).toContain("seed 15");
    for (let k = 0; k < 30 && (await text()) !== script; k++) await page.keyboard.press("Control+z");
    expect(await text()).toBe(script);
  });

  test("two runs of the past stand side by side, with what differs in meaning", async () => {
    await run(2);
    await goTo("0.5 *");
    await page.keyboard.press("Alt+.");
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction(() => document.querySelector(".studio")?.getAttribute("data-running") === "false");
    await page.getByRole("tab", { name: "History" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".history li").length === 2);
    for (const button of await page.getByRole("button", { name: "Compare" }).all()) await button.click();
    await page.waitForSelector(".difference dt");
    expect(await page.textContent(".difference dl")).toBe("peopleweight of `hair is brown` 0.5 -> 0.6");
    expect(await page.locator(".comparison .thumbs").count()).toBe(2);
    expect(await axeViolations(page)).toEqual([]);
  });

  test("a decoder that is dropped without a pack is imported, and draws", async () => {
    const data = await page.evaluateHandle(
      (base64) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], "own.onnx"));
        return transfer;
      },
      Buffer.from(tinyDecoder({ resolution: 16 })).toString("base64"),
    );
    await page.dispatchEvent(".studio", "drop", { dataTransfer: data });
    await page.waitForFunction(() => document.querySelector(".notes")?.textContent.includes("is imported") === true);
    expect(await page.textContent(".notes")).toContain('model mine from "own.safetensors"');
    expect(await page.textContent(".notes")).toContain("taken as -1..1");
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(`lace 1

model mine from "own.safetensors"

sample pictures from mine {
  count 3
  seed 1
}
`);
    await page.keyboard.press("Control+Enter");
    await page.waitForFunction(() => /^3 pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    expect(await page.locator(".pictures button img").count()).toBe(3);
    expect(await page.locator(".pictures button img").first().getAttribute("width")).toBe("16");
  });
});
