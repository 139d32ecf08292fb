import { describe, expect, test } from "vitest";
import { defaultColumns, layoutGrid } from "../../src/runtime/image/grid.js";
import { fillTemplate, imageFormat, insideFolder } from "../../src/runtime/image/path-template.js";
import { imagesFromTile, solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";

const pixel = (image: RgbImage, x: number, y: number): number[] => [
  ...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
];

describe("tiles to images", () => {
  test("each image gets its own bytes, the fraction cut off", () => {
    const [first, second] = imagesFromTile(Float32Array.from([0, 127.99, 255, 1.5, 2, 254.999]), 1, 1);
    expect([...first!.data]).toEqual([0, 127, 255]);
    expect([...second!.data]).toEqual([1, 2, 254]);
  });

  test("a tile of the wrong length is a bug", () => {
    expect(() => imagesFromTile(new Float32Array(5), 1, 1)).toThrow(/not made of 1x1/);
  });
});

describe("grids", () => {
  const red = solidImage(4, 4, [255, 0, 0]);
  const blue = solidImage(4, 4, [0, 0, 255]);

  test("images stand in reading order with a margin around each", () => {
    const { image } = layoutGrid([red, blue, blue], { columns: 2, padding: 1 });
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
    const { image } = layoutGrid([red, undefined], { columns: 2, padding: 1 });
    expect(pixel(image, 6, 1)).toEqual([208, 208, 208]);
  });

  test("images of two sizes in one grid are a bug", () => {
    expect(() => layoutGrid([red, solidImage(3, 4, [0, 0, 0])])).toThrow(/4x4 and 3x4/);
  });

  test("labels have room above the columns and left of the rows", () => {
    const { image, labels } = layoutGrid([red, blue], {
      columns: 2,
      padding: 1,
      columnLabels: ["a", "b"],
      rowLabels: ["r"],
    });
    expect(labels.map((l) => l.text)).toEqual(["a", "b", "r"]);
    for (const label of labels) {
      expect(label.x + label.width).toBeLessThanOrEqual(image.width);
      expect(label.y + label.height).toBeLessThanOrEqual(image.height);
    }
    expect(pixel(image, labels[0]!.x, labels[2]!.y)).toEqual([255, 0, 0]);
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
