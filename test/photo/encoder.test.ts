// Encoders: trained on a model's samples, written, read again, refused where they do not fit.
import { describe, expect, test } from "vitest";
import { ENCODER_SIZE, encoderNetwork } from "../../src/compiler/build/encoder.js";
import { parametersOf } from "../../src/compiler/build/training.js";
import { sizeOf } from "../../src/compiler/graph/shape.js";
import { ENCODER_DEFAULTS, trainEncoder } from "../../src/learn/encoder/train-encoder.js";
import { readEncoder, writeEncoder, type Encoder } from "../../src/models/encoder-file.js";
import { openEngine } from "../../src/node/engines/open.js";
import { encode } from "../../src/runtime/draw/encode.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";

const model = randomModel();
const { zDim, wDim } = model.info;

function randomEncoder(): Encoder {
  const r = random(3);
  const network = encoderNetwork([4], zDim + wDim);
  const weights = parametersOf(network).map(({ name, shape }) => [
    name,
    Float32Array.from({ length: sizeOf(shape) }, () => r.normal() / 50),
  ]);
  return {
    ...{ model: { name: "tiny", sha256: "00" }, zDim, wDim, network },
    weights: Object.fromEntries(weights) as Record<string, Float32Array>,
    scale: new Float32Array(zDim + wDim).fill(2),
    offset: new Float32Array(zDim + wDim).fill(1),
  };
}

describe("an encoder", () => {
  test("learns what the model's pictures are of, and the same each time", { timeout: 60_000 }, async () => {
    const engine = await openEngine("onnx-cpu");
    try {
      const settings = { ...ENCODER_DEFAULTS, count: 1024, epochs: 12, hidden: [32] };
      const first = await trainEncoder(model, settings, { engine });
      expect(first.explained.w).toBeGreaterThan(0.15);
      const again = await trainEncoder(model, settings, { engine });
      expect(writeEncoder(again.encoder)).toEqual(writeEncoder(first.encoder));
    } finally {
      await engine.dispose();
    }
  });

  test("is read as it was written", () => {
    const encoder = randomEncoder();
    expect(readEncoder(writeEncoder(encoder), "e")).toEqual(encoder);
  });

  test("says w and z in their own units", async () => {
    const engine = await openEngine("onnx-cpu");
    const encoder = randomEncoder();
    const still = Object.fromEntries(Object.entries(encoder.weights).map(([k, v]) => [k, v.map(() => 0)]));
    const picture = new Float32Array(3 * 64 * 64);
    const said = await encode(picture, [64, 64], { ...encoder, weights: still }, engine);
    expect([...said.w, ...said.z]).toEqual(new Array(zDim + wDim).fill(1));
    expect([said.w.length, said.z.length]).toEqual([wDim, zDim]);
    await engine.dispose();
  });

  test("is refused where it is none, lacks a tensor, or has numbers that are not finite", () => {
    const encoder = randomEncoder();
    const [first = ""] = Object.keys(encoder.weights);
    const broken = { ...encoder, weights: { ...encoder.weights, [first]: encoder.weights[first]!.map(() => NaN) } };
    expect(() => readEncoder(writeEncoder(broken), "e")).toThrow(/not all numbers/);
    expect(() => readEncoder(writeEncoder({ ...encoder, scale: new Float32Array(3) }), "e")).toThrow(/scale/);
    expect(() => readEncoder(writeEncoder({ ...encoder, zDim: 1e9 }), "e")).toThrow(/does not say/);
    expect(ENCODER_SIZE).toBe(32);
  });
});
