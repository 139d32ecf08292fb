import { expect, test } from "vitest";
import { splitRhat, summarizeChain } from "../../src/runtime/sample/chains.js";
import { random } from "../support/random.js";

/** x' = a x + noise of variance 1 - a^2, about `mean`: its numbers are worth (1 - a) / (1 + a) each. */
function chain(length: number, a: number, seed: number, mean = 0): number[] {
  const r = random(seed);
  let x = r.normal();
  return Array.from({ length }, () => mean + (x = a * x + Math.sqrt(1 - a * a) * r.normal()));
}

test.each([0, 0.5, 0.9])("the effective size of a chain of autocorrelation %d is what theory says", (a) => {
  const n = 20_000;
  const { ess = NaN, length } = summarizeChain(chain(n, a, 3)) ?? {};
  expect(length).toBe(n);
  expect(ess / n / ((1 - a) / (1 + a))).toBeGreaterThan(0.85);
  expect(ess / n / ((1 - a) / (1 + a))).toBeLessThan(1.15);
});

test("a chain that never moves is worth one number, one that is too short or not finite nothing", () => {
  expect(summarizeChain(Array<number>(20).fill(3))?.ess).toBe(1);
  expect(summarizeChain([1, 2, 3])).toBeUndefined();
  expect(summarizeChain([...chain(20, 0, 1), NaN])).toBeUndefined();
});

test("R-hat is 1 where all chains found the same, and above it where one is elsewhere or all still move", () => {
  const summaries = (traces: readonly number[][]) => traces.map((t) => summarizeChain(t)!);
  const same = [1, 2, 3, 4].map((seed) => chain(2000, 0.3, seed));
  expect(splitRhat(summaries(same))).toBeCloseTo(1, 1);
  expect(splitRhat(summaries([...same, chain(2000, 0.3, 5, 4)]))).toBeGreaterThan(1.3);
  const moving = same.map((t) => t.map((x, i) => x + i / 300));
  expect(splitRhat(summaries(moving))).toBeGreaterThan(1.3);
  expect(splitRhat(summaries(same.slice(0, 1)))).toBeUndefined();
});
