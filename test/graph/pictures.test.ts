// Networks over pictures in energies: their gradient in z through the synthesis, and what they say of styles.
import { describe, expect, test } from "vitest";
import { buildEnergyGraph, compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { compileJacobian } from "../../src/compiler/build/jacobian.js";
import { compilePictureReadout } from "../../src/compiler/build/pictures.js";
import { compileSynthesis } from "../../src/compiler/build/synthesis.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { LabelHead } from "../../src/compiler/picture-head.js";
import type { EnergyWeights } from "../../src/compiler/weights.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { SPAN } from "../support/energies.js";

const r = random(11);
const normals = (n: number): Float32Array => Float32Array.from({ length: n }, () => r.normal());
const model = randomModel();
const { numWs, wDim, zDim } = model.info;
const ROWS = 2;

const weight = normals(2 * 3 * 3 * 3);
const network = {
  nodes: [
    { name: "c", opType: "Conv", domain: "", inputs: ["image", "weight"], outputs: ["c"], attributes: new Map() },
    { name: "t", opType: "Tanh", domain: "", inputs: ["c"], outputs: ["t"], attributes: new Map() },
    { name: "p", opType: "GlobalAveragePool", domain: "", inputs: ["t"], outputs: ["logits"], attributes: new Map() },
  ],
  constants: new Map([["weight", { name: "weight", dims: [2, 3, 3, 3], read: () => weight }]]),
  inputs: [{ name: "image", dims: [null, 3, 16, 16], type: "float32" }],
  outputs: [{ name: "logits", dims: [null, 2, 1, 1], type: "float32" }],
};
const picture: LabelHead = {
  kind: "labels",
  look: {
    network,
    sha256: "a",
    input: { name: "image", size: 16, layout: "nchw", channels: "bgr", mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] },
  },
  ...{ output: "logits", columns: [0, 1], gives: "logits" },
};
const seen: Attribute = { name: "seen", type: "binary", classes: ["no", "yes"], temperature: 0.5 };
const attributes = [...model.info.attributes, seen];
const place = attributes.length - 1;
const weights: EnergyWeights = {
  ...model.weights,
  heads: [...model.weights.heads, { attribute: "seen", layers: [], picture }],
};

/** The network as formulas: pixels [3, H, W] in [-1, 1] of a picture of the network's own size -> logits. */
function byHand(image: readonly number[], size: number): number[] {
  const { mean, std } = picture.look.input;
  const value = (colour: number, y: number, x: number): number => {
    const shade = Math.min(1, Math.max(-1, image[(colour * size + y) * size + x]!));
    return ((shade + 1) / 2 - mean[colour]!) / std[colour]!;
  };
  return [0, 1].map((o) => {
    let sum = 0;
    for (let y = 0; y + 2 < size; y++)
      for (let x = 0; x + 2 < size; x++) {
        let inner = 0;
        for (let i = 0; i < 3; i++)
          for (let a = 0; a < 3; a++)
            for (let b = 0; b < 3; b++) inner += weight[((o * 3 + i) * 3 + a) * 3 + b]! * value(2 - i, y + a, x + b);
        sum += Math.tanh(inner);
      }
    return sum / (size - 2) ** 2;
  });
}

describe.each(["nchw", "nhwc"] as const)("a classifier of pictures, %s", (layout) => {
  const look = { model, layout, noise: "const", truncation: 0.7, anchored: false } as const;
  const task = (of: Partial<EnergyTask["look"]> = {}): EnergyTask => ({
    ...{ weights, truncation: 0.7, rows: ROWS, attributes, logic: "product", look: { ...look, ...of } },
    energy: {
      kind: "and",
      parts: [
        { kind: "class", attribute: place, values: [1], temperature: 0.5, span: SPAN },
        { kind: "class", attribute: 0, values: [1], temperature: 1, span: SPAN },
      ],
      span: SPAN,
    },
  });

  test("has the gradient of central differences, beside a head on latents", () => {
    const anchors = {
      styles0: Float64Array.from(normals(ROWS * numWs * wDim)),
      w0: Float64Array.from(normals(ROWS * wDim)),
    };
    for (const [of, inputs] of [
      [{}, {}],
      [{ untruncated: 2 }, {}],
      [{ anchored: true, layers: [1, 2] as const }, anchors],
    ] as const) {
      const graph = compileEnergyGradient(task(of));
      const z = Float64Array.from(normals(ROWS * zDim));
      const { grad } = interpret(graph, { ...inputs, z });
      for (let i = 0; i < z.length; i++) {
        const at = (by: number) => interpret(graph, { ...inputs, z: z.map((x, k) => (k === i ? x + by : x)) });
        const row = Math.floor(i / zDim);
        const slope = (at(1e-5)["logp"]![row]! - at(-1e-5)["logp"]![row]!) / 2e-5;
        expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
      }
    }
  });

  test("has the gradient of its Jacobian", () => {
    const z = Float64Array.from(normals(ROWS * zDim));
    const { grad } = interpret(compileEnergyGradient(task()), { z });
    const { grad: ofArguments } = interpret(compileJacobian(task()), { z });
    ofArguments!.forEach((value, i) => expect(Math.abs(value - grad![i]!)).toBeLessThan(1e-9));
  });

  test("sees the picture that the synthesis makes, with all layers and with a cutoff", () => {
    for (const untruncated of [undefined, 2]) {
      const z = Float64Array.from(normals(ROWS * zDim));
      const read = (psi: number) =>
        interpret(compileReadout({ weights: { ...weights, heads: [] }, truncation: psi, rows: ROWS }), { z })["w"]!;
      const [near, far] = [read(0.7), read(1)];
      const ws = Float64Array.from({ length: ROWS * numWs * wDim }, (_, i) => {
        const [row, layer, k] = [Math.floor(i / (numWs * wDim)), Math.floor(i / wDim) % numWs, i % wDim];
        return (layer < (untruncated ?? numWs) ? near : far)[row * wDim + k]!;
      });
      const { seen: said } = interpret(compilePictureReadout(look, [picture], ROWS), { ws });
      const only = {
        ...task({ untruncated }),
        energy: { kind: "class", attribute: place, values: [1], temperature: 1, span: SPAN },
      } as const;
      const { logp } = interpret(buildEnergyGraph(only), { z });
      for (let row = 0; row < ROWS; row++) {
        const [no, yes] = [said![2 * row]!, said![2 * row + 1]!];
        expect(Math.abs(logp![row]! + Math.log1p(Math.exp(no - yes)))).toBeLessThan(1e-6);
      }
      const graph = compileSynthesis(model, { rows: ROWS, layout: "nchw", noise: "const" });
      const pixels = interpret(graph, { ws })["pixels"]!;
      const size = Math.sqrt(pixels.length / ROWS);
      const image = [65536, 256, 1].flatMap((unit) =>
        [...pixels.slice(0, size * size)].map((p) => ((Math.floor(p / unit) % 256) + 0.5) / 127.5 - 1),
      );
      expect(size).toBe(16);
      byHand(image, size).forEach((value, k) => expect(Math.abs(value - said![k]!)).toBeLessThan(0.05));
    }
  });

  test("keeps identities: 100 nats less for each cosine distance of 1, with the gradient of central differences", () => {
    const features = { look: picture.look, output: "logits" };
    const styles0 = Float64Array.from(normals(ROWS * numWs * wDim));
    const { features: features0 } = interpret(compilePictureReadout({ ...look, features }, [], ROWS), { ws: styles0 });
    const w0 = Float64Array.from(normals(ROWS * wDim));
    const graph = compileEnergyGradient({
      ...task({ anchored: true, features }),
      energy: { kind: "always", span: SPAN },
      keep: { latent: 0, attributes: 0, held: [], identity: { weight: 0.3 } },
    });
    const inputs = { styles0, w0, features0: features0! };
    const z = Float64Array.from(normals(ROWS * zDim));
    const { grad, logp } = interpret(graph, { ...inputs, z });
    for (let i = 0; i < z.length; i++) {
      const at = (by: number) => interpret(graph, { ...inputs, z: z.map((x, k) => (k === i ? x + by : x)) });
      const row = Math.floor(i / zDim);
      const slope = (at(1e-5)["logp"]![row]! - at(-1e-5)["logp"]![row]!) / 2e-5;
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
    }
    const { w } = interpret(compileReadout({ weights: model.weights, truncation: 0.7, rows: ROWS }), { z });
    const moved = styles0.map((x, i) => {
      const [row, k] = [Math.floor(i / (numWs * wDim)), i % wDim];
      return x + w![row * wDim + k]! - w0[row * wDim + k]!;
    });
    const { features: after } = interpret(compilePictureReadout({ ...look, features }, [], ROWS), { ws: moved });
    for (let row = 0; row < ROWS; row++) {
      const [a, b] = [after!, features0!].map((x) => [...x.slice(2 * row, 2 * row + 2)]);
      const dot = (x: readonly number[], y: readonly number[]): number => x[0]! * y[0]! + x[1]! * y[1]!;
      const cosine = dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!));
      expect(Math.abs(logp![row]! + 30 * (1 - cosine))).toBeLessThan(1e-3);
    }
  });

  test("leaves the read-out alone", () => {
    const z = Float64Array.from(normals(ROWS * zDim));
    const all = interpret(compileReadout({ weights, truncation: 0.7, rows: ROWS }), { z })["logits"]!;
    const own = interpret(compileReadout({ weights: model.weights, truncation: 0.7, rows: ROWS }), { z })["logits"]!;
    const width = own.length / ROWS;
    for (let row = 0; row < ROWS; row++) {
      expect([...all.slice(row * (width + 2) + width, (row + 1) * (width + 2))]).toEqual([0, 0]);
      expect([...all.slice(row * (width + 2), row * (width + 2) + width)]).toEqual([
        ...own.slice(row * width, (row + 1) * width),
      ]);
    }
  });

  test.each(["logit", "probability"] as const)("one column as %s is two logits", (gives) => {
    const ws = Float64Array.from(normals(numWs * wDim));
    const says = (as: LabelHead["gives"]): readonly number[] => {
      const head: LabelHead = { ...picture, columns: [1], gives: as };
      return [...interpret(compilePictureReadout(look, [head], 1), { ws })["seen"]!];
    };
    const [number] = says("number");
    const log = (p: number): number => Math.log(Math.min(1, Math.max(1e-9, p)));
    const wanted = gives === "logit" ? [0, number!] : [log(1 - number!), log(number!)];
    says(gives).forEach((value, k) => expect(Math.abs(value - wanted[k]!)).toBeLessThan(1e-9));
  });
});
