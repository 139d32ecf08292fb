// Whether a sample will not arrive: its pace over the last steps, carried on, is far beyond the steps that it may take. Before that, where it takes many, it goes on
// with looser tolerances.
// In: steps tried and the time, step by step, of each sample. Out: its tolerances, and whether it ends. Invariant: an answer depends on the sample's own steps alone.
//
// A flow that slides along kinks of the heads, or along a step of the mapping, is held to steps as small as its tolerance, though larger ones take it to as good a
// place (docs/solvers.md, samples that make no progress). Where a condition is stiff, stability holds the step to one size whatever the tolerance, so that the
// pace is steady; a kink holds it up for a while, and then lets go, so that one slow stretch says little and STALL_LOOKS of them much. Measured with bosh3 at 2e-3, maxSteps 1000, before
// tolerances were loosened: of 96 samples of six conditions on the embedded model, four of them stiff (sigma 0.005 to 0.01, weights to 10), this ended 31 of the 33 that would not have
// arrived, after 400 steps mostly, and of the others, 18 of which took more than 200 steps, one that would have arrived after 687. Of 336 samples on random models it ended 9 of 20, and
// none of the 60 that arrive after more than 200 steps (with one look two of them).

import { LOOSE_BEYOND, LOOSER, STALL_BEYOND, STALL_LOOKS, stallWindow } from "../../compiler/sampling/step-control.js";

export class Stall {
  private readonly window: number;
  /** By sample: where it was at the last look. */
  private readonly steps: Float64Array;
  private readonly times: Float64Array;
  /** Looks up to now that said it, one after another. */
  private readonly slow: Uint8Array;
  private readonly loose: Uint8Array;

  constructor(
    batch: number,
    private readonly limits: { readonly t0: number; readonly t1: number; readonly maxSteps: number },
  ) {
    this.window = stallWindow(limits.maxSteps);
    this.steps = new Float64Array(batch);
    this.times = new Float64Array(batch).fill(limits.t0);
    this.slow = new Uint8Array(batch);
    this.loose = new Uint8Array(batch);
  }

  /** What the tolerances of sample `i` are to be multiplied by. */
  tolerance(i: number): number {
    return this.loose[i] === 1 ? LOOSER : 1;
  }

  /**
   * Whether sample `i` is to be given up after so many steps tried, at time `t`; or loosens it. To be asked after every step; the first window is never
   * looked at alone.
   */
  ends(i: number, steps: number, t: number): boolean {
    const since = steps - (this.steps[i] ?? 0);
    if (since < this.window) return false;
    const { t1, maxSteps } = this.limits;
    const pace = Math.abs(t - (this.times[i] ?? 0)) / since;
    const isFirst = this.steps[i] === 0;
    this.steps[i] = steps;
    this.times[i] = t;
    const needed = isFirst ? 0 : steps + Math.abs(t1 - t) / pace;
    if (needed > LOOSE_BEYOND * maxSteps) this.loose[i] = 1;
    const isSlow = needed > STALL_BEYOND * maxSteps;
    this.slow[i] = isSlow ? (this.slow[i] ?? 0) + 1 : 0;
    return (this.slow[i] ?? 0) >= STALL_LOOKS;
  }
}
