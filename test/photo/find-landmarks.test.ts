// `landmarks find`: a detector looks for the face of a photograph, where one is installed.
import { describe, expect, test } from "vitest";
import type { PhotoStart } from "../../src/compiler/plan.js";
import type { Model } from "../../src/models/model.js";
import { findLandmarks } from "../../src/node/labellers/faces.js";
import { framedPhotograph } from "../../src/runtime/run/open-photograph.js";
import type { ImageCodec } from "../../src/runtime/services/codec.js";
import type { World } from "../../src/runtime/services/world.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import { NOWHERE } from "../../src/source/span.js";
import { celebrities, FACE_API_PRESENT } from "../support/celebrities.js";
import { GOLDEN_PRESENT } from "../support/golden.js";
import { randomModel } from "../support/model.js";

const STRIPES: RgbImage = { width: 8, height: 8, data: Uint8Array.from({ length: 192 }, (_, i) => (i % 24) * 10) };
const FIVE = [
  [2, 3],
  [6, 3],
  [4, 5],
  [3, 6],
  [5, 6],
] as const;

describe("a photograph whose face is to be found", () => {
  const start: PhotoStart = {
    ...{ kind: "photo", file: "me.png", space: "p+", prior: 0.1, tries: 1, tune: 0, span: NOWHERE },
  };
  const model: Model = randomModel();
  const frame = (findFace?: World["findFace"], landmarks: PhotoStart["landmarks"] = { kind: "find" }) =>
    framedPhotograph(
      { ...start, landmarks },
      {
        model,
        world: {
          host: { readBytes: () => Promise.resolve(new Uint8Array(0)) } as unknown as World["host"],
          ...(findFace && { findFace }),
        },
        codec: { photograph: () => Promise.resolve(STRIPES) } as unknown as ImageCodec,
      },
    );

  test("lies where the detector says", async () => {
    const seen: RgbImage[] = [];
    const found = await frame((image) => {
      seen.push(image);
      return Promise.resolve(FIVE);
    });
    expect(seen).toEqual([STRIPES]);
    const given = await frame(undefined, { kind: "points", points: FIVE.flat() });
    expect(found.frame).toEqual(given.frame);
    expect(found.frame).not.toEqual(
      (await frame(undefined, { kind: "points", points: FIVE.flat().map((x) => x + 1) })).frame,
    );
  });

  test("is asked for by five points where no face is found, or nothing finds faces", async () => {
    await expect(frame(() => Promise.resolve(undefined))).rejects.toThrow("L5327");
    await expect(frame()).rejects.toThrow("L5314");
  });
});

describe.skipIf(!FACE_API_PRESENT)("the detector", () => {
  test("finds no face in stripes", async () => {
    expect(await findLandmarks(STRIPES)).toBeUndefined();
  });

  test.skipIf(!GOLDEN_PRESENT)("finds eyes, nose and mouth of a face, and moves with it", async () => {
    const size = 64;
    const faces = await celebrities(40);
    let seen = 0;
    for (const face of faces) {
      if (seen === 3) break;
      const own = await findLandmarks(face);
      if (own === undefined) continue;
      const aside = await findLandmarks(placed(face, 96, 80, 24, 10));
      if (aside === undefined) continue;
      seen++;
      const [left, right, nose, mouthLeft, mouthRight] = aside;
      expect(left![0]).toBeLessThan(right![0]);
      expect(mouthLeft![0]).toBeLessThan(mouthRight![0]);
      expect(nose![1]).toBeGreaterThan((left![1] + right![1]) / 2);
      expect((mouthLeft![1] + mouthRight![1]) / 2).toBeGreaterThan(nose![1]);
      own.forEach(([x, y], k) => {
        expect(Math.abs(aside[k]![0] - x - 24)).toBeLessThan(0.1 * size);
        expect(Math.abs(aside[k]![1] - y - 10)).toBeLessThan(0.1 * size);
      });
    }
    expect(seen).toBeGreaterThanOrEqual(2);
  });
});

/** A picture on grey, its upper left corner at (x, y). */
function placed(image: RgbImage, width: number, height: number, x: number, y: number): RgbImage {
  const data = new Uint8Array(width * height * 3).fill(128);
  for (let row = 0; row < image.height; row++)
    data.set(image.data.subarray(row * image.width * 3, (row + 1) * image.width * 3), ((y + row) * width + x) * 3);
  return { width, height, data };
}
