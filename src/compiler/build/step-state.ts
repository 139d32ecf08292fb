// The state that step graphs carry from one run to the next: what the columns of its book are, and how they are read and written.
// In: a builder, a book [rows, columns]. Out: columns [rows, 1], a new book. Invariants: all is by row: no row depends on another; numbers of
// kinds (status, counts) are exact in float32; a value is finite if it is smaller than HUGE, which NaN is not.
import { GraphBuilder, scalar } from "../graph/builder.js";
import { inline } from "../graph/copy.js";
import type { Graph, Node, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { InternalError } from "../../source/internal-error.js";

/** Columns that every book begins with. `status` is 0 while the sample is under way, else statusNumber; `logp` is log p at z, nats. */
export const SHARED_COLUMNS = ["status", "accepted", "rejected", "evaluations", "logp"] as const;

/** Below the largest float32 by a little: sums of a row's magnitudes that reach it are taken for infinite. */
const HUGE = 3e38;

/** Names of a state's tensors, as inputs and as outputs of step graphs. */
export const STATE = ["z", "slope", "book"] as const;
export type StateName = (typeof STATE)[number];

/** What a run of a gradient gives: log p [rows, 1], its gradient [rows, dim]. */
export interface Slope {
  readonly gradient: NodeId;
  readonly logp: NodeId;
}

/** Rows and width of the state of a gradient. Errors: InternalError if it has no input z [rows, dim]. */
export function tileOf(gradient: Graph): { readonly rows: number; readonly dim: number } {
  const input = gradient.inputs.find(({ name }) => name === "z");
  const [rows, dim] = input === undefined ? [] : at(gradient.nodes, input.node).shape;
  if (rows === undefined || dim === undefined) throw new InternalError("a gradient without an input z [rows, dim]");
  return { rows, dim };
}

/** A graph of a step under construction: its gradient can be evaluated any number of times, on weights that are there once. */
export class StepBuilder extends GraphBuilder {
  readonly rows: number;
  readonly dim: number;
  /** What the gradient takes beside z: anchors, numbers of the energy. They stay as they are from step to step. */
  readonly given: Readonly<Record<string, NodeId>>;
  readonly #constants = new Map<Node, NodeId>();

  constructor(readonly gradient: Graph) {
    super();
    ({ rows: this.rows, dim: this.dim } = tileOf(gradient));
    const others = gradient.inputs.filter(({ name }) => name !== "z");
    this.given = Object.fromEntries(
      others.map(({ name, node }) => [name, this.input(name, at(gradient.nodes, node).shape)]),
    );
  }

  /** log p and its gradient at z [rows, dim]. */
  evaluate(z: NodeId): Slope {
    const { logp, grad } = inline(this, this.gradient, { ...this.given, z }, this.#constants);
    if (logp === undefined || grad === undefined) throw new InternalError("a gradient without logp and grad");
    return { gradient: grad, logp: this.reshape(logp, [this.rows, 1]) };
  }

  /** Shape [rows, 1]: the mean over a row of x [rows, dim]. */
  rowMean(x: NodeId): NodeId {
    return this.mul(this.sum(x, [1], true), scalar(1 / this.dim));
  }

  /** Shape [rows, 1]: 1 where all of these are finite, else 0; columns [rows, 1] and rows [rows, dim]. */
  isFinite(parts: readonly NodeId[]): NodeId {
    const sizes = parts.map((x) => {
      const size = this.abs(x);
      return at(this.shape(x), 1) === 1 ? size : this.sum(size, [1], true);
    });
    return this.greater(
      scalar(HUGE),
      sizes.reduce((sum, size) => this.add(sum, size)),
    );
  }

  /** Shape [rows, 1]: the same number in every row. */
  column(value: number): NodeId {
    return this.constant(new Float64Array(this.rows).fill(value), [this.rows, 1]);
  }

  /** 1 - x, of what is 0 or 1. */
  not(x: NodeId): NodeId {
    return this.sub(scalar(1), x);
  }

  /** a where `flag` [rows, 1] is 1, else b. */
  where(flag: NodeId, a: NodeId, b: NodeId): NodeId {
    return this.select(this.step(flag), a, b);
  }
}

/** The columns of a book, read and replaced by name. */
export class Book<Name extends string> {
  readonly #columns: Record<Name, NodeId>;
  constructor(
    private readonly b: StepBuilder,
    private readonly names: readonly Name[],
    columns: (name: Name) => NodeId,
  ) {
    this.#columns = Object.fromEntries(names.map((name) => [name, columns(name)])) as Record<Name, NodeId>;
  }

  /** The columns of a tensor [rows, names.length]. */
  static read<Name extends string>(b: StepBuilder, names: readonly Name[], book: NodeId): Book<Name> {
    return new Book(b, names, (name) => b.sliceAxis(book, 1, names.indexOf(name), 1));
  }

  get(name: Name): NodeId {
    return this.#columns[name];
  }

  set(changes: Readonly<Partial<Record<Name, NodeId>>>): void {
    Object.assign(this.#columns, changes);
  }

  /** The columns side by side: [rows, names.length]. */
  write(): NodeId {
    return this.b.concat(
      this.names.map((name) => this.#columns[name]),
      1,
    );
  }
}

/** A new state as outputs, and `look`: all that the host ever reads, book and z side by side, [rows, columns + dim]. */
export function finishState(b: StepBuilder, state: Readonly<Record<StateName, NodeId>>, more = {}): Graph {
  return b.finish({ outputs: { ...state, ...more, look: b.concat([state.book, state.z], 1) } });
}

/**
 * The end of a start graph: rows that are `fresh` have the new state, the others the one that came in. What the gradient takes beside z comes
 * out as it went in, so that it need be uploaded once.
 */
export function finishStart(b: StepBuilder, started: Readonly<Record<StateName, NodeId>>): Graph {
  const isFresh = b.step(b.input("fresh", [b.rows, 1]));
  const merge = (name: StateName): NodeId => b.select(isFresh, started[name], b.input(name, b.shape(started[name])));
  return finishState(b, { z: merge("z"), slope: merge("slope"), book: merge("book") }, b.given);
}

/** The end of a step graph: rows that had ended before keep their state. */
export function finishStep(
  b: StepBuilder,
  before: Readonly<Record<StateName, NodeId>>,
  after: Readonly<Record<StateName, NodeId>>,
  status: NodeId,
): Graph {
  const hasEnded = b.step(status);
  const merge = (name: StateName): NodeId => b.select(hasEnded, before[name], after[name]);
  return finishState(b, { z: merge("z"), slope: merge("slope"), book: merge("book") });
}
