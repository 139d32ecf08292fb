// What an edit leaves behind of a picture that came from elsewhere: nothing where heads of z say what they said, or where its styles are as near to those of its z as
// samples are to each other; and else what is beyond that.
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { fading, offsetsOf } from "../../src/runtime/draw/fading.js";
import { movedWith } from "../../src/runtime/draw/starts.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";

/** Heads: one that looks at pictures, one with two outputs, one with one. */
const heads = (smile: number, light: number): SampleResult["heads"] => [[9], [-smile, smile], [light]];
const keeps = fading({ covariance: Matrix.diag([1, 4, 9]), spread: Float32Array.of(0.1, 0.1, 0.1) }, [1, 2]);
/** Styles [2, 3] with g(z) = 0 and a given offset; its length is that of the first two numbers in their spread. */
const state = (ws: number[]): Pick<SampleResult, "w" | "ws" | "shift" | "heads"> => {
  const w = Float32Array.from([0, 1, 2], (i) => (ws[i]! + ws[3 + i]!) / 2);
  return { w, shift: w, ws: Float32Array.from(ws), heads: heads(-3, 0.3) };
};
const FAR = [6, 0, 0, 0, 12, 0];

describe("what stays of an offset", () => {
  test("is all where heads say what they said, whatever its length", () => {
    expect(keeps(state(FAR), { heads: heads(-3, 0.3) })).toBe(1);
  });

  test("is all where it is no longer than samples are from each other", () => {
    expect(keeps(state([2, 0, 0, 0, 4, 0]), { heads: heads(2, 0.3) })).toBe(1);
  });

  test("is as long as samples are from each other where it was longer and an attribute changed, of whatever number of outputs", () => {
    for (const said of [heads(2, 0.3), heads(-3, 0.9)])
      expect(keeps(state(FAR), { heads: said })).toBeCloseTo(Math.sqrt(6 / 36), 2);
  });

  test("is more where heads say little else, and a head of pictures has no part in it", () => {
    const little = keeps(state(FAR), { heads: heads(-3, 0.35) });
    expect(little).toBeCloseTo(1 - (1 - Math.exp(-0.125)) * (1 - Math.sqrt(6 / 36)), 2);
    expect(keeps(state(FAR), { heads: [[-9], [3, -3], [0.3]] })).toBe(1);
  });
});

describe("a state that moves", () => {
  const nothing = {
    steps: 0,
    accepted: 0,
    rejected: 0,
    evaluations: 0,
    logp: 0,
    index: 0,
    part: 0,
    seed: 0,
    origin: 0,
  };
  const before: SampleResult = {
    ...{ ...nothing, status: "done", z: new Float64Array(3), heads: heads(-3, 0.3) },
    ...{ w: Float32Array.of(-3, 1, 2), shift: Float32Array.of(-4, 0, 0), ws: Float32Array.of(-2, 1, 2, -4, 1, 2) },
  };
  const after: SampleResult = {
    ...{ ...before, heads: heads(2, 0.3) },
    ...{ w: Float32Array.of(1, 1, 2), way: Float32Array.of(-1, 1, 2) },
  };
  const half = { numerator: 1, denominator: 2 };

  test("has styles that are those of its z, and what stays of the offset of each layer", () => {
    const moved = movedWith(before, after, { numWs: 2, shares: [half], fading: () => 0.5 });
    expect([moved.w[0], moved.shift?.[0], moved.way?.[0]]).toEqual([3, -2, 0]);
    expect([...(moved.ws ?? [])]).toEqual([3.5, 1, 2, 2.5, 1, 2]);
    expect([...offsetsOf(moved)]).toEqual([-1.5, 0, 0, -2.5, 0, 0]);
  });

  test("goes as far as w where nothing is left behind", () => {
    const moved = movedWith(before, after, { numWs: 2, shares: [half] });
    expect([moved.w[0], moved.shift?.[0]]).toEqual([1, -4]);
    expect([...(moved.ws ?? [])]).toEqual([2, 1, 2, 0, 1, 2]);
  });
});
