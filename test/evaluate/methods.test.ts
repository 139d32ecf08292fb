// Linear directions against closed forms, and rejection against heads whose answers are known.
import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Energy } from "../../src/compiler/energy/energy.js";
import type { HeadOutputs } from "../../src/compiler/energy/interpret.js";
import { fitLinear, linearMove, readLinear } from "../../src/learn/evaluate/linear.js";
import { directionOf, moveStyles, rejectByHeads, type ReadLatents } from "../../src/learn/evaluate/methods.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { NOWHERE } from "../../src/source/span.js";
import { expectClose } from "../support/close.js";
import { random } from "../support/random.js";

const D = 6;
const noise = random(7);
const latents = Array.from({ length: 1500 }, () => Float32Array.from({ length: D }, () => noise.normal()));
const dot = (v: readonly number[], w: ArrayLike<number>): number => v.reduce((sum, x, k) => sum + x * (w[k] ?? 0), 0);

/** A binary attribute along one direction, a scalar along another that is not orthogonal to it. */
const BINARY = [2, 1, 0, 0, 0, 0];
const SCALAR = [0.3, 0, 0.4, 0, 0, 0];
const attributes: readonly Attribute[] = [
  { name: "on", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "size", type: "scalar", min: -3, max: 3, sigma: 0.1 },
];
const headsAt = (w: ArrayLike<number>): HeadOutputs => [[0, dot(BINARY, w)], [dot(SCALAR, w)]];
const draws = { latents, heads: latents.map(headsAt) };
const on: Energy = { kind: "class", attribute: 0, values: [1], temperature: 1, span: NOWHERE };
const sized: Energy = { kind: "near", attribute: 1, target: 0.8, sigma: 0.1, span: NOWHERE };

describe("linear directions", () => {
  test("the fit of a linear reading is that reading", () => {
    const fit = fitLinear(
      latents,
      latents.map((w) => [dot(BINARY, w) + 0.5, dot(SCALAR, w)]),
    );
    BINARY.forEach((x, k) => expectClose(fit.directions[0]![k]!, x, { abs: 0.03, rel: 0 }));
    SCALAR.forEach((x, k) => expectClose(fit.directions[1]![k]!, x, { abs: 0.01, rel: 0 }));
    expectClose(readLinear(fit, latents[0]!)[0]!, dot(BINARY, latents[0]!) + 0.5, { abs: 0.1, rel: 0 });
  });

  test("a held move changes what is asked for by as much, and nothing else; a plain one goes straight along", () => {
    const fit = fitLinear(
      latents,
      latents.map((w) => [dot(BINARY, w), dot(SCALAR, w)]),
    );
    const change = (move: Float64Array): number[] => fit.directions.map((v) => dot([...v], move));
    const held = linearMove(fit, 1, true)([1.5]);
    expectClose(change(held)[0]!, 1.5, { abs: 1e-9, rel: 0 });
    expectClose(change(held)[1]!, 0, { abs: 1e-9, rel: 0 });
    const plain = linearMove(fit, 1, false)([1.5]);
    expectClose(change(plain)[0]!, 1.5, { abs: 1e-9, rel: 0 });
    expect(Math.abs(change(plain)[1]!)).toBeGreaterThan(0.1);
    expect(Math.hypot(...plain)).toBeLessThan(Math.hypot(...held)); // the least move of all
  });

  test("a scalar goes where it is asked to be; a class to where draws of it lie, and no further", () => {
    const moved = (energy: Energy, w: Float32Array, held: boolean): Float64Array => {
      const move = directionOf(energy, attributes, draws, held)!.move(w);
      return Float64Array.from(w, (x, k) => x + move[k]!);
    };
    const off = latents.find((w) => dot(BINARY, w) < -1)!;
    expectClose(headsAt(moved(sized, off, false))[1]![0]!, 0.8, { abs: 0.02, rel: 0 });
    const held = moved(on, off, true);
    expect(headsAt(held)[0]![1]!).toBeGreaterThan(1);
    expectClose(dot(SCALAR, held), dot(SCALAR, off), { abs: 0.02, rel: 0 });
    const far = Float32Array.from([4, 2, 0, 0, 0, 0]);
    expect([...moved(on, far, false)]).toEqual([...far]);
  });

  test("where no draw satisfies a condition nothing says where to go", () => {
    const never: Energy = { kind: "above", attribute: 1, threshold: 50, sigma: 0.1, span: NOWHERE };
    expect(directionOf(never, attributes, draws, false)).toBeUndefined();
  });

  test("a step of an edit moves its own layers", () => {
    const styles = Float32Array.from({ length: 4 * 2 }, (_, i) => i);
    expect([...moveStyles(styles, Float64Array.from([10, 20]), [1, 2])]).toEqual([0, 1, 12, 23, 14, 25, 6, 7]);
  });
});

describe("rejection by the heads", () => {
  const outcomes = Array.from({ length: 40 }, (_, index) => ({ index, origin: index, seed: 1 }) as SampleResult);
  const read: ReadLatents = (z) =>
    Promise.resolve(
      Array.from({ length: z.length / D }, (_, i) => {
        const w = Float32Array.from(z.subarray(i * D, (i + 1) * D));
        return { w, heads: headsAt(w) };
      }),
    );

  test("takes the first draw that the heads accept, and counts what it looked at", async () => {
    const { images, evaluations } = await rejectByHeads(outcomes, on, read, { tries: 50, zDim: D, numWs: 1 });
    expect(images.every((c) => dot(BINARY, c.styles) > 0)).toBe(true);
    expect(evaluations).toBeGreaterThan(1.3);
    expect(evaluations).toBeLessThan(3); // half of the draws are on: 2 on average
    expect(new Set(images.map((c) => c.owner.sample)).size).toBe(40);
  });

  test("takes the likeliest where none is accepted", async () => {
    const rare: Energy = { kind: "near", attribute: 1, target: 3, sigma: 0.1, span: NOWHERE };
    const { images, evaluations } = await rejectByHeads(outcomes, rare, read, { tries: 8, zDim: D, numWs: 1 });
    expect(evaluations).toBe(8);
    const mean = images.reduce((sum, c) => sum + dot(SCALAR, c.styles), 0) / images.length;
    expect(mean).toBeGreaterThan(0.5); // the largest of eight draws of deviation 0.5
  });
});
