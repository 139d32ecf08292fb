// A step of the samplers that draw noise, as a graph: Langevin dynamics, the predictor-corrector, Hamiltonian Monte Carlo; and the start before it.
// In: a sampler, a compiled gradient. Out: Graphs from state to state. Noise comes in as `noise`, the same numbers as on the host; what depends on
// the number of the step as `schedule`. Invariants: as build/step.ts; formulas and sources are those of runtime/sample/langevin.ts, pc.ts and hmc.ts.
import { scalar } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { Sampler } from "../plan.js";
import { pcSchedule } from "../sampling/diffusion.js";
import { FIRST_SIZE, hmcSchedule, RATE, TARGET, VARIATION } from "../sampling/hmc-adaptation.js";
import { statusNumber } from "../sampling/status.js";
import { unreachable } from "../../source/internal-error.js";
import { Book, finishStart, finishStep, SHARED_COLUMNS, StepBuilder } from "./step-state.js";

export type StochasticSampler = Exclude<Sampler, { kind: "ode" }>;
type Walk = Exclude<StochasticSampler, { kind: "hmc" }>;
type Hmc = Extract<StochasticSampler, { kind: "hmc" }>;

/** Where numbers of a step's noise come from: purpose and slot (runtime/sample/noise.ts); of the whole vector, or its first number alone. */
export interface NoisePart {
  readonly purpose: "langevin" | "predictor" | "corrector" | "hmc";
  readonly slot: number;
  readonly isWhole: boolean;
}

/** The vectors that stand side by side in `noise`. */
export function noiseParts(sampler: StochasticSampler): readonly NoisePart[] {
  switch (sampler.kind) {
    case "langevin":
      return [{ purpose: "langevin", slot: 0, isWhole: true }];
    case "pc": {
      const correctors = Array.from({ length: sampler.corrector }, (_, slot) => slot);
      return [
        { purpose: "predictor", slot: 0, isWhole: true },
        ...correctors.map((slot): NoisePart => ({ purpose: "corrector", slot, isWhole: true })),
      ];
    }
    case "hmc":
      return [0, 1, 2, 3].map((slot) => ({ purpose: "hmc", slot, isWhole: slot === 0 }));
    default:
      return unreachable(sampler);
  }
}

/** Width of `noise` for states of `dim` numbers. */
export function noiseWidth(sampler: StochasticSampler, dim: number): number {
  return noiseParts(sampler).reduce((sum, { isWhole }) => sum + (isWhole ? dim : 1), 0);
}

/** What a row at step k has in `schedule`; empty where steps are alike. */
export function scheduleOf(sampler: StochasticSampler, k: number): readonly number[] {
  switch (sampler.kind) {
    case "langevin":
      return [];
    case "pc": {
      const { alpha, beta } = pcSchedule(sampler.steps, k);
      return [2 - Math.sqrt(alpha), beta, Math.sqrt(beta), 2 * alpha * sampler.snr * sampler.snr];
    }
    case "hmc": {
      const { beta, adapts } = hmcSchedule(sampler, k);
      return [beta, adapts ? 1 : 0, k - firstKept(sampler)];
    }
    default:
      return unreachable(sampler);
  }
}

/** The first step whose state belongs to the chain. */
function firstKept(sampler: Hmc): number {
  for (let k = 0; k < sampler.steps; k++) if (!hmcSchedule(sampler, k).adapts) return k;
  return sampler.steps;
}

/** Steps whose states belong to the chain: so many columns follow those of the book, log p - |z|^2 / 2 of each. */
export function traceLength(sampler: StochasticSampler): number {
  return sampler.kind === "hmc" ? sampler.steps - firstKept(sampler) : 0;
}

const HMC = [...SHARED_COLUMNS, "size"] as const;
type Column = (typeof HMC)[number];

/** Names of the columns of the book before the trace, in their order. */
export function stochasticColumns(sampler: StochasticSampler): readonly Column[] {
  return sampler.kind === "hmc" ? HMC : SHARED_COLUMNS;
}

/** The start of rows: log p and its gradient at z0, one evaluation. Shapes as buildStart. */
export function buildStochasticStart(sampler: StochasticSampler, gradient: Graph): Graph {
  const b = new StepBuilder(gradient);
  const z = b.input("start", [b.rows, b.dim]);
  const { gradient: slope, logp } = b.evaluate(z);
  const book = new Book<Column>(b, stochasticColumns(sampler), () => b.column(0));
  book.set({
    status: b.where(b.isFinite([logp, slope]), b.column(0), b.column(statusNumber("non-finite"))),
    evaluations: b.column(1),
    logp,
    ...(sampler.kind === "hmc" && { size: b.column(FIRST_SIZE) }),
  });
  const length = traceLength(sampler);
  const trace = length === 0 ? [] : [b.constant(new Float64Array(b.rows * length), [b.rows, length])];
  return finishStart(b, { z, slope, book: b.concat([book.write(), ...trace], 1) });
}

/**
 * One step of every row that is under way.
 *
 * Shapes   inputs z, slope [rows, dim], book [rows, columns + trace], `noise` [rows, noiseWidth], `schedule` [rows, n] (scheduleOf) if it has numbers, the
 *          gradient's others; outputs z, slope, book, `look` as buildStep.
 */
export function buildStochasticStep(sampler: StochasticSampler, gradient: Graph): Graph {
  const b = new StepBuilder(gradient);
  const names = stochasticColumns(sampler);
  const length = traceLength(sampler);
  const before = {
    z: b.input("z", [b.rows, b.dim]),
    slope: b.input("slope", [b.rows, b.dim]),
    book: b.input("book", [b.rows, names.length + length]),
  };
  const noise = partsOf(b, sampler, b.input("noise", [b.rows, noiseWidth(sampler, b.dim)]));
  const { length: scheduled } = scheduleOf(sampler, 0);
  const schedule = scheduled === 0 ? undefined : b.input("schedule", [b.rows, scheduled]);
  const scheduleColumn = (i: number): NodeId => (schedule === undefined ? b.column(0) : b.sliceAxis(schedule, 1, i, 1));
  const book = Book.read<Column>(b, names, before.book);
  const status = book.get("status");
  const step = { before, book, noise, schedule: scheduleColumn };
  const after = sampler.kind === "hmc" ? proposed(b, sampler, step) : walked(b, sampler, step);
  const trace =
    length === 0 ? [] : [kept(b, b.sliceAxis(before.book, 1, names.length, length), after, scheduleColumn(2), book)];
  return finishStep(b, before, { ...after, book: b.concat([book.write(), ...trace], 1) }, status);
}

interface State {
  readonly z: NodeId;
  readonly slope: NodeId;
}

interface StochasticStep {
  readonly before: State;
  readonly book: Book<Column>;
  readonly noise: readonly NodeId[];
  readonly schedule: (column: number) => NodeId;
}

/** The vectors of a step's noise, apart. */
function partsOf(b: StepBuilder, sampler: StochasticSampler, noise: NodeId): readonly NodeId[] {
  let from = 0;
  return noiseParts(sampler).map(({ isWhole }) => {
    const width = isWhole ? b.dim : 1;
    from += width;
    return b.sliceAxis(noise, 1, from - width, width);
  });
}

/** Langevin dynamics or predictor and correctors: moves, and evaluates where it came to. */
function walked(b: StepBuilder, sampler: Walk, { before, book, noise, schedule }: StochasticStep): State {
  const score = b.sub(before.slope, before.z);
  const z =
    sampler.kind === "pc" ? diffused(b, before.z, score, noise, schedule) : drifted(b, sampler, before.z, score, noise);
  const { gradient: slope, logp } = b.evaluate(z);
  const accepted = b.add(book.get("accepted"), scalar(1));
  const lost = b.where(b.isFinite([logp, slope]), b.column(0), b.column(statusNumber("non-finite")));
  book.set({
    accepted,
    logp,
    evaluations: b.add(book.get("evaluations"), scalar(1)),
    status: b.select(b.greater(accepted, scalar(sampler.steps - 0.5)), b.column(statusNumber("done")), lost),
  });
  return { z, slope };
}

function drifted(
  b: StepBuilder,
  { step, noise: level }: Extract<Walk, { kind: "langevin" }>,
  z: NodeId,
  score: NodeId,
  [xi = z]: readonly NodeId[],
): NodeId {
  return b.add(b.add(z, b.mul(score, scalar(step))), b.mul(xi, scalar(level)));
}

function diffused(
  b: StepBuilder,
  start: NodeId,
  score: NodeId,
  [first = start, ...correctors]: readonly NodeId[],
  schedule: StochasticStep["schedule"],
): NodeId {
  const squares = (x: NodeId): NodeId => b.sum(b.square(x), [1], true);
  const [grow, beta, root, factor] = [0, 1, 2, 3].map(schedule) as [NodeId, NodeId, NodeId, NodeId];
  const predicted = b.add(b.add(b.mul(start, grow), b.mul(score, beta)), b.mul(first, root));
  const length = squares(score);
  return correctors.reduce((z, xi) => {
    const h = b.mul(factor, b.div(squares(xi), length));
    return b.add(b.add(z, b.mul(score, h)), b.mul(xi, b.sqrt(b.mul(h, scalar(2)))));
  }, predicted);
}

/** A proposal by leapfrog steps, taken or not. */
function proposed(b: StepBuilder, { steps, leaps }: Hmc, { before, book, noise, schedule }: StochasticStep): State {
  const [momentum = before.z, first = before.z, second = before.z, vary = before.z] = noise;
  const [beta, adapts] = [schedule(0), schedule(1)];
  const size = book.get("size");
  const used = b.mul(size, b.exp(b.mul(b.clip(vary, -2, 2), scalar(VARIATION))));
  const half = b.mul(used, scalar(0.5));
  const squares = (x: NodeId): NodeId => b.sum(b.square(x), [1], true);
  const level = (z: NodeId, p: NodeId, logp: NodeId): NodeId =>
    b.sub(b.mul(beta, logp), b.mul(b.add(squares(z), squares(p)), scalar(0.5)));
  const pushed = (p: NodeId, { z, slope }: State, part: NodeId): NodeId =>
    b.add(p, b.mul(b.sub(b.mul(slope, beta), z), part));
  let state: State = before;
  let logp = book.get("logp");
  let p = pushed(momentum, state, half);
  for (let leap = 0; leap < leaps; leap++) {
    const z = b.add(state.z, b.mul(p, used));
    const there = b.evaluate(z);
    state = { z, slope: there.gradient };
    logp = there.logp;
    p = pushed(p, state, leap + 1 < leaps ? used : half);
  }
  const rise = b.sub(level(state.z, p, logp), level(before.z, momentum, book.get("logp")));
  const isGood = b.isFinite([logp, state.slope, state.z, rise]);
  const gain = b.where(isGood, rise, b.column(-1e30));
  const threshold = b.mul(b.add(b.square(first), b.square(second)), scalar(0.5));
  const taken = b.greater(b.add(gain, threshold), scalar(0));
  const chance = b.exp(b.min(gain, scalar(0)));
  const accepted = b.add(book.get("accepted"), taken);
  const rejected = b.add(book.get("rejected"), b.not(taken));
  const done = b.greater(b.add(accepted, rejected), scalar(steps - 0.5));
  book.set({
    accepted,
    rejected,
    evaluations: b.add(book.get("evaluations"), scalar(leaps)),
    logp: b.where(taken, logp, book.get("logp")),
    size: b.mul(size, b.exp(b.mul(b.mul(b.sub(chance, scalar(TARGET)), scalar(RATE)), adapts))),
    status: b.mul(done, scalar(statusNumber("done"))),
  });
  const isTaken = b.step(taken);
  return { z: b.select(isTaken, state.z, before.z), slope: b.select(isTaken, state.slope, before.slope) };
}

/** The trace with log p - |z|^2 / 2 of the state in its column; as it was where the index of the column is below 0. */
function kept(b: StepBuilder, trace: NodeId, { z }: State, index: NodeId, book: Book<Column>): NodeId {
  const length = at(b.shape(trace), 1);
  const columns = b.constant(
    Float64Array.from({ length }, (_, i) => i),
    [1, length],
  );
  const value = b.sub(book.get("logp"), b.mul(b.sum(b.square(z), [1], true), scalar(0.5)));
  return b.select(b.abs(b.sub(columns, index)), trace, value);
}
