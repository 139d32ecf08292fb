// The batch driver of Runge-Kutta methods, explicit and linearly implicit: every sample has its own time and step, all share each evaluation.
// In: a term, states [B, dim], an interval, a tableau, tolerances. Out: a Solution with one status a sample.
// Invariants: with control "sample" no number of one sample depends on another's (a test compares bits); a sample's state is
// always its last accepted one; the trial buffers are made once, nothing is allocated in a step.
// Source: Hairer, Norsett, Wanner, Solving ODEs I, sections II.4 (step control, initial step) and II.5 (dense pairs).
import type { SampleStatus } from "../../compiler/sampling/status.js";
import { MAX_BAD_TRIALS, MIN_STEP, STRETCH } from "../../compiler/sampling/step-control.js";
import { InternalError } from "../../source/internal-error.js";
import { firstStep, probeStep, type Starting } from "./first-step.js";
import { changeSquares, combine, errorSquares, initialSquares, isFiniteRow } from "./rows.js";
import type { AcceptedStep, SampleStats, Solution, SolveProgress } from "./solution.js";
import { Stall } from "./stall.js";
import { makeStepRule, type StepRule, type StepRuleName } from "./step-size.js";
import type { Tableau } from "../../compiler/sampling/tableaus.js";
import type { Linearisation, Term } from "./term.js";

export interface SolveOptions {
  readonly term: Term;
  /** [B, term.dim]; not changed. */
  readonly y0: Float64Array;
  readonly t0: number;
  /** May lie before t0. */
  readonly t1: number;
  readonly tableau: Tableau;
  /** "sample": each its own step. "batch": one step for all, its error the RMS over the whole batch, as torchdiffeq. */
  readonly control: "sample" | "batch";
  readonly rtol: number;
  readonly atol: number;
  readonly stepRule: StepRuleName;
  /** Most steps tried, accepted and rejected, of each sample. */
  readonly maxSteps: number;
  /** A sample whose pace is slow goes on with looser tolerances, and ends as "stalled" where it will not arrive within `maxSteps` all the same (stall.ts). */
  readonly givesUp?: boolean;
  /** Of a term that is the gradient of a value: its values at the states last evaluated, [B], and how far a step's gain may be from what its slopes say. */
  readonly value?: { readonly at: Float64Array; readonly within: number };
  /** This many equal steps instead of error control. */
  readonly fixedSteps?: number;
  readonly onProgress?: (progress: SolveProgress) => void;
  /** Called with each accepted step of each sample, in its order. */
  readonly onAccepted?: (step: AcceptedStep) => void;
  /** When it aborts, samples under way end with status "stopped". */
  readonly signal?: AbortSignal;
}

/**
 * Integrates dy/dt = term from t0 to t1 for every sample of a batch.
 *
 *   error = RMS over dim of h sum w_s k_s / (atol + rtol max(|y|, |y_new|)), accepted if <= 1
 *
 * Shapes  y0 [B, dim] -> y [B, dim].
 * Errors  InternalError for bad options (no error estimate and no fixedSteps, sizes that do not fit); never for numbers.
 */
export async function solve(options: SolveOptions): Promise<Solution> {
  return new Solve(options).run();
}

/** The error of a step that strays, which makes the next one about half as long. */
const STRAYED = 8;
/** Of the interval: steps that are shorter do not stray. */
const LEAST_STRAYING = 1e-4;

class Solve {
  private readonly dim: number;
  private readonly batch: number;
  private readonly groups: number;
  private readonly direction: number;
  private readonly y: Float64Array;
  private readonly trial: Float64Array;
  private readonly k: Float64Array[];
  /** Derivative at y: the first stage of an explicit method; an implicit one solves for that. */
  private readonly slope: Float64Array;
  private readonly t: Float64Array;
  private readonly stageTimes: Float64Array;
  /** By group: the size of the next step (positive), the one being tried, trials that were not finite. */
  private readonly h: Float64Array;
  private readonly tried: Float64Array;
  private readonly badTrials: Int32Array;
  private readonly errors: Float64Array;
  /** By sample: the term's value at y, where it is known. */
  private readonly values: Float64Array;
  private readonly rowErrors: Float64Array; // of one row, before its norm
  private readonly active: Uint8Array;
  private readonly stale: Uint8Array; // 1: `slope` is not the derivative at y
  private readonly status: (SampleStatus | undefined)[];
  private readonly accepted: Int32Array;
  private readonly rejected: Int32Array;
  private readonly evaluations: Float64Array;
  private calls = 0;
  /** Of an implicit method. */
  private readonly linear: Linearisation | undefined;
  private readonly rule: StepRule;
  private readonly stall: Stall | undefined;

  constructor(private readonly options: SolveOptions) {
    const { term, y0, tableau, t0, t1, control, stepRule, fixedSteps } = options;
    this.dim = term.dim;
    this.batch = y0.length / term.dim;
    if (!Number.isInteger(this.batch))
      throw new InternalError(`y0 has ${y0.length} numbers, not a multiple of ${term.dim}`);
    if (fixedSteps === undefined && tableau.error === undefined) {
      throw new InternalError(`${tableau.name} has no error estimate: give fixedSteps`);
    }
    this.linear = tableau.implicit === undefined ? undefined : term.linear;
    if (tableau.implicit !== undefined && this.linear === undefined)
      throw new InternalError(`${tableau.name} needs a term that gives its linearisation`);
    if (fixedSteps !== undefined && !(Number.isInteger(fixedSteps) && fixedSteps > 0)) {
      throw new InternalError(`fixedSteps is ${fixedSteps}`);
    }
    this.groups = control === "sample" ? this.batch : Math.min(1, this.batch);
    this.direction = t1 < t0 ? -1 : 1;
    this.y = y0.slice();
    this.trial = new Float64Array(y0.length);
    this.k = tableau.c.map(() => new Float64Array(y0.length));
    this.slope = this.linear === undefined ? this.stage(0) : new Float64Array(y0.length);
    this.t = new Float64Array(this.batch).fill(t0);
    this.stageTimes = new Float64Array(this.batch);
    this.h = new Float64Array(this.groups);
    this.tried = new Float64Array(this.groups);
    this.badTrials = new Int32Array(this.groups);
    this.errors = new Float64Array(this.groups);
    this.values = new Float64Array(this.batch).fill(NaN);
    this.rowErrors = new Float64Array(this.dim);
    this.active = new Uint8Array(this.batch).fill(1);
    this.stale = new Uint8Array(this.batch).fill(1);
    this.status = new Array<SampleStatus | undefined>(this.batch).fill(undefined);
    this.accepted = new Int32Array(this.batch);
    this.rejected = new Int32Array(this.batch);
    this.evaluations = new Float64Array(this.batch);
    const isImplicit = this.linear !== undefined;
    this.rule = makeStepRule(stepRule, this.groups, tableau.error?.order ?? tableau.order, isImplicit);
    this.stall = options.givesUp === true && fixedSteps === undefined ? new Stall(this.batch, options) : undefined;
  }

  async run(): Promise<Solution> {
    const { t0, t1, fixedSteps, maxSteps, signal, onProgress } = this.options;
    for (let i = 0; i < this.batch; i++) if (t0 === t1) this.end(i, "done");
    if (this.anyActive() && fixedSteps === undefined) await this.chooseInitialSteps();
    while (this.anyActive()) {
      for (let i = 0; i < this.batch; i++) {
        if (!this.isActive(i)) continue;
        if (signal?.aborted === true) this.end(i, "stopped");
        else if (fixedSteps === undefined && this.stepsOf(i) >= maxSteps) this.end(i, "too-many-steps");
        else if (this.stall?.ends(i, this.stepsOf(i), this.t[i] ?? 0) === true) this.end(i, "stalled");
      }
      if (!this.anyActive()) break;
      this.fitSteps();
      await this.evaluateFirstStage();
      if (!this.anyActive()) break;
      await this.evaluateOtherStages();
      this.decide();
      onProgress?.(this.progress());
    }
    return {
      y: this.y,
      t: this.t,
      evaluations: this.calls,
      samples: this.status.map((status, i): SampleStats => {
        if (status === undefined) throw new InternalError(`sample ${i} has no status`);
        const accepted = this.accepted[i] ?? 0;
        const rejected = this.rejected[i] ?? 0;
        return { status, steps: accepted + rejected, accepted, rejected, evaluations: this.evaluations[i] ?? 0 };
      }),
    };
  }

  /** Sets the first step of each group. The derivative at y0 stays for that step. */
  private async chooseInitialSteps(): Promise<void> {
    const { t0, t1, tableau, rtol, atol, control } = this.options;
    await this.evaluateFirstStage();
    const starting: Starting = {
      control,
      span: Math.abs(t1 - t0),
      order: tableau.error?.order ?? 0,
      isImplicit: this.linear !== undefined,
    };
    const { slope } = this;
    const probes = new Float64Array(this.groups);
    const slopes = new Float64Array(this.groups);
    for (let g = 0; g < this.groups; g++) {
      const sums = { y: 0, slope: 0 };
      const rows = this.eachRow(g, (o) => {
        const row = initialSquares(this.y, slope, o, this.dim, rtol, atol);
        sums.y += row.y;
        sums.slope += row.slope;
      });
      slopes[g] = Math.sqrt(sums.slope / (rows * this.dim));
      probes[g] = probeStep(starting, Math.sqrt(sums.y / (rows * this.dim)), slopes[g] ?? 0);
    }
    if (!this.anyActive()) return;
    const probe = this.k.at(-1) ?? slope;
    if (probe === slope) throw new InternalError(`${tableau.name} has one stage and an error estimate`);
    for (let i = 0; i < this.batch; i++) {
      const h0 = this.direction * (probes[this.groupOf(i)] ?? 0);
      this.stageTimes[i] = (this.t[i] ?? 0) + h0;
      if (this.isActive(i)) combine(this.y, [slope], [1], h0, i * this.dim, this.dim, this.trial);
    }
    await this.evaluate(this.trial, this.active, probe);
    for (let g = 0; g < this.groups; g++) {
      const h0 = probes[g] ?? 0;
      let squares = 0;
      const rows = this.eachRow(g, (o) => (squares += changeSquares(this.y, slope, probe, o, this.dim, rtol, atol)));
      const bend = Math.sqrt(squares / (rows * this.dim)) / h0;
      this.h[g] = firstStep(starting, h0, slopes[g] ?? 0, bend);
    }
  }

  /** Sizes of the steps about to be tried: the rule's, cut to end at t1; a short rest is shared by two equal steps. */
  private fitSteps(): void {
    const { t0, t1, fixedSteps } = this.options;
    for (let i = 0; i < this.batch; i++) {
      if (!this.isActive(i)) continue;
      const g = this.groupOf(i);
      const rest = Math.abs(t1 - (this.t[i] ?? 0));
      const h = this.h[g] ?? 0;
      if (fixedSteps !== undefined) this.tried[g] = Math.abs(t1 - t0) / fixedSteps;
      else if (h * STRETCH >= rest) this.tried[g] = rest;
      else if (h * 2 > rest && this.options.control === "sample") this.tried[g] = rest / 2;
      else this.tried[g] = h;
    }
  }

  private async evaluateFirstStage(): Promise<void> {
    const { slope } = this;
    const needed = this.active.map((a, i) => a & (this.stale[i] ?? 0));
    if (!needed.includes(1)) return;
    for (let i = 0; i < this.batch; i++) this.stageTimes[i] = this.t[i] ?? 0;
    await this.evaluate(this.y, needed, slope, true);
    for (let i = 0; i < this.batch; i++) {
      if (needed[i] !== 1) continue;
      this.stale[i] = 0;
      this.values[i] = this.options.value?.at[i] ?? NaN;
      if (!isFiniteRow(slope, i * this.dim, this.dim)) this.end(i, "non-finite");
    }
  }

  private async evaluateOtherStages(): Promise<void> {
    const { tableau } = this.options;
    if (this.slope !== this.stage(0)) this.stage(0).set(this.slope);
    this.solveStage(0);
    for (let s = 1; s < tableau.c.length; s++) {
      this.combineInto(tableau.a[s] ?? []);
      for (let i = 0; i < this.batch; i++) {
        this.stageTimes[i] = (this.t[i] ?? 0) + (tableau.c[s] ?? 0) * this.signedStep(i);
      }
      await this.evaluate(this.trial, this.active, this.stage(s));
      this.solveStage(s);
    }
    // With firstSameAsLast the last stage was evaluated at the new state: `trial` holds it already.
    if (!tableau.firstSameAsLast) this.combineInto(tableau.b);
  }

  /** Of an implicit method: what the stage's derivative, which is there, makes of the stage. */
  private solveStage(s: number): void {
    const { implicit } = this.options.tableau;
    if (implicit === undefined) return;
    const stage = this.stage(s);
    const couplings = implicit.couplings[s] ?? [];
    for (let i = 0; i < this.batch; i++) {
      if (!this.isActive(i)) continue;
      const o = i * this.dim;
      combine(stage, this.k, couplings, 1, o, this.dim, stage);
      this.linear?.solve(i, implicit.gamma * this.signedStep(i), stage.subarray(o, o + this.dim));
    }
  }

  private combineInto(weights: readonly number[]): void {
    for (let i = 0; i < this.batch; i++) {
      if (this.isActive(i)) combine(this.y, this.k, weights, this.signedStep(i), i * this.dim, this.dim, this.trial);
    }
  }

  /** Accepts or rejects each trial and sets the next step sizes. */
  private decide(): void {
    if (this.options.fixedSteps !== undefined) this.acceptFixed();
    else {
      this.measureErrors();
      for (let g = 0; g < this.groups; g++) this.decideGroup(g);
    }
  }

  private acceptFixed(): void {
    for (let i = 0; i < this.batch; i++) {
      if (!this.isActive(i)) continue;
      if (!isFiniteRow(this.trial, i * this.dim, this.dim)) this.end(i, "non-finite");
      else this.acceptSample(i);
    }
  }

  private measureErrors(): void {
    const { tableau, rtol, atol } = this.options;
    const weights = tableau.error?.weights ?? [];
    for (let g = 0; g < this.groups; g++) {
      const h = this.tried[g] ?? 0;
      let squares = 0;
      const rows = this.eachRow(g, (o) => {
        const row = errorSquares(this.y, this.trial, this.k, weights, h, o, this.dim, rtol, atol, this.rowErrors);
        squares += row / (this.stall?.tolerance(o / this.dim) ?? 1) ** 2;
      });
      this.errors[g] = Math.sqrt(squares / (rows * this.dim));
    }
  }

  private decideGroup(g: number): void {
    const { t0, t1 } = this.options;
    const members = this.membersOf(g);
    if (members.length === 0) return;
    const h = this.tried[g] ?? 0;
    const measured = this.errors[g] ?? NaN;
    const error = members.some((i) => this.strays(i)) ? Math.max(measured, STRAYED) : measured;
    if (error <= 1) {
      // The factor is for the step that was tried, which the end of the interval may have cut short.
      this.h[g] = h * this.rule.accept(g, error);
      for (const i of members) this.acceptSample(i);
      return;
    }
    for (const i of members) this.rejected[i] = (this.rejected[i] ?? 0) + 1;
    const finite = Number.isFinite(error);
    if (!finite) this.badTrials[g] = (this.badTrials[g] ?? 0) + 1;
    this.h[g] = h * this.rule.reject(g, finite ? error : Infinity);
    if ((this.badTrials[g] ?? 0) >= MAX_BAD_TRIALS) {
      this.badTrials[g] = 0;
      for (const i of members) if (!this.isTrialFinite(i)) this.end(i, "non-finite");
    } else if ((this.h[g] ?? 0) < MIN_STEP * Math.abs(t1 - t0)) {
      for (const i of members) this.end(i, "step-too-small");
    }
  }

  /**
   * Whether a sample's trial lies where its slopes do not lead: its value has gained or lost other than the trapezoid of slopes says. A state that jumps over a ridge into
   * another basin may have a small error by itself, for both ends are flat.
   */
  private strays(i: number): boolean {
    const { value, tableau, t0, t1 } = this.options;
    if (value === undefined || !tableau.firstSameAsLast) return false;
    if ((this.tried[this.groupOf(i)] ?? 0) < LEAST_STRAYING * Math.abs(t1 - t0)) return false;
    const [before, after] = [this.stage(0), this.stage(tableau.c.length - 1)];
    let said = 0;
    for (let c = i * this.dim; c < (i + 1) * this.dim; c++)
      said += 0.5 * ((before[c] ?? 0) + (after[c] ?? 0)) * ((this.trial[c] ?? 0) - (this.y[c] ?? 0));
    return Math.abs((value.at[i] ?? NaN) - (this.values[i] ?? NaN) - said) > value.within;
  }

  private acceptSample(i: number): void {
    const { t0, t1, tableau, fixedSteps } = this.options;
    const o = i * this.dim;
    const end = o + this.dim;
    this.options.onAccepted?.({
      sample: i,
      h: this.signedStep(i),
      before: this.y.subarray(o, end),
      after: this.trial.subarray(o, end),
      slopeBefore: this.stage(0).subarray(o, end),
      ...(tableau.firstSameAsLast && { slopeAfter: this.stage(tableau.c.length - 1).subarray(o, end) }),
    });
    this.y.set(this.trial.subarray(o, end), o);
    this.values[i] = this.options.value?.at[i] ?? NaN;
    if (tableau.firstSameAsLast) this.stage(0).set(this.stage(tableau.c.length - 1).subarray(o, end), o);
    else this.stale[i] = 1;
    const accepted = (this.accepted[i] ?? 0) + 1;
    this.accepted[i] = accepted;
    const last =
      fixedSteps !== undefined
        ? accepted === fixedSteps
        : this.tried[this.groupOf(i)] === Math.abs(t1 - (this.t[i] ?? 0));
    if (last) {
      this.t[i] = t1;
      this.end(i, "done");
    } else if (fixedSteps !== undefined) this.t[i] = t0 + ((t1 - t0) * accepted) / fixedSteps;
    else this.t[i] = (this.t[i] ?? 0) + this.signedStep(i);
  }

  /** The derivative at y; at the start of a step, with the linearisation where the method needs one. */
  private async evaluate(y: Float64Array, active: Uint8Array, out: Float64Array, atStart = false): Promise<void> {
    const linear = atStart ? this.linear : undefined;
    await (linear ?? this.options.term).evaluate(this.stageTimes, y, active, out);
    const cost = linear?.cost ?? 1;
    this.calls += cost;
    for (let i = 0; i < this.batch; i++) if (active[i] === 1) this.evaluations[i] = (this.evaluations[i] ?? 0) + cost;
  }

  private isTrialFinite(i: number): boolean {
    const o = i * this.dim;
    return isFiniteRow(this.trial, o, this.dim) && this.k.every((k) => isFiniteRow(k, o, this.dim));
  }

  private membersOf(g: number): number[] {
    if (this.options.control === "sample") return this.isActive(g) ? [g] : [];
    return [...this.active.keys()].filter((i) => this.isActive(i));
  }

  /** Calls `visit` with the offset of each active row of the group; returns how many there are. */
  private eachRow(g: number, visit: (offset: number) => void): number {
    const members = this.membersOf(g);
    for (const i of members) visit(i * this.dim);
    return members.length;
  }

  private groupOf(i: number): number {
    return this.options.control === "sample" ? i : 0;
  }

  private isActive(i: number): boolean {
    return this.active[i] === 1;
  }

  private anyActive(): boolean {
    return this.active.includes(1);
  }

  private end(i: number, status: SampleStatus): void {
    this.active[i] = 0;
    this.status[i] = status;
  }

  private stepsOf(i: number): number {
    return (this.accepted[i] ?? 0) + (this.rejected[i] ?? 0);
  }

  private signedStep(i: number): number {
    return this.direction * (this.tried[this.groupOf(i)] ?? 0);
  }

  private stage(s: number): Float64Array {
    const k = this.k[s];
    if (k === undefined) throw new InternalError(`no stage ${s}`);
    return k;
  }

  private progress(): SolveProgress {
    const { t0, t1 } = this.options;
    let covered = 0;
    let finished = 0;
    for (let i = 0; i < this.batch; i++) {
      if (!this.isActive(i)) finished += 1;
      covered += this.isActive(i) ? Math.abs(((this.t[i] ?? 0) - t0) / (t1 - t0)) : 1;
    }
    return { finished, total: this.batch, fraction: covered / this.batch, evaluations: this.calls };
  }
}
