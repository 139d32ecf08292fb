// Rules for the next step's size. Know nothing of terms or tableaus: an error and the past errors give a factor.
// In: the error of each tried step, as a multiple of the tolerance (accepted if <= 1). Out: next step / this step.
// Invariants: one past for each group (a sample, or the batch): a sample's factors never depend on its batch mates.
// Source: Soderlind, Automatic control and adaptive time-stepping, Numer. Algorithms 31 (2002); Hairer, Norsett, Wanner,
// Solving ODEs I, section II.4.

export interface StepRule {
  /** After an accepted step with `error` <= 1. */
  accept(group: number, error: number): number;
  /** After a rejected one with `error` > 1, or Infinity if the trial was not finite. Below 1. */
  reject(group: number, error: number): number;
}

export type StepRuleName = "pi" | "pid" | "torchdiffeq";

interface Gains {
  readonly p: number;
  readonly i: number;
  readonly d: number;
}

const GAINS = {
  pi: { p: 0.4, i: 0.3, d: 0 },
  pid: { p: 0.3, i: 0.3, d: 0.01 },
} as const satisfies Record<string, Gains>;

const SAFETY = 0.9;
const MIN_FACTOR = 0.2;
const MAX_FACTOR = 10;
const MIN_ERROR = 1e-10; // an exact step must not give an infinite factor

/**
 * The rule by name.
 *
 *   pi, pid      factor = safety e_n^(-(p + i + d)/k) e_{n-1}^((p + 2d)/k) e_{n-2}^(-d/k), k = errorOrder + 1,
 *                within 0.2 .. 10; after a rejection the integral term alone, and no growth until a step is accepted
 *   torchdiffeq  factor = 0.9 e_n^(-1/k) within 0.2 .. 10, at least 1 after an accepted step
 *
 * `groups` is the number of independent pasts; `errorOrder` the order of the embedded solution.
 */
export function makeStepRule(name: StepRuleName, groups: number, errorOrder: number): StepRule {
  const k = errorOrder + 1;
  return name === "torchdiffeq" ? new ElementaryRule(k) : new PidRule(GAINS[name], groups, k);
}

class PidRule implements StepRule {
  private readonly last: Float64Array;
  private readonly beforeLast: Float64Array;
  private readonly rejected: Uint8Array;

  constructor(
    private readonly gains: Gains,
    groups: number,
    private readonly k: number,
  ) {
    this.last = new Float64Array(groups).fill(1);
    this.beforeLast = new Float64Array(groups).fill(1);
    this.rejected = new Uint8Array(groups);
  }

  accept(group: number, error: number): number {
    const { p, i, d } = this.gains;
    const now = Math.max(error, MIN_ERROR);
    const last = this.last[group] ?? 1;
    const beforeLast = this.beforeLast[group] ?? 1;
    const raw = SAFETY * now ** (-(p + i + d) / this.k) * last ** ((p + 2 * d) / this.k) * beforeLast ** (-d / this.k);
    this.beforeLast[group] = last;
    this.last[group] = now;
    const most = this.rejected[group] === 1 ? 1 : MAX_FACTOR;
    this.rejected[group] = 0;
    return Math.min(most, Math.max(MIN_FACTOR, raw));
  }

  reject(group: number, error: number): number {
    this.rejected[group] = 1;
    return Math.max(MIN_FACTOR, SAFETY * error ** (-1 / this.k));
  }
}

class ElementaryRule implements StepRule {
  constructor(private readonly k: number) {}

  accept(_group: number, error: number): number {
    return Math.min(MAX_FACTOR, Math.max(1, SAFETY * Math.max(error, MIN_ERROR) ** (-1 / this.k)));
  }

  reject(_group: number, error: number): number {
    return Math.max(MIN_FACTOR, SAFETY * error ** (-1 / this.k));
  }
}
