// `text("a smiling man" against "a man" by "clip/")` as a head of pictures: its logits by formulas, its gradient in z, its crops.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { buildImage } from "../../src/compiler/build/likeness.js";
import { compilePictureReadout } from "../../src/compiler/build/pictures.js";
import { buildCrop } from "../../src/compiler/build/prompt-head.js";
import { buildResampled } from "../../src/compiler/build/resample.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { PictureCrop, PromptHead } from "../../src/compiler/picture-head.js";
import { promptCrops } from "../../src/learn/labellers/prompt-crops.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { readClip } from "../../src/node/labellers/clip.js";
import { expectClose } from "../support/close.js";
import { SPAN } from "../support/energies.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { EDGE, embedImage, embedText, writeTinyClip } from "../support/tiny-clip.js";

const r = random(17);
const model = randomModel();
const { numWs, wDim, zDim } = model.info;
const look = { model, layout: "nchw", noise: "const", truncation: 0.7, anchored: false } as const;
const normals = (n: number): Float64Array => Float64Array.from({ length: n }, () => r.normal());
const WHOLE: PictureCrop = { left: 0, top: 0, size: 1 };
const CROPS: readonly PictureCrop[] = [WHOLE, { left: 0.25, top: 0, size: 0.7 }, { left: 0, top: 0.4, size: 0.6 }];

let folder: string;
let head: PromptHead;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lacec-prompt-"));
  writeTinyClip(folder);
  const { bytes, sha256, input, output, texts } = await readClip(folder, ["a man", "a smiling man"]);
  const network = readOnnxModel(bytes);
  head = {
    ...{ kind: "prompt", look: { network, input, sha256 }, output, texts: [texts[0]!, texts[1]!], crops: CROPS },
  };
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const unit = (x: ArrayLike<number>): number[] => {
  const length = Math.hypot(...Array.from(x));
  return Array.from(x, (v) => v / length);
};

/** A crop of a picture at the size of the network, as bytes that are not rounded. */
function cropOf(ws: Float64Array, crop: PictureCrop): Float64Array {
  const b = new GraphBuilder();
  const image = b.clip(buildImage(b, b.input("ws", [1, numWs, wDim]), look, Infinity), -1, 1);
  const small = buildResampled(b, buildCrop(b, image, crop), EDGE, EDGE);
  const planes = interpret(b.finish({ outputs: { small } }), { ws })["small"]!;
  const area = EDGE * EDGE;
  return Float64Array.from({ length: 3 * area }, (_, i) => (planes[(i % 3) * area + Math.floor(i / 3)]! + 1) * 127.5);
}

describe("what a text says of a picture", () => {
  test("has texts embedded as by hand, of length 1", () => {
    expectClose(head.texts[0], unit(embedText("a man")), { abs: 1e-5, rel: 0 });
    expectClose(head.texts[1], unit(embedText("a smiling man")), { abs: 1e-5, rel: 0 });
  });

  test("is a hundred times the cosines of crops with both texts, in the mean", () => {
    const ws = normals(numWs * wDim);
    const { seen } = interpret(compilePictureReadout(look, [head], 1), { ws });
    const wanted = [0, 1].map((text) => {
      const cosines = CROPS.map((crop) => {
        const own = unit(embedImage({ width: EDGE, height: EDGE, data: cropOf(ws, crop) as never }));
        return own.reduce((sum, x, i) => sum + x * head.texts[text]![i]!, 0);
      });
      return (100 * cosines.reduce((a, c) => a + c, 0)) / CROPS.length;
    });
    expectClose(seen!, wanted, { abs: 1e-4, rel: 0 });
  });

  test("has the gradient of central differences, two rows at once", () => {
    const place = model.weights.heads.length;
    const task: EnergyTask = {
      weights: { ...model.weights, heads: [...model.weights.heads, { attribute: "t", layers: [], picture: head }] },
      ...{ truncation: 0.7, rows: 2, logic: "product", look },
      attributes: [...model.info.attributes, { name: "t", type: "binary", classes: ["no", "yes"], temperature: 1 }],
      energy: { kind: "class", attribute: place, values: [1], temperature: 1, span: SPAN },
    };
    const graph = compileEnergyGradient(task);
    const z = normals(2 * zDim);
    const { grad } = interpret(graph, { z });
    for (let i = 0; i < z.length; i++) {
      const at = (by: number) => interpret(graph, { z: z.map((x, k) => (k === i ? x + by : x)) })["logp"]!;
      const row = Math.floor(i / zDim);
      const slope = (at(1e-5)[row]! - at(-1e-5)[row]!) / 2e-5;
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });
});

describe("the crops", () => {
  test("are eight, the whole first, all inside, always the same", () => {
    const crops = promptCrops();
    expect(crops).toHaveLength(8);
    expect(crops[0]).toEqual(WHOLE);
    expect(promptCrops()).toEqual(crops);
    for (const { left, top, size } of crops) {
      expect(size).toBeGreaterThanOrEqual(0.6);
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(Math.max(left, top) + size).toBeLessThanOrEqual(1 + 1e-12);
    }
    expect(new Set(crops.map((c) => c.size)).size).toBe(8);
  });

  test("are parts of whole pixels", () => {
    const b = new GraphBuilder();
    const image = b.constant(
      Array.from({ length: 30 }, (_, i) => i),
      [1, 1, 5, 6],
    );
    const part = buildCrop(b, image, { left: 0.5, top: 0.4, size: 0.5 });
    expect(b.shape(part)).toEqual([1, 1, 3, 3]);
    expect([...interpret(b.finish({ outputs: { part } }), {})["part"]!]).toEqual([15, 16, 17, 21, 22, 23, 27, 28, 29]);
  });
});

test("images are normalized as the model says", async () => {
  const { input } = await readClip(folder, ["a man"]);
  const said = JSON.parse(readFileSync(join(folder, "preprocessor_config.json"), "utf8")) as { image_mean: number[] };
  expect(input.mean).toEqual(said.image_mean);
});
