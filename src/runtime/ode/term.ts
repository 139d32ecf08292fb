// The right-hand side of an ODE, for a batch at once. Knows nothing of solvers or step sizes.
// Invariants: row i of the answer depends on t[i] and row i of y alone; rows that are not active may hold anything.

export interface Term {
  /** Length of one sample's state. */
  readonly dim: number;
  /**
   * dy/dt of the active samples, written into `out`.
   *
   * Shapes  t [B], y [B, dim], active [B] (1 or 0), out [B, dim]; rows of inactive samples are left as they are.
   * Errors  a value that is not finite is passed on as it is: the solver ends that sample with a status.
   */
  evaluate(t: Float64Array, y: Float64Array, active: Uint8Array, out: Float64Array): Promise<void>;
  /** For linearly implicit methods. */
  readonly linear?: Linearisation;
}

/** A matrix A near d(dy/dt)/dy for each sample; the orders of the methods here do not depend on how near. */
export interface Linearisation {
  /** As the term's evaluate, and takes A of the active samples at (t, y), until the next time. */
  evaluate(t: Float64Array, y: Float64Array, active: Uint8Array, out: Float64Array): Promise<void>;
  /** How many evaluations of the term one of these counts for. */
  readonly cost: number;
  /** x <- (1 - a A)^-1 x for one sample; x [dim]. */
  solve(sample: number, a: number, x: Float64Array): void;
}
