// What every sampler returns.
// Invariants: numerical failure is the status of one sample; the others are as if it were not there.
import type { SampleStats } from "../ode/solution.js";
import type { ChainSummary } from "./chains.js";

/** How one sample fared; of a sampler that keeps a target also what its chain is worth. */
export interface SampledStats extends SampleStats {
  readonly chain?: ChainSummary;
}

export interface SamplingResult {
  /** Shape [B, dim]: the samples, or where each one stopped (its last good state). */
  readonly z: Float64Array;
  /** Shape [B]: log p(c|z) at `z`, in nats; NaN where it could not be had. */
  readonly logp: Float64Array;
  readonly samples: readonly SampledStats[];
  /** Evaluations of the gradient, each shared by all samples under way then. */
  readonly evaluations: number;
}
