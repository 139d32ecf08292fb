// What a scalar's head was wrong by: the table and the probabilities that are read from it.
import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import { chanceBelow, residualsOf } from "../../src/compiler/residuals.js";
import { chanceOf } from "../../src/runtime/record/forecast.js";
import { random } from "../support/random.js";

/** [label, output]: exact below 0.5; above, one in five is wrong by 0.4. */
function pairs(count: number, seed: number): (readonly [number, number])[] {
  const r = random(seed);
  return Array.from({ length: count }, () => {
    const output = r.next();
    const wrong = output > 0.5 && r.next() < 0.2 ? 0.4 : 0;
    return [output + wrong + 0.02 * (r.next() - 0.5), output] as const;
  });
}

describe("residuals", () => {
  test("give the share of other rows that are below a threshold, where the head says about this", () => {
    const table = residualsOf(pairs(4000, 1))!;
    const others = pairs(400_000, 2);
    for (const output of [0.1, 0.3, 0.7, 0.9])
      for (const shift of [-0.1, 0, 0.1, 0.5]) {
        const alike = others.filter(([, o]) => Math.abs(o - output) < 0.02);
        const share = alike.filter(([label, o]) => label - o < shift).length / alike.length;
        expect(Math.abs(chanceBelow(table, output, output + shift) - share)).toBeLessThan(0.06);
      }
  });

  test("are taken from the outermost part beyond it, and not from fewer than fifty rows", () => {
    const table = residualsOf(pairs(600, 3))!;
    expect(table.at).toHaveLength(12);
    expect(chanceBelow(table, 7, 7.1)).toBeCloseTo(chanceBelow(table, table.at.at(-1)!, table.at.at(-1)! + 0.1), 6);
    expect(chanceBelow(table, -7, -6.9)).toBeCloseTo(chanceBelow(table, table.at[0]!, table.at[0]! + 0.1), 6);
    expect(residualsOf(pairs(60, 3))!.at).toHaveLength(1);
    expect(residualsOf(pairs(49, 3))).toBeUndefined();
  });

  test("decide the forecast of a scalar, whose tails a normal distribution of their size would spread over all", () => {
    const all = pairs(4000, 4).map(([label, output]) => [label, output] as const);
    const sigma = Math.sqrt(all.reduce((sum, [label, output]) => sum + (label - output) ** 2, 0) / all.length);
    const tilt: Attribute = { name: "tilt", type: "scalar", min: 0, max: 1.5, sigma, skill: 0.8, witness: { sigma } };
    const span = { file: "", start: 0, end: 0 };
    const near = (target: number): Energy => ({ kind: "near", attribute: 0, target, sigma: 0.1, span });
    const known: Attribute = { ...tilt, residuals: residualsOf(all)! };
    expect(chanceOf(near(0.2), [[0.2]], [[0.2]], [known])).toBeGreaterThan(0.99);
    expect(Math.abs(chanceOf(near(0.8), [[0.8]], [[0.8]], [known]) - 0.8)).toBeLessThan(0.06);
    expect(chanceOf(near(0.2), [[0.2]], [[0.2]], [tilt])).toBeLessThan(0.9);
  });
});
