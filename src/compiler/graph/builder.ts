// Builds graphs one node at a time: a method for each operation, shapes inferred and checked on the spot.
// In: builders of models and energies, passes that emit a new graph. Out: Graph.
// Invariants: nodes come out in topological order; nothing is simplified here (that is the passes' work) beyond
// taking one operand where a list has one; negative axes are counted from the end.
import { InternalError } from "../../source/internal-error.js";
import type {
  BinaryKind,
  FirKernel,
  Graph,
  ImageLayout,
  LeakyRelu,
  Node,
  NodeId,
  Op,
  Shape,
  UnaryKind,
} from "./graph.js";
import { at, inferShape, sizeOf } from "./shape.js";

/** An operand: a node, or a number that becomes a scalar constant. */
export type Operand = NodeId | { readonly scalar: number };

/** Wraps a number as an operand, since a bare number is a node's index. */
export function scalar(value: number): Operand {
  return { scalar: value };
}

export interface ConvOptions {
  readonly stride?: number;
  readonly pad?: number;
  readonly layout: ImageLayout;
}

export interface UpfirdnOptions {
  /** Rows of taps, or the taps of both directions, whose outer product the kernel is; used as given (not normalised), times `gain`. */
  readonly kernel: readonly number[] | FirKernel;
  readonly gain?: number;
  readonly up?: number;
  readonly down?: number;
  /** Rows before, rows after, columns before, columns after. */
  readonly pads: readonly [number, number, number, number];
  readonly layout: ImageLayout;
}

export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #inputs: { readonly name: string; readonly node: NodeId }[] = [];

  /** A node built before, by id. Errors: InternalError if there is none. */
  node(id: NodeId): Node {
    return this.#nodes[id] ?? missing(id);
  }

  shape(id: NodeId): Shape {
    return this.node(id).shape;
  }

  /** A named input of a fixed shape. Errors: InternalError if the name is taken. */
  input(name: string, shape: Shape): NodeId {
    if (this.#inputs.some((i) => i.name === name)) throw new InternalError(`two inputs named ${name}`);
    const node = this.#push({ op: { kind: "input", name }, inputs: [], shape });
    this.#inputs.push({ name, node });
    return node;
  }

  /**
   * A node of another graph as it is, on the new nodes that stand for its operands. These have the shapes of the old ones, so that the
   * node keeps its own and nothing is inferred. Errors: InternalError if the name of an input is taken, or an operand is missing.
   */
  copy(node: Node, mapped: readonly NodeId[]): NodeId {
    const { op, inputs, shape } = node;
    if (op.kind === "input") return this.input(op.name, shape);
    // Most nodes of a large graph stand where they stood: these are taken over, not made anew.
    return this.#push(
      inputs.every((i) => mapped[i] === i) ? node : { op, inputs: inputs.map((i) => at(mapped, i)), shape },
    );
  }

  /** A constant, row-major; a plain list is kept as float64. Errors: InternalError if the sizes do not fit. */
  constant(data: Float32Array | Float64Array | readonly number[], shape: Shape): NodeId {
    const array = data instanceof Float32Array || data instanceof Float64Array ? data : Float64Array.from(data);
    if (array.length !== sizeOf(shape))
      throw new InternalError(`a constant of ${array.length} entries for shape [${shape.join(", ")}]`);
    return this.#push({ op: { kind: "constant", data: array }, inputs: [], shape });
  }

  scalar(value: number): NodeId {
    return this.constant([value], []);
  }

  /** Any operation on nodes built before: the typed methods below are shorthands for this one. */
  emit(op: Op, inputs: readonly NodeId[]): NodeId {
    return this.#push({
      op,
      inputs,
      shape: inferShape(
        op,
        inputs.map((i) => this.shape(i)),
      ),
    });
  }

  unary(fn: UnaryKind, x: NodeId): NodeId {
    return this.emit({ kind: "unary", fn }, [x]);
  }
  neg(x: NodeId): NodeId {
    return this.unary("neg", x);
  }
  exp(x: NodeId): NodeId {
    return this.unary("exp", x);
  }
  log(x: NodeId): NodeId {
    return this.unary("log", x);
  }
  log1p(x: NodeId): NodeId {
    return this.unary("log1p", x);
  }
  expm1(x: NodeId): NodeId {
    return this.unary("expm1", x);
  }
  sqrt(x: NodeId): NodeId {
    return this.unary("sqrt", x);
  }
  rsqrt(x: NodeId): NodeId {
    return this.unary("rsqrt", x);
  }
  square(x: NodeId): NodeId {
    return this.unary("square", x);
  }
  abs(x: NodeId): NodeId {
    return this.unary("abs", x);
  }
  reciprocal(x: NodeId): NodeId {
    return this.unary("reciprocal", x);
  }
  sin(x: NodeId): NodeId {
    return this.unary("sin", x);
  }
  sigmoid(x: NodeId): NodeId {
    return this.unary("sigmoid", x);
  }
  softplus(x: NodeId): NodeId {
    return this.unary("softplus", x);
  }
  log1mexp(x: NodeId): NodeId {
    return this.unary("log1mexp", x);
  }
  step(x: NodeId): NodeId {
    return this.unary("step", x);
  }
  sign(x: NodeId): NodeId {
    return this.unary("sign", x);
  }
  floor(x: NodeId): NodeId {
    return this.unary("floor", x);
  }
  detach(x: NodeId): NodeId {
    return this.unary("detach", x);
  }

  binary(fn: BinaryKind, a: Operand, b: Operand): NodeId {
    return this.emit({ kind: "binary", fn }, [this.#operand(a), this.#operand(b)]);
  }
  add(a: Operand, b: Operand): NodeId {
    return this.binary("add", a, b);
  }
  sub(a: Operand, b: Operand): NodeId {
    return this.binary("sub", a, b);
  }
  mul(a: Operand, b: Operand): NodeId {
    return this.binary("mul", a, b);
  }
  div(a: Operand, b: Operand): NodeId {
    return this.binary("div", a, b);
  }
  max(a: Operand, b: Operand): NodeId {
    return this.binary("max", a, b);
  }
  min(a: Operand, b: Operand): NodeId {
    return this.binary("min", a, b);
  }
  greater(a: Operand, b: Operand): NodeId {
    return this.binary("greater", a, b);
  }
  clip(x: NodeId, min: number, max: number): NodeId {
    return this.emit({ kind: "clip", min, max }, [x]);
  }
  select(condition: NodeId, a: Operand, b: Operand): NodeId {
    return this.emit({ kind: "select" }, [condition, this.#operand(a), this.#operand(b)]);
  }
  leakyRelu(x: NodeId, slope: number, gain = 1): NodeId {
    return this.emit({ kind: "leakyRelu", activation: { slope, gain } }, [x]);
  }

  /** [..., M, K] by [..., K, N]. */
  matmul(a: NodeId, b: NodeId): NodeId {
    return this.emit({ kind: "matmul" }, [a, b]);
  }
  /** Matmul, bias and activation in one node: for passes; builders of models leave the fusing to them. */
  dense(x: NodeId, weight: NodeId, bias?: NodeId, activation?: LeakyRelu): NodeId {
    const op: Op = { kind: "dense", hasBias: bias !== undefined, ...(activation && { activation }) };
    return this.emit(op, bias === undefined ? [x, weight] : [x, weight, bias]);
  }

  /** Reduces the axes (all of them by default); negative axes count from the end. */
  reduce(fn: "sum" | "max" | "mean" | "logSumExp", x: NodeId, axes?: readonly number[], keepDims = false): NodeId {
    const rank = this.shape(x).length;
    const list = axes?.map((a) => (a < 0 ? a + rank : a)) ?? Array.from({ length: rank }, (_, i) => i);
    return this.emit({ kind: "reduce", fn, axes: list.sort((a, b) => a - b), keepDims }, [x]);
  }
  sum(x: NodeId, axes?: readonly number[], keepDims = false): NodeId {
    return this.reduce("sum", x, axes, keepDims);
  }
  mean(x: NodeId, axes?: readonly number[], keepDims = false): NodeId {
    return this.reduce("mean", x, axes, keepDims);
  }
  reduceMax(x: NodeId, axes?: readonly number[], keepDims = false): NodeId {
    return this.reduce("max", x, axes, keepDims);
  }
  logSumExp(x: NodeId, axes?: readonly number[], keepDims = false): NodeId {
    return this.reduce("logSumExp", x, axes, keepDims);
  }

  reshape(x: NodeId, to: Shape): NodeId {
    return this.emit({ kind: "reshape", to }, [x]);
  }
  transpose(x: NodeId, permutation: readonly number[]): NodeId {
    return this.emit({ kind: "transpose", permutation }, [x]);
  }
  broadcast(x: NodeId, to: Shape): NodeId {
    return this.emit({ kind: "broadcast", to }, [x]);
  }
  slice(x: NodeId, start: readonly number[], size: readonly number[]): NodeId {
    return this.emit({ kind: "slice", start, size }, [x]);
  }
  /** Entries start ... start + size - 1 of one axis, all of the others. */
  sliceAxis(x: NodeId, axis: number, start: number, size: number): NodeId {
    const shape = this.shape(x);
    const k = axis < 0 ? axis + shape.length : axis;
    return this.slice(
      x,
      shape.map((_, i) => (i === k ? start : 0)),
      shape.map((n, i) => (i === k ? size : n)),
    );
  }
  pad(x: NodeId, before: readonly number[], after: readonly number[]): NodeId {
    return this.emit({ kind: "pad", before, after }, [x]);
  }
  concat(parts: readonly NodeId[], axis: number): NodeId {
    const first = at(parts, 0);
    if (parts.length === 1) return first;
    return this.emit({ kind: "concat", axis: axis < 0 ? axis + this.shape(first).length : axis }, parts);
  }

  /** weight [O, I, kh, kw] in both layouts; bias [O]. */
  conv2d(
    x: NodeId,
    weight: NodeId,
    options: ConvOptions & { readonly bias?: NodeId; readonly activation?: LeakyRelu },
  ): NodeId {
    const { stride = 1, pad = 0, layout, bias, activation } = options;
    const op: Op = {
      kind: "conv2d",
      stride,
      pad,
      layout,
      hasBias: bias !== undefined,
      ...(activation && { activation }),
    };
    return this.emit(op, bias === undefined ? [x, weight] : [x, weight, bias]);
  }
  /** weight [I, O, kh, kw] in both layouts. */
  convTranspose2d(x: NodeId, weight: NodeId, options: ConvOptions): NodeId {
    const { stride = 1, pad = 0, layout } = options;
    return this.emit({ kind: "convTranspose2d", stride, pad, layout }, [x, weight]);
  }
  upfirdn2d(x: NodeId, options: UpfirdnOptions): NodeId {
    const { gain = 1, up = 1, down = 1, pads, layout } = options;
    const kernel = isRows(options.kernel) ? options.kernel : outer(options.kernel, options.kernel);
    return this.emit({ kind: "upfirdn2d", kernel, gain, up, down, pads, layout }, [x]);
  }

  /** The graph built so far, with these outputs. Errors: InternalError if an output names no node. */
  finish({ outputs }: { readonly outputs: Readonly<Record<string, NodeId>> }): Graph {
    return {
      nodes: [...this.#nodes],
      inputs: [...this.#inputs],
      outputs: Object.entries(outputs).map(([name, node]) => {
        this.node(node);
        return { name, node };
      }),
    };
  }

  #operand(x: Operand): NodeId {
    return typeof x === "number" ? x : this.scalar(x.scalar);
  }

  #push(node: Node): NodeId {
    for (const i of node.inputs) this.node(i);
    this.#nodes.push(node);
    return this.#nodes.length - 1;
  }
}

function isRows(kernel: readonly number[] | FirKernel): kernel is FirKernel {
  return Array.isArray(kernel[0]);
}

/** The kernel of a filter that goes down the columns with one list of taps and along the rows with another. */
export function outer(rows: readonly number[], columns: readonly number[]): FirKernel {
  return rows.map((u) => columns.map((v) => u * v));
}

function missing(id: NodeId): never {
  throw new InternalError(`no node ${id}`);
}
