import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { buildSynthesis, repeatStyles } from "../../src/compiler/build/synthesis.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import type { StyleganModel } from "../../src/models/model.js";
import { averageStyle } from "../../src/runtime/draw/average-style.js";
import { expectClose } from "../support/close.js";
import { randomModel } from "../support/model.js";
import { tensorflowCheckpoint } from "../support/tensorflow-pickle.js";
import { writeSafetensors } from "../../src/models/formats/safetensors.js";
import { engineOf } from "../support/engines.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes, type Expected } from "../support/golden.js";

const open = (name: string) => openSource(goldenBytes(`checkpoint-forms/${name}`), name, { name: "x", sha256: "" });

async function generatorOf(name: string) {
  const source = await open(name);
  if (!("model" in source)) throw new Error(`${name} holds ${source.kind}`);
  return source;
}

/** To 2e-4 of the greatest absolute value. */
function expectGolden(got: ArrayLike<number>, want: Float64Array): void {
  expectClose(got, want, { abs: 2e-4 * want.reduce((m, v) => Math.max(m, Math.abs(v)), 0), rel: 0 });
}

/** The first `rows` of an array. */
function firstRows({ shape, data }: Expected, rows: number): Float64Array {
  return data.subarray(0, (rows * data.length) / (shape[0] ?? 1));
}

/** Row 0 of z through mapping and truncation. */
function styleOf(model: StyleganModel, z: Expected, truncation: number): Float32Array {
  const weights = { ...model.weights, heads: [] };
  const input = Float32Array.from(z.data.subarray(0, model.info.zDim));
  return Float32Array.from(interpret(compileReadout({ weights, truncation, rows: 1 }), { z: input })["w"]!);
}

function draw(model: StyleganModel, ws: Float32Array, noise: "const" | "none"): Float64Array | Float32Array {
  return interpret(buildSynthesis(model, { rows: 1, layout: "nchw", noise }), { ws })["image"]!;
}

describe.skipIf(!GOLDEN_PRESENT)(
  "one generator in the forms in which people keep it (skipped without ../shared/golden)",
  () => {
    it.each([
      "ada_network_alone.pkl",
      "ada_only_G.pkl",
      "ada_tuple.pkl",
      "ada_namespace_beside.pkl",
      "ada_device_beside.pkl",
      "ada_torch_save.pt",
      "ada_state_dict.pt",
      "ada_state_dict_in_dict.pt",
      "ada_state_dict.safetensors",
    ])("%s draws the reference's picture", async (name) => {
      const { kind, model, assumed, averageUnknown } = await generatorOf(name);
      expect([kind, averageUnknown]).toEqual(["stylegan2-ada-pytorch", false]);
      // Tensors alone do not say what the code made of them.
      expect(assumed.join()).toMatch(name.includes("state_dict") ? /multiplier of the mapping is 0\.01/ : /^$/);
      const expected = goldenArrays("checkpoint-forms/ada.expected.safetensors");
      const w = styleOf(model, expected("z"), 0.7);
      expectGolden(w, firstRows(expected("ws_psi0.7"), 1).subarray(0, w.length));
      expectGolden(draw(model, repeatStyles(w, 1, model.info.numWs), "const"), firstRows(expected("img_psi0.7"), 1));
    });

    it.each([
      ["rosinality_state_dict.pt", true],
      ["rosinality_no_average.pt", true],
      ["rosinality_train.pt", true],
      ["rosinality_data_parallel.pt", false],
      ["rosinality_lightning.ckpt", true],
      ["psp.pt", false],
    ])("%s draws the reference's picture; that it has no average w: %s", async (name, averageUnknown) => {
      const source = await generatorOf(name);
      expect([source.kind, source.averageUnknown, source.assumed]).toEqual(["rosinality", averageUnknown, []]);
      const { model } = source;
      const expected = goldenArrays("checkpoint-forms/rosinality.expected.safetensors");
      const w = styleOf(model, expected("z"), 1);
      expectGolden(w, firstRows(expected("w"), 1));
      expectGolden(draw(model, repeatStyles(w, 1, model.info.numWs), "const"), firstRows(expected("img_psi1"), 1));
      if (averageUnknown) return;
      const cut = repeatStyles(styleOf(model, expected("z"), 0.7), 1, model.info.numWs);
      expectGolden(draw(model, cut, "const"), firstRows(expected("img_psi0.7"), 1));
    });

    it("a grey generator draws three equal channels", async () => {
      const { model } = await generatorOf("ada_gray.pkl");
      const expected = goldenArrays("checkpoint-forms/ada_gray.expected.safetensors");
      const w = styleOf(model, expected("z"), 0.7);
      const image = draw(model, repeatStyles(w, 1, model.info.numWs), "const");
      for (let channel = 0; channel < 3; channel++)
        expectGolden(image.subarray(channel * 1024, (channel + 1) * 1024), firstRows(expected("img_psi0.7"), 1));
    });

    it("noise images that a file leaves out are nothing, and it is said", async () => {
      const { model, assumed } = await generatorOf("rosinality_no_noise.pt");
      expect(assumed).toEqual(["the file has no noise images: `noise const` adds none; `noise random` draws its own"]);
      const whole = (await generatorOf("rosinality_data_parallel.pt")).model;
      const w = styleOf(model, goldenArrays("checkpoint-forms/rosinality.expected.safetensors")("z"), 1);
      const ws = repeatStyles(w, 1, model.info.numWs);
      expect([...draw(model, ws, "const")]).toEqual([...draw(whole, ws, "none")]);
      expect([...draw(whole, ws, "const")]).not.toEqual([...draw(whole, ws, "none")]);
    });

    it("the average w of 10,000 samples is near that of the reference's 100,000", async () => {
      const { model } = await generatorOf("rosinality_no_average.pt");
      const mapping = model.weights.mapping!;
      const expected = goldenArrays("checkpoint-forms/rosinality.expected.safetensors");
      const engine = await engineOf("onnx-cpu");
      const got = await averageStyle(engine, mapping, model.info.zDim);
      // Standard error of a mean of 10,000: the spread of w over 100; four of them, and the reference's own.
      const w = expected("w");
      const spread = Math.sqrt(w.data.reduce((sum, v) => sum + v * v, 0) / w.data.length);
      const away = got.map((v, i) => v - (expected("latent_avg").data[i] ?? NaN));
      const distance = Math.sqrt(away.reduce((sum, v) => sum + v * v, 0) / away.length);
      expect(distance).toBeLessThan((2 * spread) / 100);
      expect(distance).toBeGreaterThan(0);
    });

    it("ada_rgba.pkl draws the reference's picture of 4 channels, the last of which is its alpha", async () => {
      const { model } = await generatorOf("ada_rgba.pkl");
      expect(model.info.imageChannels).toBe(4);
      const expected = goldenArrays("checkpoint-forms/ada_rgba.expected.safetensors");
      const ws = Float32Array.from(firstRows(expected("ws_psi0.7"), 1));
      const want = firstRows(expected("img_psi0.7"), 1);
      expectGolden(draw(model, ws, "const"), want);
      const graph = buildSynthesis(model, { rows: 1, layout: "nchw", noise: "const" });
      const { pixels, alpha } = interpret(graph, { ws });
      const byte = (v: number): number => Math.min(255, Math.max(0, 127.5 * v + 128)) - 0.5;
      const area = 32 * 32;
      expectClose(alpha!, Float64Array.from(want.subarray(3 * area), byte), { abs: 0.6, rel: 0 });
      expectClose(
        Float64Array.from(pixels!, (p) => p % 256),
        Float64Array.from(want.subarray(2 * area, 3 * area), byte),
        { abs: 0.6, rel: 0 },
      );
    });

    it("ada_wide.pkl draws the reference's picture of 64 x 32 pixels", async () => {
      const { model, assumed } = await generatorOf("ada_wide.pkl");
      expect(assumed.join()).toMatch(/noise images of the file do not fit/);
      expect([model.info.resolution, model.info.imageSize]).toEqual([32, [64, 32]]);
      const expected = goldenArrays("checkpoint-forms/ada_wide.expected.safetensors");
      const ws = Float32Array.from(firstRows(expected("ws_psi07"), 1));
      expectGolden(draw(model, ws, "none"), firstRows(expected("img_psi07_noise_none"), 1));
    });

    it("a file without a generator is refused, and what is not StyleGAN2 by its name", async () => {
      const read = (name: string) => readCheckpoint(goldenBytes(name), name, { name: "x", sha256: "" });
      await expect(read("checkpoint-forms/head_linear.pt")).rejects.toThrow(/L5107.*an attribute head/);
      await expect(open("latents.pt")).rejects.toThrow(/L5107.*no boundary/);
    });
  },
);

describe.skipIf(!GOLDEN_PRESENT)("heads of other tools (skipped without ../shared/golden)", () => {
  it.each([
    ["head_linear.pt", "linear", 2],
    ["head_sequential.pt", "sequential_leaky02", 3],
  ])("%s gives the reference's outputs", async (name, key, outputs) => {
    const source = await open(name);
    if (!("layers" in source)) throw new Error(source.kind);
    expect(source.layers.at(-1)!.bias.data).toHaveLength(outputs);
    const expected = goldenArrays("checkpoint-forms/heads.expected.safetensors");
    const w = expected("w");
    const [rows = 0, zDim = 0] = w.shape;
    const weights = { zDim, heads: [{ attribute: "a", layers: source.layers }] };
    const { logits } = interpret(compileReadout({ weights, truncation: 1, rows }), { z: Float32Array.from(w.data) });
    expectGolden(logits!, expected(key).data);
  });

  it.each(["boundary.npy", "direction.pt"])("%s is a binary head whose logit is the distance", async (name) => {
    const source = await open(name);
    if (!("layers" in source)) throw new Error(source.kind);
    const [layer] = source.layers;
    expect(layer!.weight.shape).toEqual([2, 32]);
    expect([...layer!.weight.data.subarray(0, 32)].every((v) => v === 0)).toBe(true);
    expect([...layer!.bias.data]).toEqual([0, 0]);
    expect(source.assumed.join()).toMatch(/--slope/);
  });
});

describe("what lacec does not read is called by its name", () => {
  const one = { shape: [1, 1], data: Float32Array.of(1) };
  it.each([
    ["down_blocks.0.resnets.0.conv1.weight", /L5107.*a diffusion model/],
    ["model.diffusion_model.input_blocks.0.0.weight", /L5107.*a diffusion model/],
    ["lora_unet_down_blocks_0.lora_down.weight", /L5107.*a LoRA/],
    ["first_stage_model.decoder.conv_in.weight", /L5107.*autoencoder/],
    ["Superres.SuperresSynthesis.weight", /L5107.*StyleGAN-XL/],
    ["vision_model.embeddings.class_embedding", /L5107.*CLIP/],
    ["layer1.0.conv1.weight", /L5107.*classifier of pictures/],
    ["something.else.entirely", /L5107.*no generator that lacec knows/],
  ])("%s", async (name, said) => {
    const stored = writeSafetensors(
      new Map([
        [name, one],
        ["other", one],
      ]),
      {},
    );
    await expect(openSource(stored, "x.safetensors", { name: "x", sha256: "" })).rejects.toThrow(said);
  });

  it("StyleGAN of 2018 and Progressive GAN, in the pickles of TensorFlow", async () => {
    const model = randomModel({ attributes: [] });
    const named = (name: string) => tensorflowCheckpoint(model, { extra: name });
    for (const [name, said] of [
      ["4x4/Const/StyleMod/weight", /it is a StyleGAN \(of 2018\)/],
      ["ToRGB_lod0/weight", /it is a Progressive GAN/],
    ] as const)
      await expect(openSource(named(name), "x.pkl", { name: "x", sha256: "" })).rejects.toThrow(said);
  });
});

describe("linear models of scikit-learn", () => {
  const folder = fileURLToPath(new URL("../fixtures/scikit-learn/", import.meta.url));
  const expected = JSON.parse(readFileSync(`${folder}expected.json`, "utf8")) as Record<string, number[][]>;

  it.each([
    ["binary", undefined, 2],
    ["category", ["black", "light_brown", "red"], 3],
    ["objects", ["black", "light_brown", "red"], 3],
    ["margin", ["class_0", "class_1", "class_2"], 3],
    ["scalar", undefined, 1],
  ])("%s says what scikit-learn says", async (name, classes, outputs) => {
    const source = await openSource(readFileSync(`${folder}${name}.pkl`), name, { name: "x", sha256: "" });
    if (!("layers" in source)) throw new Error(source.kind);
    expect([source.kind, source.classes]).toEqual(["scikit-learn", classes]);
    expect(source.assumed.join()).toMatch(name === "margin" ? /margin of LinearSVC.*--slope/ : /^$/);
    const weights = { zDim: 6, heads: [{ attribute: "a", layers: source.layers }] };
    const z = Float32Array.from(expected["probe"]!.flat());
    const { logits } = interpret(compileReadout({ weights, truncation: 1, rows: 3 }), { z });
    expect(logits).toHaveLength(3 * outputs);
    // Of two classes scikit-learn gives one score, the logit of the second against the first.
    const scores = name === "binary" ? [0, 1, 2].map((row) => logits![2 * row + 1]! - logits![2 * row]!) : logits!;
    expectClose(scores, expected[name]!.flat(), { abs: 1e-5, rel: 1e-5 });
  });
});
