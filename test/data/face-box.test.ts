import { describe, expect, test } from "vitest";
import { alignedSquare, descriptorSquare, squareAround, squareAt } from "../../src/learn/labellers/face-box.js";
import type { Point } from "../../src/learn/labellers/head-pose.js";

const EDGE = 200;

/** 68 landmarks: the jaw from (x, y) to (x + size, y + size), eyes and mouth at the given heights. */
function face(x: number, y: number, size: number, eyes = 0.3, mouth = 0.75): Point[] {
  const points: Point[] = Array.from({ length: 68 }, () => ({ x: x + size / 2, y: y + size / 2 }));
  points[0] = { x, y };
  points[16] = { x: x + size, y: y + size };
  for (let k = 36; k < 42; k++) points[k] = { x: x + 0.3 * size, y: y + eyes * size };
  for (let k = 42; k < 48; k++) points[k] = { x: x + 0.7 * size, y: y + eyes * size };
  for (let k = 48; k < 68; k++) points[k] = { x: x + 0.5 * size, y: y + mouth * size };
  return points;
}

describe("the square of a face", () => {
  test("of a generator of aligned faces holds those of CelebA and of FFHQ from brows to chin", () => {
    const { x, y, size } = alignedSquare(1000);
    // Eyes, in parts of the image; the chin lies below them by 2.5 distances of the eyes.
    for (const [left, right, height] of [
      [0.39, 0.61, 0.51],
      [0.375, 0.625, 0.47],
    ] as const) {
      const apart = right - left;
      expect(x / 1000).toBeLessThan(left - 0.5 * apart);
      expect((x + size) / 1000).toBeGreaterThan(right + 0.5 * apart);
      expect(y / 1000).toBeLessThan(height - 0.5 * apart);
      expect((y + size) / 1000).toBeGreaterThan(height + 1.7 * apart);
    }
  });

  test("lies about the landmarks, a fifth larger than they are", () => {
    expect(squareAround(face(60, 50, 80), EDGE)).toEqual({ x: 52, y: 42, size: 96 });
  });

  test("of a descriptor lies as dlib aligns: by the middles of eyes and mouth", () => {
    const apart = Math.hypot(0.2 * 80, 0.45 * 80); // of an eye and the mouth
    const size = apart / 0.45;
    const { x, y, size: edge } = descriptorSquare(face(60, 50, 80), EDGE);
    expect(edge).toBe(Math.round(size));
    expect(Math.abs(x - (100 - 0.5 * size))).toBeLessThanOrEqual(1);
    expect(Math.abs(y - (50 + 0.45 * 80 - 0.43 * size))).toBeLessThanOrEqual(1);
  });

  test("lies inside the image, and is never nothing", () => {
    expect(squareAround(face(-30, 150, 90), EDGE)).toEqual({ x: 0, y: 92, size: 108 });
    expect(squareAt({ x: 10, y: 300 }, 500, EDGE)).toEqual({ x: 0, y: 0, size: EDGE });
    const lost = squareAround(
      Array.from({ length: 68 }, () => ({ x: 199, y: 3 })),
      EDGE,
    );
    expect(lost).toEqual({ x: 180, y: 0, size: 20 });
  });
});
