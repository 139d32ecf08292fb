// The numbers of step-size control, for the solver on the host and the step graphs of build/: what either changes, both do.
// In: nothing. Out: gains, limits and exponents. What they were chosen by is told where the host applies them: runtime/ode/.
// Source: Soderlind, Automatic control and adaptive time-stepping, Numer. Algorithms 31 (2002); Hairer, Norsett, Wanner,
// Solving ODEs I, section II.4.

/** Gains of a proportional, integral and differential controller. */
export interface Gains {
  readonly p: number;
  readonly i: number;
  readonly d: number;
  readonly safety: number;
}

/** Controllers of a step size, by name. */
export const GAINS = {
  // The gains of DOPRI5 (Hairer and Wanner: beta = 0.04 = p / k, and 0.2 - 0.75 beta = (p + i) / k).
  pi: { p: 0.2, i: 0.65, d: 0, safety: 0.8 },
  // Soderlind's PID as ARKODE has it: exponents -0.58, 0.21, -0.1 of the last three errors, over k.
  pid: { p: 0.01, i: 0.47, d: 0.1, safety: 0.9 },
} as const satisfies Record<string, Gains>;

/** Exponents of the last three errors, newest first, in the factor of the next step; `k` is the order of the error estimate and one more. */
export function exponentsOf({ p, i, d }: Gains, k: number): readonly [number, number, number] {
  return [-(p + i + d) / k, (p + 2 * d) / k, -d / k];
}

/** Factors from one step to the next. */
export const MIN_FACTOR = 0.2;
export const MAX_FACTOR = 2;
/** An exact step must not give an infinite factor. */
export const MIN_ERROR = 1e-10;

/** Of the interval: a smaller step ends a sample. */
export const MIN_STEP = 1e-12;
/** Trials that are not finite before a sample is given up. */
export const MAX_BAD_TRIALS = 8;
/** A step that ends this near the end goes there. */
export const STRETCH = 1.01;

/** What the first step may bend, h^2 |y''|, in tolerances, is this squared. */
export const FIRST_BEND = 2;
/** The probe moves the state, and the first step the slope, by this share of a tolerance. */
export const FIRST_SHARE = 0.01;
/** A first step is at most so many probes. */
export const FIRST_PROBES = 100;

/** When a sample is given up: `window` steps between two looks at its pace, of which `LOOKS` in turn say that it takes more than `BEYOND` times the steps allowed. */
export const STALL_LOOKS = 3;
export const STALL_BEYOND = 1.5;
/** A sample whose pace says that it takes more than this share of the steps allowed goes on with its tolerances times LOOSER. */
export const LOOSE_BEYOND = 0.5;
export const LOOSER = 10;
const FEWEST = 100;

/** Steps between two looks at a sample's pace: at least FEWEST, and a tenth of what is allowed. */
export function stallWindow(maxSteps: number): number {
  return Math.max(FEWEST, Math.ceil(maxSteps / 10));
}
