// Where a stochastic sampler's noise comes from: the seed's own sequence, or arrays of a test.
import { fillGaussianNoise, type Purpose } from "./noise.js";

/** Writes the noise of one step for the whole batch, [B, dim]. `slot` tells the vectors of a step apart. */
export type NoiseSource = (step: number, purpose: Purpose, slot: number, out: Float64Array) => void;

/** The noise of `samples` of a seed, from `firstStep` on: independent of the batch, the machine and the order. */
export function seededNoise(seed: number, samples: readonly number[], dim: number, firstStep = 0): NoiseSource {
  return (step, purpose, slot, out) => {
    samples.forEach((sample, i) => {
      fillGaussianNoise({ seed, sample, purpose, step: firstStep + step, slot }, out.subarray(i * dim, (i + 1) * dim));
    });
  };
}

/** Starts z0 ~ N(0, I) of `samples` of a seed, [B, dim]. */
export function drawLatents(seed: number, samples: readonly number[], dim: number): Float64Array {
  const z0 = new Float64Array(samples.length * dim);
  seededNoise(seed, samples, dim)(0, "latent", 0, z0);
  return z0;
}
