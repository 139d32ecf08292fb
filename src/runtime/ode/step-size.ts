// Rules for the next step's size. Know nothing of terms or tableaus: an error and the past errors give a factor.
// In: the error of each tried step, as a multiple of the tolerance (accepted if <= 1). Out: next step / this step.
// Invariants: one past for each group (a sample, or the batch): a sample's factors never depend on its batch mates.
// Source: Soderlind, Automatic control and adaptive time-stepping, Numer. Algorithms 31 (2002); Hairer, Norsett, Wanner,
// Solving ODEs I, section II.4.
//
// The fields here have kinks (leaky ReLU) where the slope jumps by J, at a share x of the step. The error is then first order,
// g(x) h J, and so is the estimate, e(x) h J, where e(x) is the sum of the error weights of the stages behind the kink. Dormand and
// Prince's weights are small: for x < 0.3 they see a hundredth of the error and less, elsewhere about a tenth. So a long step after a plateau may
// jump a kink unseen, and what helps is not a tighter tolerance but to come up to it in steps that at most double, from a short
// first one (FIRST_BEND of first-step.ts). Over the golden cases of both sizes at nine tolerances from 6e-4 to 1.4e-3 that
// takes a quarter (latent 48) and a third (latent 512) off the distance to the exact ends, for 5 and 11 per cent more evaluations than
// factors up to 5 and a first bend of 5^2; other safety factors and gains gave nothing that a tolerance does not.

import {
  exponentsOf,
  GAINS,
  MAX_FACTOR,
  MIN_ERROR,
  MIN_FACTOR,
  type Gains,
} from "../../compiler/sampling/step-control.js";

export interface StepRule {
  /** After an accepted step with `error` <= 1. */
  accept(group: number, error: number): number;
  /** After a rejected one with `error` > 1, or Infinity if the trial was not finite. Below 1. */
  reject(group: number, error: number): number;
}

export type StepRuleName = "pi" | "pid" | "torchdiffeq";

// Of linearly implicit methods until their first rejection: their first step is short because of stiff directions, which settle within it, and
// a rejection costs little, as the linearisation is kept; past a kink the growth is that of the others. For the golden distances of dopri5 they
// need 0.190 and 0.217 of the reference's evaluations so, 0.232 and 0.299 with 2 and the first step of explicit methods; 5 throughout
// (0.185, 0.215) rejects a third of all steps where kinks are many.
const MAX_FACTOR_IMPLICIT = 5;
const TORCHDIFFEQ = { safety: 0.9, max: 10 };

/**
 * The rule by name.
 *
 *   pi, pid      factor = safety e_n^(-(p + i + d)/k) e_{n-1}^((p + 2d)/k) e_{n-2}^(-d/k), k = errorOrder + 1,
 *                within 0.2 .. 2 (5 before the first rejection, if implicit); after a rejection the integral term alone, and no growth until a step is accepted
 *   torchdiffeq  factor = 0.9 e_n^(-1/k) within 0.2 .. 10, at least 1 after an accepted step
 *
 * `groups` is the number of independent pasts; `errorOrder` the order of the embedded solution.
 */
export function makeStepRule(name: StepRuleName, groups: number, errorOrder: number, isImplicit: boolean): StepRule {
  const k = errorOrder + 1;
  const most = isImplicit ? MAX_FACTOR_IMPLICIT : MAX_FACTOR;
  return name === "torchdiffeq" ? new ElementaryRule(k) : new PidRule(GAINS[name], groups, k, most);
}

class PidRule implements StepRule {
  private readonly last: Float64Array;
  private readonly beforeLast: Float64Array;
  private readonly rejected: Uint8Array;
  private readonly everRejected: Uint8Array;

  constructor(
    private readonly gains: Gains,
    groups: number,
    private readonly k: number,
    private readonly mostAtFirst: number,
  ) {
    this.last = new Float64Array(groups).fill(1);
    this.beforeLast = new Float64Array(groups).fill(1);
    this.rejected = new Uint8Array(groups);
    this.everRejected = new Uint8Array(groups);
  }

  accept(group: number, error: number): number {
    const { safety } = this.gains;
    const [ofNow, ofLast, ofBeforeLast] = exponentsOf(this.gains, this.k);
    const now = Math.max(error, MIN_ERROR);
    const last = this.last[group] ?? 1;
    const beforeLast = this.beforeLast[group] ?? 1;
    const raw = safety * now ** ofNow * last ** ofLast * beforeLast ** ofBeforeLast;
    this.beforeLast[group] = last;
    this.last[group] = now;
    const unhurt = this.everRejected[group] === 1 ? MAX_FACTOR : this.mostAtFirst;
    const most = this.rejected[group] === 1 ? 1 : unhurt;
    this.rejected[group] = 0;
    return Math.min(most, Math.max(MIN_FACTOR, raw));
  }

  reject(group: number, error: number): number {
    this.rejected[group] = 1;
    this.everRejected[group] = 1;
    return Math.max(MIN_FACTOR, this.gains.safety * error ** (-1 / this.k));
  }
}

class ElementaryRule implements StepRule {
  constructor(private readonly k: number) {}

  accept(_group: number, error: number): number {
    return Math.min(TORCHDIFFEQ.max, Math.max(1, TORCHDIFFEQ.safety * Math.max(error, MIN_ERROR) ** (-1 / this.k)));
  }

  reject(_group: number, error: number): number {
    return Math.max(MIN_FACTOR, TORCHDIFFEQ.safety * error ** (-1 / this.k));
  }
}
