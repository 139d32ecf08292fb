import { describe, expect, test } from "vitest";
import { openFaceLabeller } from "../../src/node/labellers/faces.js";
import { headPose, type Point } from "../../src/learn/labellers/head-pose.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import { expectClose } from "../support/close.js";
import { celebrities, FACE_API_PRESENT } from "../support/celebrities.js";
import { GOLDEN_PRESENT } from "../support/golden.js";

/** A face of 68 points: sides of the jaw at +-1, eyes at +-0.4, the nose at (x, y), the mouth 1 below the eyes; then turned. */
function face(nose: Point, roll = 0): Point[] {
  const points: Point[] = Array.from({ length: 68 }, () => ({ x: 0, y: 1 }));
  points[0] = { x: -1, y: 0 };
  points[16] = { x: 1, y: 0 };
  for (let k = 36; k < 42; k++) points[k] = { x: -0.4, y: 0 };
  for (let k = 42; k < 48; k++) points[k] = { x: 0.4, y: 0 };
  points[30] = nose;
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  return points.map(({ x, y }) => ({ x: 50 + 20 * (c * x - s * y), y: 70 + 20 * (s * x + c * y) }));
}

describe("the pose of a head", () => {
  test("is nothing for a face that looks into the camera, wherever it is", () => {
    const { yaw, pitch, roll } = headPose(face({ x: 0, y: 0.6 }))!;
    expectClose([yaw, pitch, roll], [0, 0, 0], { abs: 1e-9, rel: 0 });
  });
  test("turns with the tip of the nose and the line of the eyes", () => {
    const { yaw, pitch, roll } = headPose(face({ x: 0.5, y: 0.85 }, 0.3))!;
    expectClose([yaw, pitch, roll], [30, 30, (0.3 * 180) / Math.PI], { abs: 1e-6, rel: 0 });
  });
  test("is not known of points that are no face", () => {
    expect(headPose([])).toBeUndefined();
    expect(headPose(Array.from({ length: 68 }, () => ({ x: 3, y: 3 })))).toBeUndefined();
  });
});

const STRIPES: RgbImage = { width: 8, height: 8, data: Uint8Array.from({ length: 192 }, (_, i) => (i % 24) * 10) };

describe.skipIf(!FACE_API_PRESENT)("the labeller of faces", () => {
  test("says nothing of a grey picture, and the same of an image in any company", async () => {
    const labeller = await openFaceLabeller();
    const grey: RgbImage = { width: 8, height: 8, data: new Uint8Array(192).fill(120) };
    const both = await labeller.look([grey, STRIPES]);
    const alone = await labeller.look([STRIPES]);
    expect([...both.columns.subarray(0, 8)]).toEqual(new Array(8).fill(NaN));
    expect(both.columns.slice(8)).toEqual(alone.columns);
    expect(both.features!.slice(128)).toEqual(alone.features);
    expect(Math.exp(alone.columns[1]!) + Math.exp(alone.columns[2]!)).toBeCloseTo(1, 4);
    expect(await labeller.label([grey, STRIPES])).toEqual({ columns: both.columns });
    await labeller.dispose();
  });

  test("that looks for faces says nothing of a picture without one, and names itself", async () => {
    const [aligned, finding] = [await openFaceLabeller(), await openFaceLabeller(true)];
    expect((await finding.label([STRIPES])).columns).toEqual(new Float32Array(8).fill(NaN));
    expect((await aligned.label([STRIPES])).columns[0]).toBeGreaterThan(0);
    expect([aligned.name, finding.name]).toEqual([
      expect.stringMatching(/^face-api [\d.]+, aligned faces$/),
      expect.stringMatching(/^face-api [\d.]+, faces found$/),
    ]);
    await aligned.dispose();
    await finding.dispose();
  });

  test.skipIf(!GOLDEN_PRESENT)("sees in aligned faces what it sees in those that it finds", async () => {
    const images = await celebrities(40);
    const [aligned, finding] = [await openFaceLabeller(), await openFaceLabeller(true)];
    const { columns: found } = await finding.label(images);
    const at = images.map((_, k) => k).filter((k) => !Number.isNaN(found[k * 8]));
    expect(at.length).toBeGreaterThanOrEqual(3);
    const { columns } = await aligned.label(at.map((k) => images[k]!));
    await aligned.dispose();
    await finding.dispose();
    const differences = (column: number): number[] =>
      at.map((k, i) => Math.abs(columns[i * 8 + column]! - found[k * 8 + column]!)).sort((a, b) => a - b);
    const median = (values: readonly number[]): number => values[Math.floor(values.length / 2)]!;
    // Years, and degrees of yaw, pitch and roll.
    expect(median(differences(0))).toBeLessThan(5);
    for (const angle of [5, 6, 7]) expect(median(differences(angle))).toBeLessThan(3);
  });

  test.skipIf(!GOLDEN_PRESENT)("finds upright faces, old and young, in images of a generator of faces", async () => {
    const images = await celebrities(6);
    const labeller = await openFaceLabeller();
    const { columns } = await labeller.label(images);
    await labeller.dispose();
    for (let k = 0; k < images.length; k++) {
      const [age, , , , , yaw, , roll] = columns.subarray(k * 8, (k + 1) * 8);
      expect(age).toBeGreaterThan(5);
      expect(age).toBeLessThan(90);
      expect(Math.abs(yaw!)).toBeLessThan(50);
      expect(Math.abs(roll!)).toBeLessThan(30);
    }
  });
});
