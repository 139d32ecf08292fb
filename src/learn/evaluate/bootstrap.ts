// How sure a share or a mean is: Wilson intervals of shares; of means, percentile intervals of the bootstrap, always from the same seed.
// In: one number for each image. Out: the mean and the ends of its interval. Invariants: the same numbers give the same interval.
import { fillUniformNoise } from "../../runtime/sample/noise.js";
import { wilson } from "../wilson.js";

const REPLICATES = 1000;
/** Of both tails together: a 95% interval. */
const OUTSIDE = 0.05;
const SEED = 0;

export interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Mean and 95% interval of some numbers; undefined of none. */
export function estimate(values: readonly number[]): Estimate | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const uniform = new Float64Array(count);
  const means = Float64Array.from({ length: REPLICATES }, (_, sample) => {
    fillUniformNoise({ seed: SEED, sample, purpose: "bootstrap", step: 0 }, uniform);
    let sum = 0;
    for (const u of uniform) sum += values[Math.floor(u * count)] ?? 0;
    return sum / count;
  }).sort();
  const at = (share: number): number => means[Math.min(REPLICATES - 1, Math.floor(share * REPLICATES))] ?? mean;
  return { mean, low: at(OUTSIDE / 2), high: at(1 - OUTSIDE / 2), count };
}

/** The share of images of which something holds, and its Wilson interval: that of 32 of 32 is no point. */
export function share(holds: readonly boolean[]): Estimate | undefined {
  const count = holds.length;
  if (count === 0) return undefined;
  const satisfied = holds.filter(Boolean).length;
  const [low, high] = wilson(satisfied, count);
  return { mean: satisfied / count, low, high, count };
}
