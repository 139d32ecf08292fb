// Weights of models that are timed: seeded numbers of a given deviation.
// In: a seed. Out: tensors, one after the other. Invariant: the same numbers everywhere.
import type { Tensor } from "../src/compiler/weights.js";
import { random } from "../test/support/random.js";

/** Draws tensors. Uniform: a normal deviate for each of 30 million weights would take longer than the benchmark. */
export function uniformWeights(seed: number): (shape: readonly number[], deviation?: number) => Tensor {
  const r = random(seed);
  return (shape, deviation = 1) => {
    const width = 2 * Math.sqrt(3) * deviation;
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) data[i] = width * (r.next() - 0.5);
    return { shape, data };
  };
}
