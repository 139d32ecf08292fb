// Common subexpressions: nodes that do the same to the same operands become one, equal constants included.
// In: a graph. Out: the graph with each value computed once (the same object if nothing was shared).
// Invariants: values are kept bit by bit; operands of commutative operations are compared in either order.
import { GraphBuilder } from "../graph/builder.js";
import type { BinaryKind, Graph, Node, NodeId, Op } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { finishMapped, type ConstantOp } from "./rewrite.js";

/** The graph with common subexpressions computed once. */
export function share(graph: Graph): Graph {
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  const seen = new Seen(graph);
  let changed = false;
  for (let id = 0; id < graph.nodes.length; id++) {
    const node = at(graph.nodes, id);
    const twin = seen.twinOf(id, node, mapped);
    if (twin !== undefined) changed = true;
    mapped.push(twin === undefined ? b.copy(node, mapped) : at(mapped, twin));
  }
  return changed ? finishMapped(b, graph, mapped) : graph;
}

/** How many entries of a constant go into its hash; the rest is compared only where those agree. */
const SAMPLES = 8;

/** The nodes that were met, by a hash of what they do: chains in flat lists, since graphs have up to millions of nodes. */
class Seen {
  readonly #graph: Graph;
  readonly #codes = new Map<string, number>();
  /** Of each hash the last node with it, and of each node the one before it, plus 1; 0 for none. */
  readonly #last: Uint32Array;
  readonly #before: Uint32Array;
  /** One number and its two halves, to hash it. */
  readonly #sample = new Float64Array(1);
  readonly #halves = new Int32Array(this.#sample.buffer);

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#last = new Uint32Array(2 ** Math.ceil(Math.log2(graph.nodes.length + 1)));
    this.#before = new Uint32Array(graph.nodes.length);
  }

  /** A node that was met before and computes the same; if there is none, the given one is kept for those to come. */
  twinOf(id: NodeId, node: Node, mapped: readonly NodeId[]): NodeId | undefined {
    const slot = (this.#hashOf(node, mapped) & (this.#last.length - 1)) >>> 0;
    for (let k = this.#last[slot] ?? 0; k !== 0; k = this.#before[k - 1] ?? 0) {
      if (isSame(at(this.#graph.nodes, k - 1), node, mapped)) return k - 1;
    }
    this.#before[id] = this.#last[slot] ?? 0;
    this.#last[slot] = id + 1;
    return undefined;
  }

  #hashOf({ op, inputs, shape }: Node, mapped: readonly NodeId[]): number {
    let hash = this.#codeOf(op);
    if (op.kind === "constant") for (const n of shape) hash = mix(hash, n);
    else if (isCommutative(op)) {
      const [x, y] = [at(mapped, at(inputs, 0)), at(mapped, at(inputs, 1))];
      hash = mix(mix(hash, Math.min(x, y)), Math.max(x, y));
    } else for (const i of inputs) hash = mix(hash, at(mapped, i));
    return hash ^ (hash >>> 15);
  }

  /** A number for an operation, the same for equal ones. */
  #codeOf(op: Op): number {
    switch (op.kind) {
      case "constant":
        return this.#codeOfData(op);
      case "unary":
      case "binary":
        return this.#number(op.fn);
      case "slice":
        return mixAll(mixAll(this.#number(op.kind), op.start), op.size);
      case "broadcast":
      case "reshape":
        return mixAll(this.#number(op.kind), op.to);
      default:
        return this.#number(JSON.stringify(op));
    }
  }

  #number(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const made = mix(this.#codes.size, 1);
    this.#codes.set(text, made);
    return made;
  }

  #codeOfData({ data }: ConstantOp): number {
    const stride = Math.max(1, Math.floor(data.length / SAMPLES));
    let hash = data.BYTES_PER_ELEMENT;
    for (let i = 0; i < data.length; i += stride) {
      this.#sample[0] = data[i] ?? NaN;
      hash = mix(mix(hash, this.#halves[0] ?? 0), this.#halves[1] ?? 0);
    }
    return hash;
  }
}

/** One step of a hash: multiplication by an odd number, with the upper bits brought down. */
function mix(hash: number, n: number): number {
  const next = Math.imul(hash ^ n, 0x9e3779b1);
  return next ^ (next >>> 16);
}

function mixAll(hash: number, numbers: readonly number[]): number {
  return numbers.reduce(mix, hash);
}

const COMMUTATIVE: ReadonlySet<BinaryKind> = new Set<BinaryKind>(["add", "mul", "max", "min"]);

function isCommutative(op: Op): boolean {
  return op.kind === "binary" && COMMUTATIVE.has(op.fn);
}

/** Whether two nodes compute the same from what stands for their operands. */
function isSame(a: Node, b: Node, mapped: readonly NodeId[]): boolean {
  if (a.op.kind === "constant" || b.op.kind === "constant") return isSameConstant(a, b);
  if (!isSameOp(a.op, b.op) || a.inputs.length !== b.inputs.length) return false;
  const isEqual = (i: number, k: number): boolean => mapped[at(a.inputs, i)] === mapped[at(b.inputs, k)];
  return a.inputs.every((_, i) => isEqual(i, i)) || (isCommutative(a.op) && isEqual(0, 1) && isEqual(1, 0));
}

function isSameOp(a: Op, b: Op): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  return (a.kind === "unary" || a.kind === "binary") && (b.kind === "unary" || b.kind === "binary")
    ? a.fn === b.fn
    : JSON.stringify(a) === JSON.stringify(b);
}

function isSameConstant(a: Node, b: Node): boolean {
  if (a.op.kind !== "constant" || b.op.kind !== "constant") return false;
  const [x, y] = [a.op.data, b.op.data];
  if (a.shape.length !== b.shape.length || !a.shape.every((n, i) => n === b.shape[i])) return false;
  if (x === y) return true;
  return x.length === y.length && x.BYTES_PER_ELEMENT === y.BYTES_PER_ELEMENT && x.every((v, i) => Object.is(v, y[i]));
}
