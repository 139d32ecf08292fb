import { describe, expect, test } from "vitest";
import { marked } from "../../src/runtime/image/marks.js";
import { solidImage, type RgbImage } from "../../src/runtime/image/rgb.js";

const at = ({ data, width }: RgbImage, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];

describe("marks", () => {
  const picture = solidImage(80, 60, [10, 20, 30]);

  test("a picture that satisfies has none", () => {
    expect(marked(picture, "satisfied")).toBe(picture);
  });

  test.each([
    ["not", [214, 48, 49]],
    ["unclear", [240, 173, 30]],
  ] as const)("a verdict `%s` is a frame and a sign in the corner, on a copy", (verdict, colour) => {
    const image = marked(picture, verdict);
    for (const [x, y] of [
      [79, 59],
      [0, 59],
      [79, 0],
      [40, 1],
      [1, 40],
    ] as const)
      expect(at(image, x, y)).toEqual(colour);
    expect(at(image, 40, 30)).toEqual([10, 20, 30]);
    expect(at(picture, 0, 0)).toEqual([10, 20, 30]);
    const corner = Array.from({ length: 64 }, (_, k) => at(image, k % 8, Math.floor(k / 8))[0]!);
    expect(Math.min(...corner)).toBeLessThan(100); // ink of the sign
  });

  test("the signs differ, so that colour alone need not tell", () => {
    const ink = (verdict: "not" | "unclear"): string =>
      Array.from({ length: 100 }, (_, k) =>
        at(marked(picture, verdict), k % 10, Math.floor(k / 10))[1]! < 45 ? "#" : ".",
      ).join("");
    expect(ink("not")).not.toBe(ink("unclear"));
  });

  test("a picture too small for a sign has the frame", () => {
    const tiny = marked(solidImage(6, 6, [0, 0, 0]), "not");
    expect(at(tiny, 5, 5)).toEqual([214, 48, 49]);
    expect(at(tiny, 3, 3)).toEqual([0, 0, 0]);
  });
});
