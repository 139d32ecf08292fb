// The studio under a finger: values of the text are turned by a handle beside the cursor, for there is no Alt.
import { describe, expect, test } from "vitest";
import { shareLink } from "../../studio/src/state/share.js";
import { axeViolations, CHROMIUM } from "../support/chromium.js";
import { servedStudio } from "../support/studio.js";

const script = `lace 1

model avatar from "builtin:avatar"

sample people from avatar {
  where glasses and hair is brown
  count 2
  seed 5
}
`;

interface Shown {
  readonly laceStudio: {
    readonly project: { readonly value: { readonly files: Readonly<Record<string, string>>; readonly active: string } };
  };
}

describe.skipIf(CHROMIUM === undefined)("on a phone", { timeout: 300_000 }, () => {
  const studio = servedStudio();

  test("a number is dragged and stepped, a class takes the next, by a handle beside the cursor", async () => {
    const context = await studio.browser.newContext({
      viewport: { width: 375, height: 760 },
      hasTouch: true,
      isMobile: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const project = { id: "", name: "people", entry: "people.lace", active: "people.lace", inputs: {}, changed: 0 };
    await page.goto(shareLink({ ...project, files: { "people.lace": script } }, studio.server.url).link);
    await page.waitForSelector(".tok-enumMember");
    const text = (): Promise<string> =>
      page.evaluate(() => {
        const { files, active } = (globalThis as unknown as Shown).laceStudio.project.value;
        return files[active] ?? "";
      });
    await page.locator(".cm-line").nth(1).tap();
    expect(await page.locator(".turn-handle").count()).toBe(0);
    await page.locator(".tok-enumMember").tap();
    await page.getByRole("button", { name: "The next class" }).tap();
    await page.waitForFunction(() => !document.querySelector(".cm-content")!.textContent.includes("hair is brown"));
    expect(await text()).toMatch(/hair is (black|blond|red|gray)/);
    await page.locator(".tok-number", { hasText: /^5$/ }).tap();
    await page.waitForSelector(".turn-handle .knob");
    await page.getByRole("button", { name: "One more" }).tap();
    await page.getByRole("button", { name: "One more" }).tap();
    await page.getByRole("button", { name: "One less" }).tap();
    expect(await text()).toContain("seed 6");
    expect(await axeViolations(page)).toEqual([]);
    // A finger, which the browser tells of as touches.
    const box = (await page.locator(".turn-handle .knob").boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const session = await context.newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", dx = 0) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x: x + dx, y }] });
    await touch("touchStart");
    for (let k = 1; k <= 10; k++) await touch("touchMove", 6 * k);
    await touch("touchEnd");
    expect(await text()).toContain("seed 16");
    expect(await page.locator(".turn-handle").count()).toBe(1);
    await context.close();
  });
});
