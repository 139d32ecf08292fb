import { describe, expect, test } from "vitest";
import { defaultColumns, layoutGrid } from "../../src/runtime/image/grid.js";
import { fillTemplate, imageFormat, insideFolder } from "../../src/runtime/plan/path-template.js";
import { drawText, measureText, wrapText } from "../../src/runtime/image/text.js";
import { imagesFromTile, solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";

const pixel = (image: RgbImage, x: number, y: number): number[] => [
  ...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
];

describe("tiles to images", () => {
  test("each image gets the bytes of its own pixels", () => {
    const [first, second] = imagesFromTile(Float32Array.from([0x007fff, 0x0102fe, 0xffffff, NaN]), 2, 1);
    expect([...first!.data]).toEqual([0, 127, 255, 1, 2, 254]);
    expect([...second!.data]).toEqual([255, 255, 255, 0, 0, 0]);
  });

  test("a tile of the wrong length is a bug", () => {
    expect(() => imagesFromTile(new Float32Array(5), 2, 1)).toThrow(/not made of 2x1/);
  });
});

describe("grids", () => {
  const red = solidImage(4, 4, [255, 0, 0]);
  const blue = solidImage(4, 4, [0, 0, 255]);

  test("images stand in reading order with a margin around each", () => {
    const image = layoutGrid([red, blue, blue], { columns: 2, padding: 1 });
    expect([image.width, image.height]).toEqual([11, 11]);
    expect(pixel(image, 0, 0)).toEqual([255, 255, 255]);
    expect(pixel(image, 1, 1)).toEqual([255, 0, 0]);
    expect(pixel(image, 5, 1)).toEqual([255, 255, 255]);
    expect(pixel(image, 6, 1)).toEqual([0, 0, 255]);
    expect(pixel(image, 1, 6)).toEqual([0, 0, 255]);
    expect(pixel(image, 6, 6)).toEqual([255, 255, 255]);
  });

  test("the default number of columns is about the square root", () => {
    expect([1, 2, 4, 5, 9, 16, 17].map(defaultColumns)).toEqual([1, 2, 2, 3, 3, 4, 5]);
  });

  test("a sample without an image leaves a grey cell", () => {
    const image = layoutGrid([red, undefined], { columns: 2, padding: 1 });
    expect(pixel(image, 6, 1)).toEqual([208, 208, 208]);
  });

  test("images of two sizes in one grid are a bug", () => {
    expect(() => layoutGrid([red, solidImage(3, 4, [0, 0, 0])])).toThrow(/4x4 and 3x4/);
  });

  test("labels stand above the columns and left of the rows, with room of their own", () => {
    const [dark, light] = [solidImage(64, 64, [200, 0, 0]), solidImage(64, 64, [0, 0, 200])];
    const labelled = { columns: 2, padding: 2, columnLabels: ["a", "hair is red, not brown"], rowLabels: ["t = 0.5"] };
    const sheet = layoutGrid([dark, light], labelled);
    const plain = layoutGrid([dark, light], { columns: 2, padding: 2 });
    const [left, top] = [sheet.width - plain.width, sheet.height - plain.height];
    expect(left).toBeGreaterThan(20);
    expect(top).toBeGreaterThan(20); // two lines at least
    expect(pixel(sheet, left + 2, top + 2)).toEqual([200, 0, 0]);
    expect(pixel(sheet, left + 68, top + 65)).toEqual([0, 0, 200]);
    const ink = (x0: number, x1: number, y0: number, y1: number): number => {
      let dark = 0;
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) dark += pixel(sheet, x, y)[1]! < 128 ? 1 : 0;
      return dark;
    };
    expect(ink(left, left + 66, 0, top)).toBeGreaterThan(5);
    expect(ink(left + 66, sheet.width, 0, top)).toBeGreaterThan(40);
    expect(ink(0, left, top, sheet.height)).toBeGreaterThan(20);
  });
});

describe("text", () => {
  test("lines are broken at spaces only, each within the width if its words are", () => {
    expect(wrapText("hair is red", 1, 1000)).toEqual(["hair is red"]);
    const lines = wrapText("hair is red and glasses", 1, 60);
    expect(lines.join(" ")).toBe("hair is red and glasses");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(measureText(line, 1)).toBeLessThanOrEqual(60);
  });

  test("every printable letter of ASCII has a glyph of its own, an accent is dropped, and what is unknown is a box", () => {
    const drawn = (text: string): string => {
      const image = solidImage(24, 24, [255, 255, 255]);
      drawText(image, text, 2, 2, 1);
      return image.data.join();
    };
    const letters = Array.from({ length: 94 }, (_, k) => String.fromCharCode(33 + k));
    expect(new Set(letters.map(drawn)).size).toBe(94);
    expect(drawn("\u00e9")).toBe(drawn("e"));
    expect(drawn("\u4e2d")).toBe(drawn("\u6587"));
    expect(letters.map(drawn)).not.toContain(drawn("\u4e2d"));
  });

  test("ink that would leave the picture is left out", () => {
    const image = solidImage(8, 8, [255, 255, 255]);
    drawText(image, "WWW", 3, -5, -5);
    expect(image.data).toHaveLength(8 * 8 * 3);
  });
});

describe("output paths", () => {
  test("the index is filled in wherever it stands; other braces stay", () => {
    expect(fillTemplate("{index}/a-{index}{x}.png", { index: 3 })).toBe("3/a-3{x}.png");
  });

  test("the extension decides the format", () => {
    expect(["a.PNG", "a.webp", "a.jpg", "a.jpeg", "a.avif", "a.gif", "a"].map(imageFormat)).toEqual([
      "png",
      "webp",
      "jpeg",
      "jpeg",
      "avif",
      undefined,
      undefined,
    ]);
  });

  test("a path that leaves the folder is seen", () => {
    expect(["a.png", "a/../b.png", "./a.png"].every(insideFolder)).toBe(true);
    expect(["../a.png", "a/../../b.png", "/a.png", "C:\\a.png", "\\a", ".", ""].some(insideFolder)).toBe(false);
  });
});
