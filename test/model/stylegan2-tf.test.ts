import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import type { StyleganModel } from "../../src/models/model.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { forClass } from "../../src/compiler/build/for-class.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, goldenBytes } from "../support/golden.js";
import { blocksOf, randomModel } from "../support/model.js";
import { unicode, int } from "../support/pickle.js";
import { tensorflowCheckpoint, type TensorflowOptions } from "../support/tensorflow-pickle.js";

async function back(model: StyleganModel, options?: TensorflowOptions): Promise<StyleganModel> {
  const { kind, model: read } = await readCheckpoint(tensorflowCheckpoint(model, options), "x.pkl", {
    name: model.info.name,
    sha256: "",
  });
  expect(kind).toBe("stylegan2-tensorflow");
  return read;
}

function draw(model: StyleganModel): Float64Array | Float32Array {
  const { numWs, wDim } = model.info;
  const ws = Float32Array.from({ length: numWs * wDim }, (_, i) => Math.sin(i));
  return interpret(buildSynthesis(model, { rows: 1, layout: "nchw", noise: "const" }), { ws })["image"]!;
}

function mapped(model: StyleganModel, index = 0): ArrayLike<number> {
  const weights = { ...forClass(model.weights, index), heads: [] };
  const z = Float32Array.from({ length: model.info.zDim }, (_, i) => Math.cos(i));
  return interpret(compileReadout({ weights, truncation: 0.7, rows: 1 }), { z })["w"]!;
}

describe("TensorFlow-era checkpoints", () => {
  it.each(["skip", "orig", "resnet"] as const)(
    "style %s draws the image of the model it was written from",
    async (style) => {
      const model = randomModel({ style, attributes: [] });
      for (const flat of [false, true]) {
        const read = await back(model, { flat });
        expectClose(draw(read), draw(model), { abs: 1e-5, rel: 1e-5 });
        expectClose(mapped(read), mapped(model), { abs: 1e-6, rel: 1e-6 });
        expect(read.info).toMatchObject({ zDim: 6, wDim: 8, numWs: 6, resolution: 16, attributes: [] });
      }
    },
  );

  it("its settings count: filter, clamp, learning-rate multiplier, normalisation", async () => {
    const base = randomModel({ attributes: [] });
    const model = { ...base, synthesis: { ...base.synthesis, firKernel: [1, 2, 1], clamp: 2 } };
    const read = await back(model, { settings: { normalize_latents: 0x89 } });
    expect(read.synthesis).toMatchObject({ firKernel: [1, 2, 1], clamp: 2 });
    expect(read.weights.mapping!.normalize).toBe(false);
    expectClose(draw(read), draw(model), { abs: 1e-5, rel: 1e-5 });
  });

  it("a conditional one has its classes, as StyleGAN2-ADA embeds them", async () => {
    const base = randomModel({ attributes: [] });
    const mapping = base.weights.mapping!;
    const [firstLayer, ...others] = mapping.layers;
    const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(3 * i));
    const out = firstLayer!.bias.data.length;
    const wide = {
      ...firstLayer!,
      weight: { shape: [out, 12], data: numbers(out * 12) },
      weightGain: 0.01 / Math.sqrt(12),
    };
    const embedding = {
      weight: { shape: [6, 3], data: numbers(18) },
      bias: { shape: [6], data: numbers(6) },
      weightGain: 1 / Math.sqrt(3),
    };
    const model = {
      ...base,
      info: { ...base.info, classes: 3 },
      weights: { ...base.weights, mapping: { ...mapping, layers: [wide, ...others], embedding } },
    };
    const read = await back(model);
    expect(read.info.classes).toBe(3);
    for (const index of [0, 2]) expectClose(mapped(read, index), mapped(model, index), { abs: 1e-6, rel: 1e-6 });
  });

  it.each([
    ["an architecture that is not known", { architecture: unicode("plain") }, /L5107.*none of skip, orig, resnet/],
    ["classes that it does not embed", { label_size: int(4) }, /L5107.*conditional/],
    ["a multiplier that is none", { mapping_lrmul: unicode("x") }, /L5107.*mapping_lrmul/],
  ] as const)("refuses %s", async (_, settings, error) => {
    await expect(back(randomModel({ attributes: [] }), { settings })).rejects.toThrow(error);
  });

  it.skipIf(!GOLDEN_PRESENT)("channels that shrink with the resolution fit (needs ../shared/golden)", async () => {
    const file = "stylegan2-rosinality/size64.pt";
    const { model } = await readCheckpoint(goldenBytes(file), file, { name: "size64", sha256: "" });
    const read = await back(model);
    expect(blocksOf(read.synthesis).later.map((b) => b.conv1.bias.data.length)).toEqual(
      blocksOf(model.synthesis).later.map((b) => b.conv1.bias.data.length),
    );
    expectClose(draw(read), draw(model), { abs: 1e-4, rel: 1e-4 });
    expectClose(mapped(read), mapped(model), { abs: 1e-5, rel: 1e-5 });
  });
});
