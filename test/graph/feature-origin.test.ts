// Where features of pictures are told from: their mean, and the directions of what is asked for.
import { describe, expect, test } from "vitest";
import { compilePictureReadout } from "../../src/compiler/build/pictures.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { FeatureHead } from "../../src/compiler/picture-head.js";
import { fitOrigin } from "../../src/runtime/draw/feature-origin.js";
import { meanColours } from "../support/mean-colours.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { expectClose } from "../support/close.js";

const r = random(3);
const binary = (name: string): Attribute => ({ name, type: "binary", classes: ["no", "yes"], temperature: 1 });
const attributes: readonly Attribute[] = [
  binary("smile"),
  { name: "tilt", type: "scalar", min: 0, max: 1, sigma: 0.1 },
  binary("smile"),
];
const WIDTH = 8;
const axis = (at: number): Float32Array => Float32Array.from({ length: WIDTH }, (_, i) => (i === at ? 1 : 0));

/** Features 5 + 3 smile along axis 2 + 4 tilt along axis 6, and a little noise; tilt goes with smile. */
const seen = Array.from({ length: 60 }, (_, i) => {
  const smile = i % 2;
  const tilt = 0.5 * smile + 0.3 * r.normal();
  const features = Float32Array.from({ length: WIDTH }, (_unused, k) => {
    return 5 + (k === 2 ? 3 * smile : 0) + (k === 6 ? 4 * tilt : 0) + 0.01 * r.normal();
  });
  const logits = [0, smile === 1 ? 20 : -20];
  return { features, heads: [logits, [tilt], logits] };
});

describe("the origin of features", () => {
  test("is their mean, and the direction of what is asked for, without what goes with it", () => {
    const { mean, without } = fitOrigin(seen, attributes, [0]);
    const sum = seen.reduce((total, s) => total + s.features[0]!, 0);
    expect(mean[0]).toBeCloseTo(sum / seen.length, 5);
    expect(without).toHaveLength(1);
    expectClose(without[0]!, axis(2), { abs: 0.02, rel: 0 });
  });

  test("has a direction for each thing that is asked for, each orthogonal to the others", () => {
    const { without } = fitOrigin(seen, attributes, [1, 2]);
    expect(without).toHaveLength(2);
    const dot = (a: Float32Array, b: Float32Array): number => a.reduce((s, x, i) => s + x * b[i]!, 0);
    expect(dot(without[0]!, without[1]!)).toBeCloseTo(0, 5);
    without.forEach((x) => expect(dot(x, x)).toBeCloseTo(1, 5));
    // What is asked of nothing, or of what never changes, leaves all of them.
    expect(fitOrigin(seen, attributes, []).without).toEqual([]);
    const still = seen.map((s) => ({ ...s, heads: [[0, 1], s.heads[1]!, s.heads[2]!] }));
    expect(fitOrigin(still, attributes, [0]).without).toEqual([]);
  });

  test("is taken from features in graphs", () => {
    const model = randomModel();
    const features: FeatureHead = { look: meanColours(16), output: "colours" };
    const ws = Float64Array.from({ length: model.info.numWs * model.info.wDim }, () => r.normal());
    const read = (of: FeatureHead) =>
      interpret(compilePictureReadout({ model, layout: "nchw", noise: "const", truncation: 1, features: of }, [], 1), {
        ws,
      })["features"]!;
    const mean = Float32Array.of(0.1, 0.2, 0.3);
    const raw = [...read(features)];
    const told = read({ ...features, origin: { mean, without: [Float32Array.of(0.6, 0.8, 0)], about: {} } });
    const from = raw.map((x, i) => x - mean[i]!);
    const along = 0.6 * from[0]! + 0.8 * from[1]!;
    expectClose(told, [from[0]! - 0.6 * along, from[1]! - 0.8 * along, from[2]!], { abs: 1e-6, rel: 0 });
  });
});
