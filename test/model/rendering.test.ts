import { untruncatedFrom } from "../../src/compiler/build/compile-task.js";
import { stylesOf } from "../../src/runtime/draw/styles.js";
import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { modelForClass, noiseInputs } from "../../src/runtime/show/synthesis-inputs.js";
import { buildSynthesis, noiseLayers, repeatStyles } from "../../src/compiler/build/synthesis.js";
import { gaussianNoise } from "../../src/runtime/sample/noise.js";
import { expectClose } from "../support/close.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const { numWs, wDim } = model.info;
const w = Float32Array.from({ length: wDim }, (_, i) => Math.sin(i));

describe("truncation with a cutoff", () => {
  const average = Float32Array.from({ length: wDim }, (_, i) => Math.cos(i));
  const layer = (styles: Float32Array, k: number) => styles.subarray(k * wDim, (k + 1) * wDim);

  it("reaches the layers before it and no other, to the bit, also where nothing of w is left in them", () => {
    const styles = stylesOf({ w: average, far: { from: 2, w } }, numWs);
    for (let k = 0; k < numWs; k++) expect(layer(styles, k)).toEqual(k < 2 ? average : w);
  });

  it("asks for an untruncated w where some layers are truncated and others are not, and nowhere else", () => {
    expect(untruncatedFrom({ truncation: 0, cutoff: 2 }, model)).toBe(2);
    expect(untruncatedFrom({ truncation: 0.5, cutoff: 0 }, model)).toBe(0);
    expect(untruncatedFrom({ truncation: 0.5 }, model)).toBeUndefined();
    expect(untruncatedFrom({ truncation: 0.5, cutoff: numWs }, model)).toBeUndefined();
    expect(untruncatedFrom({ truncation: 1, cutoff: 2 }, model)).toBeUndefined();
    const { zDim, heads } = model.weights;
    expect(untruncatedFrom({ truncation: 0.5, cutoff: 2 }, { ...model, weights: { zDim, heads } })).toBeUndefined();
  });
});

describe("random noise", () => {
  const rows = [{ seed: 4, sample: 7 }, undefined];
  const draw = (noise: "const" | "random" | "none", inputs: Record<string, Float32Array>) => {
    const graph = buildSynthesis(model, { rows: 2, layout: "nchw", noise });
    return interpret(graph, { ws: repeatStyles(Float32Array.of(...w, ...w), 2, numWs), ...inputs })["image"]!;
  };

  it("has an image for each layer that takes noise, a function of seed, sample and layer", () => {
    const layers = noiseLayers(model.synthesis);
    expect(layers.map((l) => l.height)).toEqual([4, 8, 8, 16, 16]);
    const inputs = noiseInputs(model.synthesis, "random", rows);
    expect(Object.keys(inputs)).toEqual(["noise0", "noise1", "noise2", "noise3", "noise4"]);
    expect(inputs["noise3"]!.subarray(0, 256)).toEqual(
      Float32Array.from(gaussianNoise({ seed: 4, sample: 7, purpose: "synthesis", step: 0, slot: 3 }, 256)),
    );
    const moved = noiseInputs(model.synthesis, "random", [undefined, rows[0]]);
    expect(moved["noise3"]!.subarray(256)).toEqual(inputs["noise3"]!.subarray(0, 256));
    for (const mode of ["const", "none"] as const) expect(noiseInputs(model.synthesis, mode, rows)).toEqual({});
    expect(noiseInputs(undefined, "random", rows)).toEqual({});
  });

  it("takes the place of the constants: with their values it gives their image, with zeros that of no noise", () => {
    const { first, later } = model.synthesis;
    const convs = [first.conv1, ...later.flatMap((b) => [b.conv0, b.conv1])];
    const twice = (x: Float32Array): Float32Array => Float32Array.of(...x, ...x);
    const constants = Object.fromEntries(convs.map((c, i) => [`noise${i}`, twice(c.noise!.constant.data)]));
    expectClose(draw("random", constants), draw("const", {}), { abs: 1e-6, rel: 0 });
    const zeros = Object.fromEntries(
      convs.map((c, i) => [`noise${i}`, new Float32Array(twice(c.noise!.constant.data).length)]),
    );
    expectClose(draw("random", zeros), draw("none", {}), { abs: 1e-12, rel: 0 });
    expect(draw("random", noiseInputs(model.synthesis, "random", rows))).not.toEqual(draw("const", {}));
  });
});

describe("the class of a task", () => {
  it("is folded into the mapping of a conditional model, and nothing where there is none", () => {
    expect(modelForClass(model, undefined)).toBe(model);
    const { mapping } = model.weights;
    const embedding = {
      weight: { shape: [6, 3], data: Float32Array.from({ length: 18 }, (_, i) => Math.cos(i)) },
      bias: { shape: [6], data: new Float32Array(6).fill(0.1) },
      weightGain: 1 / Math.sqrt(3),
    };
    const [firstLayer, ...others] = mapping!.layers;
    const wide = Float32Array.from({ length: (wDim + 1) * 12 }, (_, i) => Math.sin(i));
    const layers = [{ ...firstLayer!, weight: { shape: [wDim + 1, 12], data: wide } }, ...others];
    const conditional = { ...model, weights: { ...model.weights, mapping: { ...mapping!, layers, embedding } } };
    const [one, two] = [1, 2].map((c) => modelForClass(conditional, c).weights.mapping!);
    expect(one!.embedding).toBeUndefined();
    expect(one!.layers[0]!.weight.shape).toEqual([wDim + 1, 6]);
    expect(one!.layers[0]!.bias.data).not.toEqual(two!.layers[0]!.bias.data);
  });
});
