// Hairer's starting step: a probing Euler step, then a step from the second derivative that the probe shows. Pure numbers of one group.
// In: RMS over the state of y, y' and y'', each over the tolerance. Out: sizes of steps, positive.
// Invariants: with control "sample" a state that does not move (no condition, a certainty) tries the whole interval at once; with "batch"
// the rule is torchdiffeq's to the letter.
// Source: Hairer, Norsett, Wanner, Solving ODEs I, section II.4.
import { FIRST_BEND, FIRST_PROBES, FIRST_SHARE } from "../../compiler/sampling/step-control.js";

/** Whose step it is. */
export interface Starting {
  readonly control: "sample" | "batch";
  /** Length of the interval. */
  readonly span: number;
  /** Order of the error estimate. */
  readonly order: number;
  readonly isImplicit: boolean;
}

// The starting rule takes the field for smooth; where it has kinks (leaky ReLU) the change of slope itself is the scale of the
// error, and a pair's estimate of the first step can miss it. So that step's bend, h^2 |y''|, is at most 2^2 tolerances.
const FIRST_BEND_IMPLICIT = 1; // and no other bound: step-size.ts says what these settings give

/** The probing step. */
export function probeStep({ control, span }: Starting, y: number, slope: number): number {
  if (control === "batch") return y < 1e-5 || slope < 1e-5 ? 1e-6 : (FIRST_SHARE * y) / slope;
  return Math.min(span, (FIRST_SHARE * Math.max(y, 1)) / slope);
}

/** The first step, once a probe of size `probe` has shown `bend`. */
export function firstStep(
  { control, span, order, isImplicit }: Starting,
  probe: number,
  slope: number,
  bend: number,
): number {
  const steepest = Math.max(slope, bend);
  const flat = control === "batch" ? Math.max(1e-6, probe * 1e-3) : span;
  const smooth = steepest <= 1e-15 ? flat : (FIRST_SHARE / steepest) ** (1 / (order + 1));
  const root = Math.sqrt(steepest);
  const kinked = isImplicit ? Math.min(span, FIRST_BEND_IMPLICIT / root) : Math.min(smooth, FIRST_BEND / root);
  const step = control === "batch" ? smooth : kinked;
  return Number.isFinite(step) ? Math.min(FIRST_PROBES * probe, step) : probe;
}
