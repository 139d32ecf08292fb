// Aligning a photograph by five points, and putting a picture back into it.
import { describe, expect, test } from "vitest";
import { readLandmarks } from "../../src/models/landmarks.js";
import {
  alignedPicture,
  FFHQ_POINTS,
  middleOf,
  pasted,
  similarityOf,
  type ImagePoint,
  type Similarity,
} from "../../src/runtime/image/alignment.js";
import { fitted } from "../../src/runtime/image/fit.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";

const TURNED: Similarity = { a: 1.2, b: 0.5, x0: 20, y0: -7 };
const moved = ({ a, b, x0, y0 }: Similarity, [x, y]: ImagePoint): ImagePoint => [
  a * x - b * y + x0,
  b * x + a * y + y0,
];

/** A smooth picture: no two points are of one colour. */
function gradient(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data.set(
        [(255 * x) / width, (255 * y) / height, 128 + 100 * Math.sin((x + y) / 20)].map(Math.round),
        (y * width + x) * 3,
      );
  return { width, height, data };
}
function furthest(a: RgbImage, b: RgbImage, isSeen: (x: number, y: number) => boolean = () => true): number {
  let most = 0;
  a.data.forEach((value, i) => {
    const p = Math.floor(i / 3);
    if (isSeen(p % a.width, Math.floor(p / a.width))) most = Math.max(most, Math.abs(value - (b.data[i] ?? 0)));
  });
  return most;
}

describe("the similarity of points", () => {
  const from = FFHQ_POINTS.map(([x, y]): ImagePoint => [x * 128, y * 128]);

  test("is the one that moved them", () => {
    const found = similarityOf(
      from,
      from.map((p) => moved(TURNED, p)),
    )!;
    for (const key of ["a", "b", "x0", "y0"] as const) expect(found[key]).toBeCloseTo(TURNED[key], 9);
  });

  test("has the least sum of squares where no similarity moves all of them", () => {
    const to = from.map((p, i): ImagePoint => [
      moved(TURNED, p)[0] + 3 * Math.sin(i),
      moved(TURNED, p)[1] + 2 * Math.cos(3 * i),
    ]);
    const off = (s: Similarity): number =>
      from.reduce((sum, p, i) => sum + Math.hypot(moved(s, p)[0] - to[i]![0], moved(s, p)[1] - to[i]![1]) ** 2, 0);
    const found = similarityOf(from, to)!;
    for (const key of ["a", "b", "x0", "y0"] as const)
      for (const step of [1e-3, -1e-3]) expect(off({ ...found, [key]: found[key] + step })).toBeGreaterThan(off(found));
  });

  test("is none where they are all one", () => {
    expect(
      similarityOf(
        from.map(() => [1, 1] as const),
        from,
      ),
    ).toBeUndefined();
    expect(
      similarityOf(
        from,
        from.map(() => [1, 1] as const),
      ),
    ).toBeUndefined();
  });
});

describe("a photograph", () => {
  const photo = gradient(160, 120);

  test("that is aligned shows at each point what is there", () => {
    const picture = alignedPicture(photo, { a: 1, b: 0, x0: 20, y0: 30 }, 64, 64);
    expect([...picture.data.subarray(0, 3)]).toEqual([
      ...photo.data.subarray((30 * 160 + 20) * 3, (30 * 160 + 20) * 3 + 3),
    ]);
    const turned = alignedPicture(photo, { a: 0, b: 1, x0: 100, y0: 0 }, 64, 64);
    // One step to the right in the picture is one down in the photograph.
    expect(turned.data[3 * 10 + 1]).toBe(photo.data[(10 * 160 + 99) * 3 + 1]);
  });

  test("whose middle is taken is cut as without landmarks", () => {
    expect(furthest(alignedPicture(photo, middleOf(photo, 40, 40), 40, 40), fitted(photo, 40, 40))).toBeLessThan(12);
  });

  test("has its own picture put back as it was", () => {
    const frame: Similarity = { a: 0.9, b: 0.2, x0: 40, y0: 20 };
    const whole = pasted(photo, alignedPicture(photo, frame, 64, 64), frame, 0.1);
    expect(furthest(whole, photo)).toBeLessThan(6);
  });

  test("keeps what lies outside of the picture, and fades at its edge", () => {
    const grey: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(255) };
    const frame: Similarity = { a: 1, b: 0, x0: 50, y0: 30 };
    const whole = pasted(photo, grey, frame, 0.25);
    expect(furthest(whole, photo, (x, y) => x < 50 || y < 30 || x >= 114 || y >= 94)).toBe(0);
    const at = (x: number, y: number): number => whole.data[(y * 160 + x) * 3] ?? 0;
    expect(at(82, 62)).toBe(255);
    expect(at(51, 62)).toBeLessThan(at(58, 62));
    expect(at(58, 62)).toBeLessThan(at(65, 62));
    expect(pasted(photo, grey, frame, 0).data[(62 * 160 + 50) * 3]).toBe(255);
  });
});

describe("a file of landmarks", () => {
  const five = [
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
    [9, 10],
  ];

  test("has five points, with a template or without, or the 68 of dlib", () => {
    expect(readLandmarks(JSON.stringify(five), "f")).toEqual({ points: five });
    const both = { points: five, template: five.map((p) => p.map((x) => x / 10)) };
    expect(readLandmarks(JSON.stringify(both), "f")).toEqual(both);
    const many = Array.from({ length: 68 }, (_, k) => [k, 2 * k]);
    expect(readLandmarks(JSON.stringify(many), "f").points).toEqual([
      [38.5, 77],
      [44.5, 89],
      [30, 60],
      [48, 96],
      [54, 108],
    ]);
  });

  test.each(["", "{}", "[[1,2]]", '[[1,2],[3,4],[5,6],[7,8],["a",10]]', "[[1,2],[3,4],[5,6],[7,8],[9,1e999]]"])(
    "that is %j is refused",
    (text) => {
      expect(() => readLandmarks(text, "f.json")).toThrow(/f\.json/);
    },
  );
});
