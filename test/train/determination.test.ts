// The interval of R2 that the report on a training prints: how often it holds the truth.
import { expect, test } from "vitest";
import { determinationInterval } from "../../src/learn/train/evaluate.js";
import { random } from "../support/random.js";

test("the interval of R2 holds the true one in about 95 of 100 samples of rows", () => {
  const r = random(11);
  const [rows, samples] = [200, 2000];
  const noise = 0.5;
  const truth = 1 - noise ** 2 / (1 + noise ** 2);
  let held = 0;
  for (let k = 0; k < samples; k++) {
    const pairs = Array.from({ length: rows }, () => {
      const output = r.normal();
      return [output + noise * r.normal(), output] as const;
    });
    const centre = pairs.reduce((sum, [wanted]) => sum + wanted, 0) / rows;
    const [low, high] = determinationInterval(pairs, centre);
    if (low <= truth && truth <= high) held += 1;
  }
  expect(held / samples).toBeGreaterThan(0.92);
  expect(held / samples).toBeLessThan(0.97);
});

test("the interval of R2 ends at 1, is a point where nothing is wrong, and unknown without rows", () => {
  const exact = [0, 1, 2].map((x) => [x, x] as const);
  expect(determinationInterval(exact, 1)).toEqual([1, 1]);
  expect(
    determinationInterval(
      [
        [1, 0.9],
        [0, 0.2],
        [0.5, 0.5],
      ],
      0.5,
    )[1],
  ).toBeLessThanOrEqual(1);
  expect(determinationInterval([], 0)).toEqual([NaN, NaN]);
});
