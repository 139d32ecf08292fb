// Terms on pictures that join late, and networks that are shown smaller pictures: what is in the graphs of each stretch.
import { describe, expect, test } from "vitest";
import { buildImage } from "../../src/compiler/build/likeness.js";
import { compileEnergyGradient, type EnergyTask } from "../../src/compiler/build/gradient.js";
import { compilePictureReadout } from "../../src/compiler/build/pictures.js";
import { stretchesOf } from "../../src/compiler/build/stretches.js";
import { commonForms } from "../../src/compiler/energy/varying.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Looking, LabelHead } from "../../src/compiler/picture-head.js";
import type { EnergyWeights } from "../../src/compiler/weights.js";
import { meanColours } from "../support/mean-colours.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { SPAN } from "../support/energies.js";

const r = random(5);
const normals = (n: number): Float32Array => Float32Array.from({ length: n }, () => r.normal());
const model = randomModel();
const { numWs, wDim, zDim } = model.info;
const ROWS = 2;

const head = (column: number, looking: Looking): LabelHead => ({
  kind: "labels",
  look: meanColours(8),
  ...{ output: "colours", columns: [column], gives: "number", ...looking },
});
const latents = model.weights.heads.length;
/** The model's own heads, then red from the start, green from tau 2, blue from tau 3. */
const weights: EnergyWeights = {
  ...model.weights,
  heads: [
    ...model.weights.heads,
    ...[{}, { tau: 2 }, { tau: 3 }].map((looking, k) => ({
      ...{ attribute: `colour${k}`, layers: [], picture: head(k, { pixels: 8, ...looking }) },
    })),
  ],
};
const near = (attribute: number, target = 0.5): Energy => ({ kind: "near", attribute, target, sigma: 0.1, span: SPAN });
const glasses: Energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span: SPAN };
const [red, green, blue] = [near(latents), near(latents + 1), near(latents + 2)];
const and = (...parts: Energy[]): Energy => ({ kind: "and", parts, span: SPAN });
const or = (...parts: Energy[]): Energy => ({ kind: "or", parts, span: SPAN });
const twice = (part: Energy): Energy => ({ kind: "weight", factor: 2, part, span: SPAN });
const NOTHING = { kind: "always", span: SPAN };

describe("terms that join late", () => {
  const before = (energy: Energy) => stretchesOf({ energy, weights }).map((s) => [s.until, s.energy]);

  test("are left out until then, and whatever else a term names with them", () => {
    expect(before(and(glasses, red))).toEqual([]);
    expect(before(and(glasses, green, blue))).toEqual([
      [2, glasses],
      [3, and(glasses, green)],
    ]);
    expect(before(blue)).toEqual([[3, NOTHING]]);
    expect(before(and(red, or(glasses, green)))).toEqual([[2, red]]);
    expect(before(twice(and(glasses, red, { kind: "not", part: blue, span: SPAN })))).toEqual([
      [3, twice(and(glasses, red))],
    ]);
  });

  test("may be what is held: attributes, and identities", () => {
    const keep = { latent: 1, attributes: 2, held: [1, latents + 1], identity: { weight: 3, tau: 4 } };
    const stretches = stretchesOf({ energy: glasses, keep, weights });
    expect(stretches.map((s) => [s.until, s.keep])).toEqual([
      [2, { latent: 1, attributes: 2, held: [1] }],
      [4, { latent: 1, attributes: 2, held: [1, latents + 1] }],
    ]);
  });

  test("leave the numbers of the others in their columns", () => {
    const cells = [0.2, 0.7].map((x) => twice(and(near(2, x), near(latents + 2, 1 - x))));
    const [form] = commonForms(cells);
    const [stretch] = stretchesOf({ ...form!, weights });
    const { energy, varying } = stretch!;
    const columns = [...varying!.of].filter(([e]) => e === energy || (energy.kind === "weight" && e === energy.part));
    expect(columns.map(([, of]) => of)).toEqual([{ target: 0 }]);
  });
});

describe.each(["nchw", "nhwc"] as const)("a network that is shown smaller pictures, %s", (layout) => {
  const look = { model, layout, noise: "const", truncation: 0.7, anchored: false } as const;
  const task: EnergyTask = {
    ...{ weights, truncation: 0.7, rows: ROWS, logic: "product", look, energy: red },
    attributes: [
      ...model.info.attributes,
      ...[0, 1, 2].map((k) => ({ name: `colour${k}`, type: "scalar" as const, min: 0, max: 1, sigma: 0.1 })),
    ],
  };

  test("has the gradient of central differences, by a smaller graph", () => {
    const graph = compileEnergyGradient(task);
    const whole = compileEnergyGradient({
      ...task,
      weights: { ...weights, heads: weights.heads.map((h) => ({ ...h, ...(h.picture && { picture: head(0, {}) }) })) },
    });
    expect(graph.nodes.length).toBeLessThan(0.8 * whole.nodes.length);
    const z = Float64Array.from(normals(ROWS * zDim));
    const { grad } = interpret(graph, { z });
    for (let i = 0; i < z.length; i++) {
      const at = (by: number) => interpret(graph, { z: z.map((x, k) => (k === i ? x + by : x)) });
      const row = Math.floor(i / zDim);
      const slope = (at(1e-5)["logp"]![row]! - at(-1e-5)["logp"]![row]!) / 2e-5;
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });

  test("tells of pictures as they are, but for features, which are of what was looked at", () => {
    const ws = Float64Array.from(normals(numWs * wDim));
    const small = head(0, { pixels: 8 });
    const { seen, features } = interpret(compilePictureReadout({ ...look, features: small }, [small], 1), { ws });
    const { seen: whole } = interpret(compilePictureReadout(look, [head(0, {})], 1), { ws });
    expect([...seen!]).toEqual([...whole!]);
    const b = new GraphBuilder();
    const image = buildImage(b, b.input("ws", [1, numWs, wDim]), look, 8);
    const colours = b.mean(b.clip(image, -1, 1), [2, 3]);
    expect(b.shape(image)).toEqual([1, 3, 8, 8]);
    const byHand = interpret(b.finish({ outputs: { colours } }), { ws })["colours"]!;
    byHand.forEach((x, c) => expect(Math.abs(features![c]! - (x + 1) / 2)).toBeLessThan(1e-9));
    expect(features![0]).not.toBe(whole![0]);
  });
});
