// The ONNX target: a graph of the IR as the bytes of an ONNX model, for onnxruntime or any other runtime.
// In: a Graph (any layout; nchw is the fast one). Out: model bytes, opset 17, float32, static shapes.
// Invariants: model inputs and outputs are the graph's, in its order; an output whose name an input has already gets "_out" (names
//   are single-assignment in ONNX); only standard operators are used.
import { InternalError, unreachable } from "../../../source/internal-error.js";
import type { Graph, Node, NodeId, Op } from "../../graph/graph.js";
import { int, ints, OnnxBuilder } from "./builder.js";
import {
  asCondition,
  lowerBinary,
  lowerLeakyRelu,
  lowerLeakyReluApart,
  lowerUnary,
  positive,
  times,
} from "./elementwise.js";
import { lowerConv, lowerConvTranspose, lowerUpfirdn } from "./image.js";
import { lowerDense, lowerMatmul, product, reshape } from "./linear.js";
import { encodeModel, type OnnxModelProto } from "./proto.js";
import { findUses } from "../uses.js";

/** Opset 17 wants IR version 8; both are read by every runtime of the last years. */
const OPSET = 17;
const IR_VERSION = 8;

export interface OnnxOptions {
  /** Name of the graph inside the model. */
  readonly name?: string;
  /** For runtimes whose hyperbolic functions lose small results (WebGPU): uses rational functions in their place. */
  readonly coarseMath?: boolean;
  /**
   * Transposed convolutions as one convolution for each phase of the output, woven together: for onnxruntime on CPUs, whose own
   * adds up its columns on one thread.
   */
  readonly splitTransposed?: boolean;
  /** Written as the model's metadata_props: provenance. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A graph as an ONNX model.
 *
 * Shapes   static; float32 throughout (float64 constants are rounded).
 * Errors   InternalError for a malformed graph.
 * Owns     the result. Constants are read, not kept.
 */
export function emitOnnx(graph: Graph, options: OnnxOptions = {}): Uint8Array<ArrayBuffer> {
  return encodeModel(lowerOnnx(graph, options));
}

/** A graph as the records of an ONNX model, not encoded yet. Errors InternalError for a malformed graph. */
export function lowerOnnx(graph: Graph, options: OnnxOptions = {}): OnnxModelProto {
  const { coarseMath = false, splitTransposed = false } = options;
  const b = new OnnxBuilder(graph, { coarse: coarseMath, splitTransposed });
  const conditions = new Conditions(b);
  const uses = findUses(graph);
  graph.nodes.forEach((node, id) => {
    const { op } = node;
    // A constant becomes an initializer, and a condition a Boolean, where it is asked for.
    if (!uses.live.has(id) || op.kind === "constant" || uses.conditions.has(id)) return;
    b.bind(id, lower(b, conditions, node, op));
  });
  const inputs = graph.inputs.map(({ name, node }) => ({ name, dims: b.node(node).shape }));
  const names = onnxOutputNames(graph);
  const outputs = graph.outputs.map(({ node }, i) => {
    const name = names[i];
    if (name === undefined) throw new InternalError("an output lacks a name");
    const value = b.value(node);
    if (!b.rename(value, name)) b.op("Identity", [value], {}, name);
    return { name, dims: b.node(node).shape };
  });
  return {
    irVersion: IR_VERSION,
    producerName: "lacec",
    opsets: [{ domain: "", version: OPSET }],
    metadata: options.metadata ?? {},
    graph: { name: options.name ?? "lace", nodes: b.nodes, initializers: b.initializers, inputs, outputs },
  };
}

/** Names of the model's outputs, in the order of `graph.outputs`. */
export function onnxOutputNames(graph: Graph): string[] {
  const taken = new Set(graph.inputs.map((i) => i.name));
  return graph.outputs.map(({ name }) => {
    let free = name;
    while (taken.has(free)) free = `${free}_out`;
    taken.add(free);
    return free;
  });
}

/** Boolean tensors: comparisons feed selections without becoming numbers on the way. */
class Conditions {
  readonly #booleans = new Map<NodeId, string>();
  constructor(readonly b: OnnxBuilder) {}

  /** The Boolean tensor "node id is not 0". */
  of(id: NodeId): string {
    const known = this.#booleans.get(id);
    if (known !== undefined) return known;
    const { op, inputs } = this.b.node(id);
    const operand = (i: number): string => this.b.value(inputs[i] ?? -1);
    let name: string;
    if (op.kind === "unary" && op.fn === "step") name = positive(this.b, operand(0));
    else if (op.kind === "binary" && op.fn === "greater") name = this.b.op("Greater", [operand(0), operand(1)]);
    else name = asCondition(this.b, this.b.value(id));
    this.#booleans.set(id, name);
    return name;
  }
}

function lower(
  b: OnnxBuilder,
  conditions: Conditions,
  node: Node,
  op: Exclude<Op, { readonly kind: "constant" }>,
): string | (() => string) {
  const operand = (i: number): string => b.value(node.inputs[i] ?? -1);
  switch (op.kind) {
    case "input":
      return op.name;
    case "unary":
      return lowerUnary(b, op.fn, operand(0));
    case "binary":
      return lowerBinary(b, op.fn, operand(0), operand(1));
    case "leakyRelu": {
      // onnxruntime makes one node of a convolution and the leaky ReLU behind it, and with one filter a channel that node is wrong on WebGPU.
      const behindFilter = b.traits.coarse && b.node(node.inputs[0] ?? -1).op.kind === "upfirdn2d";
      return (behindFilter ? lowerLeakyReluApart : lowerLeakyRelu)(b, op.activation, operand(0));
    }
    case "clip":
      return b.op("Clip", [operand(0), b.scalar(op.min), b.scalar(op.max)]);
    case "select":
      return b.op("Where", [conditions.of(node.inputs[0] ?? -1), operand(1), operand(2)]);
    case "matmul":
      return lowerMatmul(b, node.inputs);
    case "dense":
      return lowerDense(b, node, op.hasBias, op.activation);
    case "reduce":
      return lowerReduce(b, op, operand(0), node);
    case "reshape":
      return reshape(b, operand(0), op.to);
    case "transpose":
      return b.op("Transpose", [operand(0)], { perm: ints(op.permutation) });
    case "broadcast":
      return b.op("Expand", [operand(0), b.int64s(op.to)]);
    case "slice":
      return lowerSlice(b, operand(0), op.start, op.size);
    case "pad":
      return lowerPad(b, operand(0), b.node(node.inputs[0] ?? -1).shape, op.before, op.after);
    case "concat":
      return b.op(
        "Concat",
        node.inputs.map((i) => b.value(i)),
        { axis: int(op.axis) },
      );
    case "conv2d":
      return lowerConv(b, node, op);
    case "convTranspose2d":
      return lowerConvTranspose(b, node, op);
    case "upfirdn2d":
      return lowerUpfirdn(b, node, op);
    default:
      return unreachable(op);
  }
}

function lowerReduce(b: OnnxBuilder, op: Extract<Op, { kind: "reduce" }>, x: string, node: Node): string {
  // To ONNX no axes means all of them; to us, none.
  if (op.axes.length === 0) return x;
  const keepdims = int(op.keepDims ? 1 : 0);
  const { shape } = b.node(node.inputs[0] ?? -1);
  switch (op.fn) {
    case "sum":
      return lowerSum(b, x, shape, op.axes, op.keepDims);
    case "max":
      return b.op("ReduceMax", [x], { axes: ints(op.axes), keepdims });
    case "mean": {
      const count = product(op.axes.map((axis) => shape[axis] ?? 1));
      return times(b, lowerSum(b, x, shape, op.axes, op.keepDims), 1 / count);
    }
    case "logSumExp": {
      // Not ReduceLogSumExp: some runtimes compute it without taking out the maximum. The maximum of a row of -inf is kept finite.
      const kept = { axes: ints(op.axes), keepdims: int(1) };
      const top = b.op("Max", [b.op("ReduceMax", [x], kept), b.scalar(-3e38)]);
      const sum = lowerSum(b, b.op("Exp", [b.op("Sub", [x, top])]), shape, op.axes, true);
      const result = b.op("Add", [b.op("Log", [sum]), top]);
      return op.keepDims ? result : reshape(b, result, node.shape);
    }
    default:
      return unreachable(op.fn);
  }
}

/** Floats that onnxruntime's sums take at a time. */
const PACKET = 4;

/**
 * A sum. onnxruntime's ReduceSum adds up a row in an order that depends on the row's alignment, so that equal rows of 5 numbers
 * (say) have sums that differ in the last bit with their place in the tile. Such sums are products with a column of ones.
 */
function lowerSum(
  b: OnnxBuilder,
  x: string,
  shape: readonly number[],
  axes: readonly number[],
  keepDims: boolean,
): string {
  const first = shape.length - axes.length;
  const isTrailing = axes.every((axis) => axis >= first);
  const length = product(axes.map((axis) => shape[axis] ?? 1));
  if (!isTrailing || first === 0 || length < PACKET || length % PACKET === 0) {
    return b.op("ReduceSum", [x, b.int64s(axes)], { keepdims: int(keepDims ? 1 : 0) });
  }
  const leading = shape.slice(0, first);
  const rows = axes.length === 1 ? x : reshape(b, x, [...leading, length]);
  const sums = b.op("MatMul", [rows, b.ones(length)]);
  const wanted = keepDims ? [...leading, ...axes.map(() => 1)] : leading;
  return wanted.length === first + 1 ? sums : reshape(b, sums, wanted);
}

function lowerSlice(b: OnnxBuilder, x: string, start: readonly number[], size: readonly number[]): string {
  const ends = start.map((s, i) => s + (size[i] ?? 0));
  return b.op("Slice", [x, b.int64s(start), b.int64s(ends), b.int64s(start.map((_, i) => i))]);
}

/** Crops first, then pads: negative pads are not served by every runtime. */
function lowerPad(
  b: OnnxBuilder,
  x: string,
  shape: readonly number[],
  before: readonly number[],
  after: readonly number[],
): string {
  const cut = (pads: readonly number[]): number[] => pads.map((p) => Math.max(-p, 0));
  const grow = (pads: readonly number[]): number[] => pads.map((p) => Math.max(p, 0));
  const start = cut(before);
  const end = cut(after);
  const size = shape.map((n, i) => n - (start[i] ?? 0) - (end[i] ?? 0));
  const cropped = [...start, ...end].some((p) => p > 0) ? lowerSlice(b, x, start, size) : x;
  const pads = [...grow(before), ...grow(after)];
  return pads.some((p) => p > 0) ? b.op("Pad", [cropped, b.int64s(pads)]) : cropped;
}
