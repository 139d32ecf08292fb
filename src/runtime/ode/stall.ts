// Whether a sample will not arrive: its pace over the last steps, carried on, is far beyond the steps that it may take.
// In: steps tried and the time, step by step, of each sample. Out: yes or no. Invariant: an answer depends on the sample's own steps alone.
//
// Where a condition is stiff, stability holds the step to one size whatever the tolerance, so that the pace is steady; a kink holds it up for a while, and then
// lets go, so that one slow stretch says little and STALL_LOOKS of them much. Measured with bosh3 at 2e-3, maxSteps 1000: of 96 samples of six conditions on the embedded
// model, four of them stiff (sigma 0.005 to 0.01, weights to 10), this ends 31 of the 33 that would not have arrived, after 400 steps mostly, and of the others, 18 of
// which took more than 200 steps, one that would have arrived after 687. Of 336 samples on random models it ends 9 of 20, and none of the 60 that arrive after
// more than 200 steps (with one look two of them).

import { STALL_BEYOND, STALL_LOOKS, stallWindow } from "../../compiler/sampling/step-control.js";

export class Stall {
  private readonly window: number;
  /** By sample: where it was at the last look. */
  private readonly steps: Float64Array;
  private readonly times: Float64Array;
  /** Looks up to now that said it, one after another. */
  private readonly slow: Uint8Array;

  constructor(
    batch: number,
    private readonly limits: { readonly t0: number; readonly t1: number; readonly maxSteps: number },
  ) {
    this.window = stallWindow(limits.maxSteps);
    this.steps = new Float64Array(batch);
    this.times = new Float64Array(batch).fill(limits.t0);
    this.slow = new Uint8Array(batch);
  }

  /** Whether sample `i` is to be given up after so many steps tried, at time `t`. To be asked after every step; the first window is never looked at alone. */
  has(i: number, steps: number, t: number): boolean {
    const since = steps - (this.steps[i] ?? 0);
    if (since < this.window) return false;
    const { t1, maxSteps } = this.limits;
    const pace = Math.abs(t - (this.times[i] ?? 0)) / since;
    const isFirst = this.steps[i] === 0;
    this.steps[i] = steps;
    this.times[i] = t;
    const isSlow = !isFirst && steps + Math.abs(t1 - t) / pace > STALL_BEYOND * maxSteps;
    this.slow[i] = isSlow ? (this.slow[i] ?? 0) + 1 : 0;
    return (this.slow[i] ?? 0) >= STALL_LOOKS;
  }
}
