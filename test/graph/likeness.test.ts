// The energy of likeness: its gradient in whitened styles, its target at several sizes, and the distribution that styles are whitened by.
import { describe, expect, test } from "vitest";
import {
  LAST_SLOPE,
  compileLikeness,
  compileThumbnails,
  targetName,
  type LikenessTask,
} from "../../src/compiler/build/likeness.js";
import { compileMapping } from "../../src/compiler/build/gradient.js";
import { buildResampled, resamplingTaps } from "../../src/compiler/build/resample.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { coordinatesOf, distributionOf, styleOf } from "../../src/runtime/draw/style-distribution.js";
import { fitted } from "../../src/runtime/image/fit.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { randomStylegan3 } from "../support/stylegan3.js";

const r = random(7);
const normals = (n: number): Float32Array => Float32Array.from({ length: n }, () => r.normal());
const WIDTH = 8;
const styles = distributionOf(normals(400 * WIDTH), WIDTH, LAST_SLOPE);

const skip = randomModel({ wDim: WIDTH });
const whole = randomModel({ wDim: WIDTH, style: "orig" });
const models = [
  [
    "skip",
    skip,
    [
      [16, 16],
      [8, 8],
    ],
  ],
  [
    "skip, stopped early",
    skip,
    [
      [8, 8],
      [4, 4],
    ],
  ],
  ["orig, which cannot stop early", whole, [[8, 8]]],
  ["StyleGAN3", randomStylegan3({}), [[8, 8]]],
] as const;

describe.each(models)("likeness of %s", (_, model, sizes) => {
  test.each(["nchw", "nhwc"] as const)("has the gradient of central differences, %s", (layout) => {
    const layers = model.info.numWs;
    const WIDTH = model.info.wDim;
    const styles = distributionOf(normals(400 * WIDTH), WIDTH, LAST_SLOPE);
    const task: LikenessTask = {
      pictures: model,
      rows: 2,
      layout,
      noise: "const",
      styles,
      layers,
      sizes,
      strength: 3,
      prior: 0.5,
    };
    const graph = compileLikeness(task);
    const targets = Object.fromEntries(
      sizes.map((size) => [targetName(size), Float64Array.from(normals(3 * size[0] * size[1]))]),
    );
    const u = Float64Array.from(normals(2 * layers * WIDTH));
    const at = (x: Float64Array) => interpret(graph, { ...targets, u: x });
    const { grad } = at(u);
    for (const i of [0, 5, WIDTH * layers - 1, WIDTH * layers, 2 * WIDTH * layers - 3]) {
      const step = 1e-5;
      const [more, less] = [u.slice(), u.slice()];
      more[i]! += step;
      less[i]! -= step;
      const row = i < WIDTH * layers ? 0 : 1;
      const slope = (at(more)["logp"]![row]! - at(less)["logp"]![row]!) / (2 * step);
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });
});

test("the picture of a style is wholly like itself, but for the prior", () => {
  const [size] = [[16, 16] as const];
  const u = Float64Array.from(normals(WIDTH));
  const ws = new Float64Array(skip.info.numWs * WIDTH);
  const w = styleOf(u, styles);
  for (let layer = 0; layer < skip.info.numWs; layer++) ws.set(w, layer * WIDTH);
  const common = { pictures: skip, rows: 1, layout: "nchw" as const, noise: "none" as const };
  const { small } = interpret(compileThumbnails({ ...common, size }), { ws });
  const graph = compileLikeness({ ...common, styles, layers: 1, sizes: [size], strength: 1000, prior: 2 });
  const { logp } = interpret(graph, { u, [targetName(size)]: small! });
  expect(logp![0]).toBeCloseTo(-u.reduce((sum, x) => sum + x * x, 0), 3);
});

test("of z it is that of the styles the mapping gives, with z's own prior, and has its slopes", () => {
  const { zDim } = skip.info;
  const size = [16, 16] as const;
  const common = { pictures: skip, rows: 1, layout: "nchw" as const, noise: "none" as const, layers: 1, sizes: [size] };
  const z = Float64Array.from(normals(zDim));
  const target = Float64Array.from(normals(3 * 16 * 16));
  const graph = compileLikeness({ ...common, strength: 3, prior: 0.5, mapping: skip.weights });
  const at = (u: Float64Array) => interpret(graph, { u, [targetName(size)]: target });
  const { logp, grad } = at(z);
  const w = interpret(compileMapping(skip.weights, 1), { z })["w"]!;
  const ofStyles = compileLikeness({ ...common, styles: undefined, strength: 3, prior: 0 });
  const charge = 0.25 * z.reduce((sum, x) => sum + x * x, 0);
  expect(logp![0]).toBeCloseTo(interpret(ofStyles, { u: w, [targetName(size)]: target })["logp"]![0]! - charge, 6);
  for (const i of [0, zDim - 1]) {
    const [more, less] = [z.slice(), z.slice()];
    more[i]! += 1e-5;
    less[i]! -= 1e-5;
    const slope = (at(more)["logp"]![0]! - at(less)["logp"]![0]!) / 2e-5;
    expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
  }
});

describe("the distribution of styles", () => {
  test("its coordinates give a style back, and are normal numbers for samples", () => {
    const w = Float32Array.from(normals(2000 * WIDTH), (x, i) => (x > 0 ? x : 0.2 * x) * (1 + (i % WIDTH)));
    const own = distributionOf(w, WIDTH, LAST_SLOPE);
    const first = w.slice(0, WIDTH);
    styleOf(coordinatesOf(first, own), own).forEach((x, i) => expect(x).toBeCloseTo(first[i]!, 4));
    const all = Array.from({ length: 2000 }, (_, k) => coordinatesOf(w.subarray(k * WIDTH, (k + 1) * WIDTH), own));
    const power = all.reduce((sum, u) => sum + u.reduce((s, x) => s + x * x, 0), 0) / (2000 * WIDTH);
    expect(power).toBeGreaterThan(0.95);
    expect(power).toBeLessThan(1.05);
  });
});

describe("resampling", () => {
  test.each([
    [6, 3],
    [5, 5],
    [4, 9],
    [7, 2],
  ])("%i to %i keeps a flat picture, in a graph as in taps", (size, newSize) => {
    for (const { weights } of resamplingTaps(size, newSize))
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    const b = new GraphBuilder();
    const out = buildResampled(b, b.input("x", [1, 3, size, size + 1]), newSize, newSize + 2);
    const { y } = interpret(b.finish({ outputs: { y: out } }), {
      x: new Float64Array(3 * size * (size + 1)).fill(0.25),
    });
    expect(y).toHaveLength(3 * newSize * (newSize + 2));
    y!.forEach((x) => expect(x).toBeCloseTo(0.25, 6));
  });

  test("a picture is cut to the middle of its longer side", () => {
    const data = new Uint8Array(3 * 8 * 4);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 8; x++) data.fill(x < 2 || x >= 6 ? 255 : 40, (y * 8 + x) * 3, (y * 8 + x) * 3 + 3);
    expect([...fitted({ width: 8, height: 4, data }, 2, 2).data]).toEqual(new Array(12).fill(40));
    const same = { width: 8, height: 4, data };
    expect(fitted(same, 8, 4).data).toBe(data);
  });
});
