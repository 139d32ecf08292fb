// Forecasts: what chance the heads and the second heads give a condition.
import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { chanceOf, forecastOf } from "../../src/runtime/record/forecast.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";

const span = { file: "", start: 0, end: 0 };
const tilt: Attribute = {
  name: "tilt",
  type: "scalar",
  min: 0,
  max: 1,
  sigma: 0.1,
  skill: 0.9,
  witness: { sigma: 0.2, skill: 0.6 },
};
const hat: Attribute = {
  name: "hat",
  type: "binary",
  classes: ["no", "yes"],
  temperature: 2,
  skill: 0.75,
  witness: { temperature: 1, skill: 0.25 },
};
const table = [tilt, hat];
const near = (target: number, sigma: number): Energy => ({ kind: "near", attribute: 0, target, sigma, span });
const worn: Energy = { kind: "class", attribute: 1, values: [1], temperature: 2, span };
const not = (part: Energy): Energy => ({ kind: "not", part, span });

describe("the chance of a condition", () => {
  test("of a scalar is that of its value given two measurements with independent errors", () => {
    const r = random(5);
    let [inside, all] = [0, 0];
    // Values evenly spread, both heads measure them; among those where both said about this, so many are near the target.
    for (let i = 0; i < 4_000_000; i++) {
      const y = 3 * r.next() - 1;
      if (Math.abs(y + 0.1 * r.normal() - 0.5) > 0.02 || Math.abs(y + 0.2 * r.normal() - 0.7) > 0.02) continue;
      all += 1;
      if (Math.abs(y - 0.55) <= 0.1) inside += 1;
    }
    expect(all).toBeGreaterThan(1000);
    expect(Math.abs(chanceOf(near(0.55, 0.1), [[0.5], []], [[0.7], []], table) - inside / all)).toBeLessThan(0.03);
  });

  test("of a class weighs log odds by what each head leaves unexplained", () => {
    // 1/4 of the way from log odds 4 / 2 to those of the second head, -2 / 2 in the units of the first.
    const chance = chanceOf(worn, [[], [0, 4]], [[], [0, -2]], table);
    expect(chance).toBeCloseTo(1 / (1 + Math.exp(-(0.75 * 2 - 0.25 * 1))), 10);
    expect(chanceOf(not(worn), [[], [0, 4]], [[], [0, -2]], table)).toBeCloseTo(1 - chance, 10);
  });

  test("of several predicates is their product, whatever their weights", () => {
    const outputs = [
      [[0.5], [0, 1]],
      [[0.5], [0, 1]],
    ] as const;
    const [one, two] = [chanceOf(near(0.5, 0.1), ...outputs, table), chanceOf(worn, ...outputs, table)];
    const both: Energy = {
      kind: "and",
      parts: [near(0.5, 0.1), { kind: "weight", factor: 9, part: worn, span }],
      span,
    };
    expect(chanceOf(both, ...outputs, table)).toBeCloseTo(one * two, 10);
  });
});

test("a forecast is a mean over samples, of which one that failed satisfies nothing; without second heads there is none", () => {
  const model = randomModel();
  const w = new Float32Array(8).fill(0.3);
  const sample = { w, z: new Float64Array(6), heads: [[0, 2], [0, 0, 0], [0.5]] } as unknown as SampleResult;
  const failed = { ...sample, w: new Float32Array(0), heads: [] };
  const worn0: Energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span };
  expect(forecastOf([sample], () => worn0, model)).toBeUndefined();
  const attributes = model.info.attributes.map((a) => ({ ...a, skill: 0.5, witness: { skill: 0.5 } }));
  const witnessed = {
    info: { ...model.info, attributes },
    weights: { ...model.weights, witnesses: model.weights.heads },
  };
  const one = forecastOf([sample], () => worn0, witnessed);
  expect(one?.counted).toBe(1);
  expect(one?.share).toBeGreaterThan(0);
  expect(forecastOf([sample, failed], () => worn0, witnessed)).toEqual({ share: one!.share / 2, counted: 2 });
});
