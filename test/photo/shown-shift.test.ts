// What an edit takes out of the shift of a picture that came from elsewhere: nothing where heads of z say what they said, and else what makes w read as they do.
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { shownShift } from "../../src/runtime/draw/shown-shift.js";
import { movedWith } from "../../src/runtime/draw/starts.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";

/** Heads that read the first two numbers of w: one with two outputs, one with one; the first of the table looks at pictures. */
const slopes = new Matrix([
  [-1, 1, 0],
  [0, 0, 2],
  [0, 0, 0],
]);
const saidOf = (w: ArrayLike<number>): Float32Array =>
  Float32Array.from(Matrix.rowVector(Array.from(w)).mmul(slopes).getRow(0));
const covariance = Matrix.diag([1, 4, 9]);
const shown = shownShift({ slopes, saidOf, spread: Float32Array.of(0.01, 0.01, 0.01), covariance }, [1, 2]);
const state = (smile: number, light: number, w: number[]) => ({
  heads: [[9], [-smile, smile], [light]],
  w: Float32Array.from(w),
});

describe("what is taken out of a shift", () => {
  test("is nothing where heads say what they said", () => {
    expect([...shown(state(-1, 0.3, [0, 0, 0]), state(-1, 0.3, [-3, 1, 2]))]).toEqual([0, 0, 0]);
  });

  test("makes w read as the heads that changed say, and leaves what the others read", () => {
    const w = [-3, 1, 2];
    const offset = shown(state(-3, 0.3, w), state(2, 0.3, w));
    const read = saidOf(offset.map((x, i) => x + w[i]!));
    expect(read[1]).toBeCloseTo(2, 2);
    expect(read[2]).toBeCloseTo(2, 2);
    expect(offset[2]).toBe(0);
  });
});

describe("a state that moves", () => {
  const before: SampleResult = {
    ...{
      status: "done",
      steps: 0,
      accepted: 0,
      rejected: 0,
      evaluations: 0,
      logp: 0,
      index: 0,
      part: 0,
      seed: 0,
      origin: 0,
    },
    ...state(-3, 0.3, [-3, 1, 2]),
    z: new Float64Array(3),
    shift: Float32Array.of(-3, 0, 0),
    ws: Float32Array.of(-3, 1, 2, -4, 1, 2),
  };
  const after: SampleResult = { ...before, ...state(2, 0.3, [1, 1, 2]), way: Float32Array.of(-1, 1, 2) };
  const half = { numerator: 1, denominator: 2 };

  test("takes it out of w, of every layer, of the shift, and of the way there by as much as it has gone", () => {
    const moved = movedWith(before, after, { numWs: 2, shares: [half], shownShift: () => Float32Array.of(1, 0, 0) });
    expect([moved.w[0], moved.shift?.[0], moved.way?.[0]]).toEqual([2, -2, -0.5]);
    expect([...(moved.ws ?? [])]).toEqual([2, 1, 2, 1, 1, 2]);
  });

  test("goes as far as w where nothing is taken out", () => {
    const moved = movedWith(before, after, { numWs: 2, shares: [half] });
    expect([moved.w[0], moved.shift?.[0]]).toEqual([1, -3]);
    expect([...(moved.ws ?? [])]).toEqual([1, 1, 2, 0, 1, 2]);
  });
});
