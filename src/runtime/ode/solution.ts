// What a solve returns, and tells on its way. Numerical failure is a status of one sample, never an exception.

import type { SampleStatus } from "../../compiler/sampling/status.js";

/** How one sample fared. */
export interface SampleStats {
  readonly status: SampleStatus;
  /** Steps tried: accepted and rejected. */
  readonly steps: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Evaluations of the term for this sample; one with a linearisation counts as Linearisation.cost. */
  readonly evaluations: number;
}

export interface Solution {
  /** Shape [B, dim]: each sample at its own end, or where it stopped (its last accepted state). */
  readonly y: Float64Array;
  /** Shape [B]: the time at which each sample ended; t1 if it is done. */
  readonly t: Float64Array;
  readonly samples: readonly SampleStats[];
  /** The same over the calls of the term, each shared by all samples active then. */
  readonly evaluations: number;
}

export interface SolveProgress {
  /** Samples that have ended. */
  readonly finished: number;
  readonly total: number;
  /** Share of the interval covered, mean over the samples, in [0, 1]. */
  readonly fraction: number;
  readonly evaluations: number;
}

/** What is told of an accepted step to whoever looks on. */
export interface TakenStep {
  /** t after less t before. */
  readonly h: number;
  /** log p(c|z) as last evaluated, in nats: of a method that evaluates at the end of its steps, there. */
  readonly logp: number;
}

/** An accepted step of one sample. The arrays [dim] are the solver's own: to be read in the call, not kept. */
export interface AcceptedStep {
  /** Its place in the batch. */
  readonly sample: number;
  /** t after less t before. */
  readonly h: number;
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Of an implicit method as it takes it: without what is stiff in it. */
  readonly slopeBefore: Float64Array;
  /** Where the method evaluates there (firstSameAsLast). */
  readonly slopeAfter?: Float64Array;
}
