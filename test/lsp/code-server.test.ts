// The packed extension in a real Visual Studio Code: code-server on Chromium. Skips where that is not installed (scripts/install-code-server.sh).
// With LACE_SCREENSHOTS=1 the pictures of docs/images are taken again.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mainFile, requireBuild } from "../support/build.js";
import { codeServer, openVsCode, type VsCode } from "../support/code-server.js";
import { root } from "../support/lacec.js";

const SCRIPT = `lace 1
model avatar from "builtin:avatar"

input bright: number = 0.2

// Who reads a lot.
energy scholar = glasses and light > bright

sample reader from avatar {
  where scholar and hair is brown
  count 4
}

save reader to "reader.png" as grid { columns 2 }
`;

const run = promisify(execFile);

const place = mkdtempSync(join(tmpdir(), "lace-vsix-"));
const vsix = join(place, "lace.vsix");
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** An editor with the script open, once its server has answered with a lens. */
async function openScript(settings: Readonly<Record<string, unknown>>, lens: string): Promise<VsCode> {
  await run(process.execPath, ["scripts/build-extension.js", vsix], { cwd: root });
  const code = await openVsCode(
    vsix,
    { "reader.lace": SCRIPT },
    {
      "window.autoDetectColorScheme": true,
      "workbench.startupEditor": "none",
      "workbench.tips.enabled": false,
      "chat.commandCenter.enabled": false,
      "editor.minimap.enabled": false,
      "explorer.openEditors.visible": 0,
      ...settings,
    },
  );
  try {
    await code.page.getByRole("treeitem", { name: "reader.lace" }).first().dblclick();
    await code.page.locator(".codelens-decoration", { hasText: lens }).first().waitFor();
    return code;
  } catch (error) {
    await code.page.screenshot({ path: join(tmpdir(), "lace-code-server.png") });
    await code.close();
    throw error;
  }
}

const wordIn = ({ page }: VsCode, text: string) =>
  page.locator(".view-line span span", { hasText: new RegExp(`^${text}$`) }).first();

// An extension that may run beside the page is run there: in a worker of the browser, with the server in another.
describe.skipIf(codeServer() === undefined)("in the browser's own host of extensions", () => {
  test("the server in a worker marks mistakes and tells what names are; nothing can be run", async () => {
    const code = await openScript({ "remote.extensionKind": { "lacec.lace": ["ui"] } }, "Plan");
    const { page } = code;
    try {
      expect(await page.locator(".codelens-decoration").first().innerText()).not.toContain("Run");
      await wordIn(code, "scholar").hover();
      await page.locator(".monaco-hover:visible", { hasText: "Who reads a lot." }).waitFor();
      await page.locator(".monaco-editor .view-lines").first().click();
      await page.keyboard.press("Control+End");
      await page.keyboard.insertText("energy wise = glases");
      await page.locator(".squiggly-error").first().waitFor();
    } finally {
      await code.close();
    }
  }, 400_000);
});

describe.skipIf(codeServer() === undefined)("in Visual Studio Code", () => {
  let code: VsCode;
  beforeAll(async () => {
    requireBuild();
    code = await openScript({ "lace.path": mainFile, "lace.preview.run": "save" }, "Run 4 small");
  }, 400_000);
  afterAll(async () => {
    await (code as VsCode | undefined)?.close(); // where it did not start there is none
  });

  const word = (text: string) => wordIn(code, text);
  const picture = async (name: string, shown: () => Promise<void> = () => Promise.resolve()): Promise<void> => {
    if (process.env["LACE_SCREENSHOTS"] === undefined) return;
    for (const colorScheme of ["light", "dark"] as const) {
      await code.page.emulateMedia({ colorScheme });
      await code.page.waitForTimeout(1500);
      await shown();
      const bytes = await code.page.screenshot();
      await sharp(bytes)
        .webp({ quality: 82 })
        .toFile(join(root, `docs/images/editor-${name}-${colorScheme}.webp`));
    }
    await code.page.emulateMedia({ colorScheme: "light" });
  };

  test("a mistake is marked while it is typed, and completion knows what may stand there", async () => {
    const { page } = code;
    const problems = page.locator("#status\\.problems");
    await page.locator(".monaco-editor .view-lines").first().click();
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("energy wise = glases and ha");
    await page.locator(".squiggly-error").first().waitFor();
    expect(await problems.getAttribute("aria-label")).toMatch(/^Errors: [12]/);
    await page.keyboard.press("Control+Space");
    const rows = page.locator(".suggest-widget.visible .monaco-list-row");
    await rows.filter({ hasText: /hair/ }).first().waitFor();
    expect(await rows.filter({ hasText: /^hat/ }).count()).toBe(1);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Shift+K");
    await page.locator(".squiggly-error").first().waitFor({ state: "detached" });
    await page.keyboard.press("Control+S");
  }, 120_000);

  test("hover tells what a name is, and how frequent it is", async () => {
    const { page } = code;
    const hover = page.locator(".monaco-hover:visible").first();
    const over = async (text: string): Promise<void> => {
      await page.mouse.move(5, 300);
      await word(text).hover();
      await hover.waitFor();
      await page.waitForTimeout(500); // it fades in
    };
    await over("scholar");
    expect(await hover.innerText()).toContain("Who reads a lot.");
    await expect
      .poll(
        async () => {
          await over("glasses");
          return hover.innerText();
        },
        { timeout: 90_000, interval: 2000 },
      )
      .toContain("unconditional samples");
    await picture("hover", () => over("glasses"));
    await page.mouse.move(5, 300);
  }, 200_000);

  test("the preview shows the pictures of a run, of a save and of a slider for an input, and leads back to the task", async () => {
    const { page, webview } = code;
    await page.getByRole("button", { name: "Open the Preview" }).click();
    await webview.getByRole("button", { name: "Run" }).click();
    const shown = webview.locator("img");
    await expect.poll(() => shown.count(), { timeout: 120_000 }).toBe(1);
    await expect
      .poll(() => shown.evaluate((img: HTMLImageElement) => img.naturalWidth), { timeout: 20_000 })
      .toBeGreaterThan(64);
    expect(await webview.getByRole("slider", { name: "bright" }).inputValue()).toBe("0.2");
    await picture("preview");
    const source = (): Promise<string | null> => shown.getAttribute("src");
    const [bySave, bySlider] = [await source(), webview.getByRole("slider", { name: "bright" })];
    await page.locator(".monaco-editor .view-lines").first().click();
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("// Saved again.");
    await page.keyboard.press("Control+S");
    await expect.poll(source, { timeout: 120_000 }).not.toBe(bySave);
    await webview.getByRole("button", { name: "Run", exact: true }).waitFor(); // not running any more
    const before = await source();
    await bySlider.press("ArrowRight");
    await expect.poll(source, { timeout: 120_000 }).not.toBe(before);
    expect(await bySlider.inputValue()).not.toBe("0.2");
    await shown.click();
    await expect.poll(() => page.locator("#status\\.editor\\.selection").innerText()).toContain("Ln 9,");
  }, 200_000);
});
