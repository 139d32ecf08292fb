// A step of an explicit Runge-Kutta method as a graph: all stages, the error, whether it is kept, the next size, by row; and the start before
// it. What runtime/ode/solver.ts does on the host, from the same tableaus and numbers, for engines whose round trips cost more than a step.
// In: a tableau, a compiled gradient, a control. Out: Graphs from state to state.
// Invariants: rows do not depend on each other; a row that has ended keeps its state; the state's slope and log p are those at its z, so that
// a method that evaluates nowhere else evaluates there at the end of a step in place of the start of the next: the same evaluations.
// Differences to the host: sums run in another order; powers are exponentials of logarithms; a row is finite if the sum of its magnitudes is.
import { scalar } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { statusNumber } from "../sampling/status.js";
import {
  exponentsOf,
  FIRST_BEND,
  FIRST_PROBES,
  FIRST_SHARE,
  LOOSE_BEYOND,
  LOOSER,
  MAX_BAD_TRIALS,
  MAX_FACTOR,
  MIN_ERROR,
  MIN_FACTOR,
  MIN_STEP,
  STALL_BEYOND,
  STALL_LOOKS,
  stallWindow,
  STRETCH,
  type Gains,
} from "../sampling/step-control.js";
import type { Tableau } from "../sampling/tableaus.js";
import { InternalError } from "../../source/internal-error.js";
import { Book, finishStart, finishStep, SHARED_COLUMNS, StepBuilder } from "./step-state.js";

/** How steps are sized: by the error's estimate, or so many equal ones. The flow goes from tau 0 to `span`. */
export type StepControl =
  | {
      readonly kind: "adaptive";
      readonly span: number;
      readonly rtol: number;
      readonly atol: number;
      readonly gains: Gains;
      /** Most steps tried. */
      readonly maxSteps: number;
      /** A row whose pace is slow goes on with looser tolerances, and ends as "stalled" where it will not arrive all the same. */
      readonly givesUp: boolean;
    }
  | { readonly kind: "fixed"; readonly span: number; readonly steps: number };

type Adaptive = Extract<StepControl, { kind: "adaptive" }>;

/** Of a row under adaptive control: time, next size, logarithms of the last two errors, whether the last trial was rejected, trials that were not finite. */
const ADAPTIVE = [...SHARED_COLUMNS, "tau", "h", "last", "beforeLast", "held", "bad"] as const;
/** Where its pace was last looked at, how often in turn it was too slow, and whether its tolerances are loosened. */
const STALLING = [...ADAPTIVE, "lookSteps", "lookTau", "slow", "loose"] as const;
type Column = (typeof STALLING)[number];

/** Names of the columns of the book, in their order. */
export function stepColumns(control: StepControl): readonly Column[] {
  if (control.kind === "fixed") return SHARED_COLUMNS;
  return control.givesUp ? STALLING : ADAPTIVE;
}

/** A quotient by what may be 0 has this for it: large enough to be cut off, not infinite. */
const TINY = 1e-30;

/**
 * The start of rows: the slope at z0, and with adaptive control the first step size, by a probe (two evaluations).
 *
 * Shapes   inputs `start` [rows, dim], `fresh` [rows, 1] (1: this row starts), the gradient's others, and the state z, slope [rows, dim], book
 *          [rows, columns]; outputs z, slope, book, `look` [rows, columns + dim], and the gradient's others as they came in.
 */
export function buildStart(tableau: Tableau, gradient: Graph, control: StepControl): Graph {
  const b = new StepBuilder(gradient);
  const z = b.input("start", [b.rows, b.dim]);
  const { gradient: slope, logp } = b.evaluate(z);
  const isGood = b.isFinite([logp, slope]);
  const names = stepColumns(control);
  const book = new Book<Column>(b, names, () => b.column(0));
  book.set({
    status: b.where(isGood, b.column(0), b.column(statusNumber("non-finite"))),
    evaluations: b.column(1),
    logp,
  });
  if (control.kind === "adaptive") {
    book.set({ evaluations: b.add(isGood, scalar(1)), h: firstStep(b, { z, slope }, tableau, control) });
  }
  return finishStart(b, { z, slope, book: book.write() });
}

/** Hairer's starting step, bounded by the bend that the probe shows: as runtime/ode/first-step.ts with control "sample". [rows, 1]. */
function firstStep(
  b: StepBuilder,
  { z, slope }: { readonly z: NodeId; readonly slope: NodeId },
  { error, name }: Tableau,
  { rtol, atol, span }: Adaptive,
): NodeId {
  if (error === undefined) throw new InternalError(`${name} has no error estimate`);
  const scale = b.add(b.mul(b.abs(z), scalar(rtol)), scalar(atol));
  const norm = (x: NodeId): NodeId => b.sqrt(b.rowMean(b.square(b.div(x, scale))));
  const steepness = norm(slope);
  const reach = b.mul(b.max(norm(z), scalar(1)), scalar(FIRST_SHARE));
  const probe = b.min(b.div(reach, b.max(steepness, scalar(TINY))), scalar(span));
  const probed = b.evaluate(b.add(z, b.mul(slope, probe)));
  const bend = b.div(norm(b.sub(probed.gradient, slope)), probe);
  const isGood = b.isFinite([probed.logp, bend]);
  const steepest = b.max(steepness, b.where(isGood, bend, b.column(0)));
  const smooth = b.exp(
    b.mul(b.log(b.div(scalar(FIRST_SHARE), b.max(steepest, scalar(TINY)))), scalar(1 / (error.order + 1))),
  );
  const isFlat = b.greater(scalar(1e-15), steepest);
  const kinked = b.div(scalar(FIRST_BEND), b.sqrt(b.max(steepest, scalar(TINY))));
  const step = b.min(b.select(isFlat, scalar(span), smooth), kinked);
  return b.where(isGood, b.min(b.mul(probe, scalar(FIRST_PROBES)), step), probe);
}

/**
 * One step of every row that is under way, tried and kept or not.
 *
 *   error = RMS over dim of h sum_s w_s k_s / (atol + rtol max(|z|, |trial|)), kept if <= 1
 *
 * Shapes   inputs z, slope [rows, dim], book [rows, columns] (stepColumns) and the gradient's others; outputs z, slope, book, and `look`
 *          [rows, columns + dim], the book and z side by side.
 * Errors   InternalError for a linearly implicit method, whose systems are solved on the host, and for adaptive control without an estimate.
 */
export function buildStep(tableau: Tableau, gradient: Graph, control: StepControl): Graph {
  if (tableau.implicit !== undefined) throw new InternalError(`${tableau.name} steps on the host`);
  const b = new StepBuilder(gradient);
  const names = stepColumns(control);
  const before = {
    z: b.input("z", [b.rows, b.dim]),
    slope: b.input("slope", [b.rows, b.dim]),
    book: b.input("book", [b.rows, names.length]),
  };
  const book = Book.read(b, names, before.book);
  const status = book.get("status");
  const size = control.kind === "adaptive" ? fitStep(b, book, control) : undefined;
  const h = size?.h ?? b.column(control.kind === "fixed" ? control.span / control.steps : 0);
  const trial = tryStep(b, tableau, before, h);
  const kept =
    control.kind === "fixed" || size === undefined
      ? decideFixed(b, book, trial, control)
      : decide(b, book, { ...trial, ...size, before: before.z, tableau }, control);
  const stages = tableau.c.length - 1;
  const again = tableau.firstSameAsLast ? b.column(stages) : b.add(kept, scalar(stages));
  book.set({
    evaluations: b.add(book.get("evaluations"), again),
    logp: b.where(kept, trial.logp, book.get("logp")),
  });
  const isKept = b.step(kept);
  const z = b.select(isKept, trial.z, before.z);
  const slope = b.select(isKept, trial.slope, before.slope);
  return finishStep(b, before, { z, slope, book: book.write() }, status);
}

/** What a step came to: the new state, its slope and log p, the stages' error before its scale, and whether all was finite. */
interface Trial {
  readonly z: NodeId;
  readonly slope: NodeId;
  readonly logp: NodeId;
  /** sum_s w_s k_s. */
  readonly error: NodeId | undefined;
  /** [rows, 1] each: finite where the stages and the new state are. */
  readonly marks: readonly NodeId[];
  /** Shape [rows, 1]: whether slope and log p at the new state are finite. */
  readonly isSlopeGood: NodeId;
}

function tryStep(
  b: StepBuilder,
  { a, b: weights, c, error, firstSameAsLast }: Tableau,
  { z, slope }: { readonly z: NodeId; readonly slope: NodeId },
  h: NodeId,
): Trial {
  const k = [slope];
  const logps: NodeId[] = [];
  const sumOf = (row: readonly number[]): NodeId => {
    const terms = row.flatMap((x, s) => (x === 0 || k[s] === undefined ? [] : [b.mul(k[s], scalar(x))]));
    return terms.reduce((sum, term) => b.add(sum, term));
  };
  const moved = (row: readonly number[]): NodeId => b.add(z, b.mul(sumOf(row), h));
  let end = z;
  for (let s = 1; s < c.length; s++) {
    end = moved(a[s] ?? []);
    const { gradient, logp } = b.evaluate(end);
    k.push(gradient);
    logps.push(logp);
  }
  const difference = error === undefined ? undefined : sumOf(error.weights);
  if (firstSameAsLast) {
    const [last = slope, logp = z] = [k.at(-1), logps.at(-1)];
    return { z: end, slope: last, logp, error: difference, marks: [...logps, end], isSlopeGood: b.column(1) };
  }
  end = moved(weights);
  const there = b.evaluate(end);
  return {
    ...{ z: end, slope: there.gradient, logp: there.logp, error: difference },
    marks: [...logps, end],
    isSlopeGood: b.isFinite([there.logp, there.gradient]),
  };
}

/** Accepts what is finite. Out: [rows, 1], 1 where the step is kept. */
function decideFixed(b: StepBuilder, book: Book<Column>, trial: Trial, control: StepControl): NodeId {
  const steps = control.kind === "fixed" ? control.steps : 0;
  const kept = b.isFinite(trial.marks);
  const accepted = b.add(book.get("accepted"), kept);
  const lost = b.where(trial.isSlopeGood, b.column(0), b.column(statusNumber("non-finite")));
  const ended = b.select(b.greater(accepted, scalar(steps - 0.5)), b.column(statusNumber("done")), lost);
  book.set({ accepted, status: b.where(kept, ended, b.column(statusNumber("non-finite"))) });
  return kept;
}

/** The size of the step to try: the rule's, cut to end at the span; a short rest is shared by two equal steps. */
function fitStep(
  b: StepBuilder,
  book: Book<Column>,
  { span }: Adaptive,
): { readonly h: NodeId; readonly isNotLast: NodeId } {
  const rest = b.sub(scalar(span), book.get("tau"));
  const wanted = book.get("h");
  const isNotLast = b.greater(rest, b.mul(wanted, scalar(STRETCH)));
  const isShared = b.greater(b.mul(wanted, scalar(2)), rest);
  const part = b.select(isShared, b.mul(rest, scalar(0.5)), wanted);
  return { h: b.where(isNotLast, part, rest), isNotLast };
}

interface Tried extends Trial {
  readonly before: NodeId;
  readonly h: NodeId;
  readonly isNotLast: NodeId;
  readonly tableau: Tableau;
}

/** Keeps or rejects each trial, sets the next size, ends rows. Out: [rows, 1], 1 where the step is kept. */
function decide(b: StepBuilder, book: Book<Column>, trial: Tried, control: Adaptive): NodeId {
  const { rtol, atol, span, gains, maxSteps } = control;
  const { h, isNotLast, before, tableau } = trial;
  if (trial.error === undefined || tableau.error === undefined)
    throw new InternalError(`${tableau.name} has no error estimate`);
  const scale = b.add(b.mul(b.max(b.abs(before), b.abs(trial.z)), scalar(rtol)), scalar(atol));
  const looser = control.givesUp ? b.add(b.mul(book.get("loose"), scalar(LOOSER - 1)), scalar(1)) : b.column(1);
  const squares = b.div(b.rowMean(b.square(b.div(b.mul(trial.error, h), scale))), b.square(looser));
  const isFinite = b.isFinite([...trial.marks, squares]);
  // A row that is not finite goes on with an error that is: no arithmetic on NaN decides anything.
  const error = b.sqrt(b.where(isFinite, squares, b.column(4)));
  const kept = b.not(b.greater(error, scalar(1)));
  const failed = b.not(isFinite);

  const k = tableau.error.order + 1;
  const log = b.log(b.max(error, scalar(MIN_ERROR)));
  const [ofNow, ofLast, ofBeforeLast] = exponentsOf(gains, k);
  const [last, beforeLast, held] = [book.get("last"), book.get("beforeLast"), book.get("held")];
  const terms = [
    [log, ofNow] as const,
    [last, ofLast] as const,
    ...(ofBeforeLast === 0 ? [] : [[beforeLast, ofBeforeLast] as const]),
  ].map(([x, exponent]) => b.mul(x, scalar(exponent)));
  const raw = b.exp(
    b.add(
      terms.reduce((sum, term) => b.add(sum, term)),
      scalar(Math.log(gains.safety)),
    ),
  );
  const most = b.where(held, b.column(1), b.column(MAX_FACTOR));
  const growth = b.min(most, b.max(raw, scalar(MIN_FACTOR)));
  const retry = b.max(b.exp(b.add(b.mul(log, scalar(-1 / k)), scalar(Math.log(gains.safety)))), scalar(MIN_FACTOR));
  const shrinkage = b.where(isFinite, retry, b.column(MIN_FACTOR));
  const next = b.mul(h, b.where(kept, growth, shrinkage));

  const tau = b.where(kept, b.where(isNotLast, b.add(book.get("tau"), h), b.column(span)), book.get("tau"));
  const accepted = b.add(book.get("accepted"), kept);
  const rejected = b.add(book.get("rejected"), b.not(kept));
  const bad = b.add(book.get("bad"), failed);
  const steps = b.add(accepted, rejected);
  // From what counts least to what counts most.
  const status = endings(b, [
    [b.not(trial.isSlopeGood), "non-finite", kept],
    ...(control.givesUp ? [[hasStalled(b, book, steps, tau, control), "stalled"] as const] : []),
    [b.greater(steps, scalar(maxSteps - 0.5)), "too-many-steps"],
    [b.greater(scalar(MIN_STEP * span), next), "step-too-small", b.not(kept)],
    [b.greater(bad, scalar(MAX_BAD_TRIALS - 0.5)), "non-finite", b.not(kept)],
    [b.not(isNotLast), "done", kept],
  ]);
  book.set({
    ...{ status, tau, accepted, rejected, bad, h: next, held: b.not(kept) },
    last: b.where(kept, log, last),
    beforeLast: b.where(kept, last, beforeLast),
  });
  return kept;
}

/** Numbers of statuses: the last of the endings whose flags [rows, 1] are all 1; 0 where none is. */
function endings(
  b: StepBuilder,
  list: readonly (readonly [NodeId, Parameters<typeof statusNumber>[0], NodeId?])[],
): NodeId {
  return list.reduce(
    (status, [flag, name, other]) =>
      b.where(other === undefined ? flag : b.mul(flag, other), b.column(statusNumber(name)), status),
    b.column(0),
  );
}

/** Shape [rows, 1]: 1 where the pace of the last window, carried on, is far beyond the steps allowed, so many looks in turn; loosens before that: as runtime/ode/stall.ts. */
function hasStalled(
  b: StepBuilder,
  book: Book<Column>,
  steps: NodeId,
  tau: NodeId,
  { maxSteps, span }: Adaptive,
): NodeId {
  const [lookSteps, lookTau, slow] = [book.get("lookSteps"), book.get("lookTau"), book.get("slow")];
  const since = b.sub(steps, lookSteps);
  const isDue = b.greater(since, scalar(stallWindow(maxSteps) - 0.5));
  // steps + rest / pace > beyond, pace = covered / since, without the division by what may be 0; the first look says nothing.
  const covered = b.sub(tau, lookTau);
  const rest = b.mul(b.sub(scalar(span), tau), since);
  const isBeyond = (share: number): NodeId => {
    const allowed = b.mul(b.sub(scalar(share * maxSteps), steps), covered);
    return b.mul(b.greater(rest, allowed), b.step(lookSteps));
  };
  const isSlow = isBeyond(STALL_BEYOND);
  const counted = b.mul(b.add(slow, scalar(1)), isSlow);
  const now = b.where(isDue, counted, slow);
  book.set({
    slow: now,
    loose: b.max(book.get("loose"), b.mul(isDue, isBeyond(LOOSE_BEYOND))),
    lookSteps: b.where(isDue, steps, lookSteps),
    lookTau: b.where(isDue, tau, lookTau),
  });
  return b.mul(isDue, b.greater(now, scalar(STALL_LOOKS - 0.5)));
}
