import { describe, expect, test } from "vitest";
import { layoutBlocks, planBlocks } from "../../src/runtime/image/blocks.js";
import { layoutGrid } from "../../src/runtime/image/grid.js";
import { solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";

const red = solidImage(24, 24, [255, 0, 0]);
const blue = solidImage(24, 24, [0, 0, 255]);

/** The colour of a pixel. */
function at({ data, width }: RgbImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}
/** Whether some pixel in these rows is dark: ink. */
function hasInk(image: RgbImage, from: number, to: number): boolean {
  for (let y = from; y < to; y++)
    for (let x = 0; x < image.width; x++) if (Math.max(...at(image, x, y)) < 100) return true;
  return false;
}

describe("sheets of blocks", () => {
  test("one block without title and caption is its grid", () => {
    const options = { columns: 2, padding: 3, rowLabels: ["a", "b"] };
    const images = [red, blue, red, undefined];
    expect(layoutBlocks([{ images, options }])).toEqual(layoutGrid(images, options));
  });

  test("blocks stand below each other under their titles, and the caption under them all", () => {
    const blocks = [
      { images: [red, red], options: { columns: 2, padding: 2 }, title: "warm" },
      { images: [blue], options: { columns: 1, padding: 2 }, title: "cold" },
    ];
    const caption = "what goes on here, in more words than one line has room for";
    const sheet = layoutBlocks(blocks, caption);
    const size = { width: 24, height: 24 };
    const plan = planBlocks(
      blocks.map((b) => ({ ...b, size, count: b.images.length })),
      caption,
    );
    expect([sheet.width, sheet.height]).toEqual([plan.width, plan.height]);
    const [first, second] = plan.blocks;
    expect(at(sheet, 10, first!.grid + 10)).toEqual([255, 0, 0]);
    expect(at(sheet, 10, second!.grid + 10)).toEqual([0, 0, 255]);
    expect(hasInk(sheet, first!.title, first!.grid)).toBe(true);
    expect(hasInk(sheet, second!.title, second!.grid)).toBe(true);
    expect(plan.caption.lines.length).toBeGreaterThan(1);
    expect(plan.caption.lines.join(" ")).toBe(caption);
    expect(hasInk(sheet, plan.caption.top, plan.height)).toBe(true);
    expect(hasInk(sheet, first!.grid, second!.title)).toBe(false);
  });

  test("a caption breaks where it says so, and a word wider than the sheet widens it", () => {
    const size = { width: 24, height: 24 };
    const block = { options: { columns: 1 }, size, count: 1 };
    expect(planBlocks([block], "a\nb").caption.lines).toEqual(["a", "b"]);
    expect(planBlocks([block], "incomprehensibilities").width).toBeGreaterThan(planBlocks([block], "a").width);
  });

  test("labels of cells stand above each image, in a band that rows share", () => {
    const options = { columns: 2, padding: 2, cellLabels: ["0", "1", "2"] };
    const plain = layoutGrid([red, red, red], { columns: 2, padding: 2 });
    const sheet = layoutGrid([red, red, red], options);
    const band = (sheet.height - plain.height) / 2;
    expect(band).toBeGreaterThan(5);
    expect(hasInk(sheet, 0, 2 + band)).toBe(true);
    expect(at(sheet, 2, 2 + band)).toEqual([255, 0, 0]);
    expect(hasInk(sheet, 2 + band + 24, 2 + band + 24 + 2 + band)).toBe(true);
    expect(at(sheet, 2, 2 * (2 + band) + 24)).toEqual([255, 0, 0]);
    expect(sheet.width).toBe(plain.width);
  });
});
