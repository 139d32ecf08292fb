// Where a stochastic sampler's noise comes from: the seed's own sequence, or arrays of a test.
import { ATTEMPT_SLOTS, fillGaussianNoise, type Purpose } from "./noise.js";

/** Writes the noise of one step for the whole batch, [B, dim]. `slot` tells the vectors of a step apart. */
export type NoiseSource = (step: number, purpose: Purpose, slot: number, out: Float64Array) => void;

/** The noise of `samples` of a seed, from `firstStep` on, in one of their attempts: independent of the batch, the machine and the order. */
export function seededNoise(
  seed: number,
  samples: readonly number[],
  dim: number,
  firstStep = 0,
  attempt = 0,
): NoiseSource {
  return (step, purpose, slot, out) => {
    samples.forEach((sample, i) => {
      const address = { seed, sample, purpose, step: firstStep + step, slot: slot + attempt * ATTEMPT_SLOTS };
      fillGaussianNoise(address, out.subarray(i * dim, (i + 1) * dim));
    });
  };
}

/** Starts z0 ~ N(0, I) of `samples` of a seed, [B, dim]; `attempt` tells those of a slot that tries again apart. */
export function drawLatents(seed: number, samples: readonly number[], dim: number, attempt = 0): Float64Array {
  const z0 = new Float64Array(samples.length * dim);
  seededNoise(seed, samples, dim, 0, attempt)(0, "latent", 0, z0);
  return z0;
}
