// What is taken away from the studio, and what stays in it: the zip of everything, films, the history of runs, and the page without motion.
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { strFromU8, unzipSync } from "fflate";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sharpCodec } from "../../src/node/codec.js";
import { parseRecipe } from "../../src/runtime/recipe/recipe.js";
import { shareLink } from "../../studio/src/state/share.js";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { servedStudio } from "../support/studio.js";

const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses
  count 2
  seed 5
}

save people to "people.png" as grid
`;
const film = `lace 1

model avatar from "builtin:avatar"

traverse walk from avatar {
  where glasses
  between seed 1 and seed 2
  frames 3
}

save walk to "walk.webp" as animation { fps 4  tween 1 }
`;

interface Shown {
  readonly laceStudio: {
    readonly project: { readonly value: { readonly files: Readonly<Record<string, string>>; readonly active: string } };
    readonly store: { settled(): Promise<void> };
  };
}

describe.skipIf(CHROMIUM === undefined)("in the studio", { timeout: 300_000 }, () => {
  const studio = servedStudio();
  let page: Page;
  const errors: string[] = [];

  async function open(text: string, options: { reducedMotion?: "reduce" } = {}): Promise<void> {
    const context = await studio.browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
    page = await context.newPage();
    page.setDefaultTimeout(120_000);
    page.on("pageerror", (error) => errors.push(error.message));
    const project = { id: "", name: "people", entry: "people.lace", active: "people.lace", inputs: {}, changed: 0 };
    await page.goto(shareLink({ ...project, files: { "people.lace": text } }, studio.server.url).link);
    await page.waitForSelector(".cm-content");
  }
  beforeEach(() => errors.splice(0));
  afterEach(async () => {
    await page.context().close();
    expect(errors).toEqual([]);
  });
  const run = async (count: number): Promise<void> => {
    await page.click(".primary");
    await page.waitForFunction(
      (n) => document.querySelector(".status")?.textContent.startsWith(`${n} pictures in`) === true,
      count,
    );
  };
  const text = (): Promise<string> =>
    page.evaluate(() => {
      const { files, active } = (globalThis as unknown as Shown).laceStudio.project.value;
      return files[active] ?? "";
    });
  async function write(next: string): Promise<void> {
    await page.click(".cm-content");
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(next);
  }

  test("the zip has the scripts, every picture with its recipe, the files of the run and its record", async () => {
    await open(script);
    await run(2);
    await page.locator("summary", { hasText: "Share" }).click();
    const download = page.waitForEvent("download");
    await page.getByText("Save everything as zip").click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe("people.zip");
    const files = unzipSync(readFileSync(await saved.path()));
    const names = Object.keys(files).sort();
    expect(names).toEqual(
      expect.arrayContaining(["people.lace", "people.png", "pictures/people-0.png", "pictures/people-1.png"]),
    );
    expect(strFromU8(files["people.lace"]!)).toBe(script);
    for (const [name, at] of [
      ["pictures/people-0.png", 0],
      ["pictures/people-1.png", 1],
    ] as const) {
      const { text: json } = await sharpCodec().inspect(files[name]!);
      expect(parseRecipe(json!, name)).toMatchObject({ task: "people", index: at });
      expect(await sharp(files[name]).metadata()).toMatchObject({ format: "png", width: 128, height: 128 });
    }
    const record = names.find((n) => n.endsWith("run.json"));
    expect(JSON.parse(strFromU8(files[record!]!))).toMatchObject({ engine: { name: "tfjs-wasm" } });
  });

  test("a film is made in the browser: its frames, and those between them", async () => {
    await open(film);
    await page.click(".primary");
    await page.waitForFunction(() => /^\d+ pictures in/.test(document.querySelector(".status")?.textContent ?? ""));
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "walk.webp" }).click();
    const bytes = readFileSync(await (await download).path());
    const metadata = await sharp(bytes, { animated: true }).metadata();
    expect(metadata).toMatchObject({ format: "webp", width: 128, pageHeight: 128, pages: 5 });
    expect(metadata.delay).toEqual([250, 250, 250, 250, 250]);
    const { text: json } = await sharpCodec().inspect(bytes);
    expect(parseRecipe(json!, "walk.webp")).toMatchObject({ task: "walk" });
  });

  test("a pinned run stays on top, also after the page is opened anew; going back brings its script, which is a step that can be undone", async () => {
    await open(script);
    await run(2);
    const longer = script.replace("count 2", "count 3");
    await write(longer);
    await run(3);
    await page.getByRole("tab", { name: "History" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".history li").length === 2);
    const about = () => page.locator(".history li small").allTextContents();
    expect((await about()).map((t) => /(\d) pictures/.exec(t)![1])).toEqual(["3", "2"]);
    await page.locator(".history li").nth(1).getByRole("button", { name: "Pin" }).click();
    expect((await about()).map((t) => /(\d) pictures/.exec(t)![1])).toEqual(["2", "3"]);
    expect(await axeViolations(page)).toEqual([]);
    await page.evaluate(() => (globalThis as unknown as Shown).laceStudio.store.settled());
    await page.reload();
    await page.getByRole("tab", { name: "History" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".history li").length === 2);
    expect(await page.locator(".history li[data-pinned=true] small").allTextContents()).toHaveLength(1);
    expect((await about()).map((t) => /(\d) pictures/.exec(t)![1])).toEqual(["2", "3"]);
    expect(await page.locator(".history li img").count()).toBe(5);
    await page.locator(".history li").nth(1).getByRole("button", { name: "Go back" }).click();
    await page.waitForFunction(() => document.querySelector(".cm-content")?.textContent.includes("count 3") === true);
    expect(await text()).toBe(longer);
    await page.locator(".history li").nth(0).getByRole("button", { name: "Go back" }).click();
    await page.waitForFunction(() => document.querySelector(".cm-content")?.textContent.includes("count 2") === true);
    expect(await text()).toBe(script);
    await page.click(".cm-content");
    await page.keyboard.press("Control+z");
    expect(await text()).toBe(longer);
    await page.locator(".history li").nth(1).getByRole("button", { name: "Forget this run" }).click();
    expect(await page.locator(".history li").count()).toBe(1);
  });

  test("who wants no motion gets none: nothing moves for longer than a moment", async () => {
    await open(script, { reducedMotion: "reduce" });
    await page.click(".primary");
    await page.waitForSelector(".pictures button img");
    const moving = await page.evaluate(() =>
      [...document.querySelectorAll("*")].flatMap((element) => {
        const { animationName, animationDuration, transitionDuration, scrollBehavior } = getComputedStyle(element);
        const seconds = (all: string): number => Math.max(...all.split(",").map(Number.parseFloat));
        const moves =
          (animationName !== "none" && seconds(animationDuration) > 0.01) || seconds(transitionDuration) > 0.01;
        return moves || scrollBehavior === "smooth"
          ? [`${element.tagName} ${element.getAttribute("class") ?? ""}`]
          : [];
      }),
    );
    expect(moving).toEqual([]);
  });
});
