// The judge of photographs: what is drawn is what it reads.
import { expect, test } from "vitest";
import { parseLabellerSpec } from "../../src/learn/labellers/labeller-spec.js";
import { openOnnxLabeller } from "../../src/learn/labellers/onnx-labeller.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import { outputsOf } from "../../src/runtime/draw/columns.js";
import { photographJudge } from "./photographs.js";

/** 64 px of what `colour` says of each pixel, 0 to 255. */
function picture(colour: (x: number, y: number) => readonly [number, number, number]): RgbImage {
  const data = Uint8Array.from(
    { length: 64 * 64 * 3 },
    (_, i) => colour(Math.floor(i / 3) % 64, Math.floor(i / 192))[i % 3]!,
  );
  return { width: 64, height: 64, data };
}

test("a face is as light and as warm as its pixels, lit from the side that is lighter; dark hair is dark, a light ground light", async () => {
  const { judge, description } = photographJudge();
  const spec = parseLabellerSpec(JSON.stringify(description), "photographs.json");
  const labeller = await openOnnxLabeller(await openOnnxModel(judge), spec, { name: "photographs", sha256: "" });
  const plain = picture(() => [128, 128, 128]);
  const warm = picture(() => [178, 128, 78]);
  const leftLit = picture((x) => (x < 32 ? [178, 178, 178] : [78, 78, 78]));
  const framed = picture((x, y) => (y < 12 && (x < 10 || x >= 54) ? [250, 250, 250] : [30, 30, 30]));
  const labels = await labeller.label([plain, warm, leftLit, framed]);
  const [p, w, l, f] = outputsOf(labels, 4, labeller.attributes);
  await labeller.dispose();
  expect(labeller.attributes.map((a) => a.name)).toEqual(["light", "warmth", "side", "dark", "ground"]);
  expect(p![0]![0]).toBeCloseTo((128 / 255 - 0.2) / 0.6, 3);
  expect(p![2]![0]).toBeCloseTo(0.5, 3);
  expect(w![1]![0]).toBeCloseTo((100 / 255 + 0.05) / 0.5, 3);
  expect(l![2]![0]).toBeCloseTo((100 / 255 + 0.3) / 0.6, 3);
  expect([p!, f!].map((o) => [o[3]![1]! > 0, o[4]![1]! > 0])).toEqual([
    [false, false],
    [true, true],
  ]);
});
