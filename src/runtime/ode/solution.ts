// What a solve returns. Numerical failure is a status of one sample, never an exception.

export type SampleStatus = "done" | "too-many-steps" | "step-too-small" | "non-finite" | "stopped";

/** How one sample fared. */
export interface SampleStats {
  readonly status: SampleStatus;
  /** Steps tried: accepted and rejected. */
  readonly steps: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Evaluations of the term for this sample. */
  readonly evaluations: number;
}

export interface Solution {
  /** [B, dim]: each sample at its own end, or where it stopped (its last accepted state). */
  readonly y: Float64Array;
  /** [B]: the time at which each sample ended; t1 if it is done. */
  readonly t: Float64Array;
  readonly samples: readonly SampleStats[];
  /** Calls of the term, each shared by all samples active then. */
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
