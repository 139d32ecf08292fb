// Graphs as text: one line a node for people, and Graphviz dot for pictures.
// In: a graph. Out: text. Invariants: the same graph prints the same; constants are summarised, never listed in full.
import { unreachable } from "../../source/internal-error.js";
import type { Graph, LeakyRelu, Node, Op } from "./graph.js";
import { at, printShape, sizeOf } from "./shape.js";

/** Constants up to this many entries are printed whole. */
const WHOLE_CONSTANT = 4;

/** One line a node: `%3 [16, 512] = matmul %1 %2`, outputs last. */
export function printGraph(graph: Graph): string {
  const lines = graph.nodes.map((node, id) => {
    const operands = node.inputs.map((i) => ` %${i}`).join("");
    return `%${id} ${printShape(node.shape)} = ${printOp(node)}${operands}`;
  });
  return [...lines, ...graph.outputs.map(({ name, node }) => `output ${name} = %${node}`), ""].join("\n");
}

/** The graph in Graphviz dot; constants are drawn small beside their users. */
export function printDot(graph: Graph): string {
  const lines = graph.nodes.flatMap((node, id) => {
    const shape = node.op.kind === "constant" ? "note" : node.op.kind === "input" ? "ellipse" : "box";
    const label = `${printOp(node)}\\n${printShape(node.shape)}`.replaceAll('"', "'");
    return [`  n${id} [shape=${shape}, label="${label}"];`, ...node.inputs.map((i) => `  n${i} -> n${id};`)];
  });
  const outputs = graph.outputs.flatMap(({ name, node }, i) => [
    `  out${i} [shape=ellipse, label="${name}"];`,
    `  n${node} -> out${i};`,
  ]);
  return ["digraph lace {", "  node [fontname=monospace];", ...lines, ...outputs, "}", ""].join("\n");
}

/** How many nodes there are of each kind, such as { dense: 11, mul: 9 }: for tests and reports. */
export function countOps(graph: Graph): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { op } of graph.nodes) {
    const name = op.kind === "unary" || op.kind === "binary" || op.kind === "reduce" ? op.fn : op.kind;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Multiplications and additions of the products of a graph: its cost, all else being small. */
export function countMultiplyAdds(graph: Graph): number {
  return graph.nodes.reduce((total, node) => total + multiplyAdds(graph, node), 0);
}

function multiplyAdds(graph: Graph, node: Node): number {
  const shapeOf = (i: number): readonly number[] => at(graph.nodes, at(node.inputs, i)).shape;
  switch (node.op.kind) {
    case "matmul":
    case "dense":
      return sizeOf(node.shape) * at(shapeOf(0), -1);
    case "conv2d":
      return sizeOf(node.shape) * sizeOf(shapeOf(1).slice(1));
    case "convTranspose2d":
      return sizeOf(shapeOf(0)) * sizeOf(shapeOf(1).slice(1));
    default:
      return 0;
  }
}

function printOp(node: Node): string {
  const { op } = node;
  switch (op.kind) {
    case "input":
      return `input ${op.name}`;
    case "constant":
      return `constant ${printConstant(op)}`;
    case "unary":
    case "binary":
      return op.fn;
    case "leakyRelu":
      return printActivation(op.activation);
    case "clip":
      return `clip(${op.min}, ${op.max})`;
    case "dense":
      return `dense${op.hasBias ? " +bias" : ""}${op.activation ? ` ${printActivation(op.activation)}` : ""}`;
    case "reduce":
      return `${op.fn}(axes ${op.axes.join(",")}${op.keepDims ? ", kept" : ""})`;
    case "transpose":
      return `transpose(${op.permutation.join(",")})`;
    case "slice":
      return `slice(${op.start.map((s, i) => `${s}..${s + at(op.size, i)}`).join(", ")})`;
    case "pad":
      return `pad(${op.before.map((n, i) => `${n},${at(op.after, i)}`).join("; ")})`;
    case "concat":
      return `concat(axis ${op.axis})`;
    case "conv2d":
      return `conv2d(stride ${op.stride}, pad ${op.pad}, ${op.layout})${op.hasBias ? " +bias" : ""}${op.activation ? ` ${printActivation(op.activation)}` : ""}`;
    case "convTranspose2d":
      return `convTranspose2d(stride ${op.stride}, pad ${op.pad}, ${op.layout})`;
    case "upfirdn2d":
      return `upfirdn2d(kernel ${op.kernel.map((row) => row.join(",")).join("; ")}, gain ${op.gain}, up ${op.up}, down ${op.down}, pads ${op.pads.join(",")}, ${op.layout})`;
    case "select":
    case "matmul":
    case "reshape":
    case "broadcast":
      return op.kind;
    default:
      return unreachable(op);
  }
}

function printActivation({ slope, gain }: LeakyRelu): string {
  return gain === 1 ? `leakyRelu(${slope})` : `leakyRelu(${slope}, gain ${gain})`;
}

function printConstant({ data }: Extract<Op, { kind: "constant" }>): string {
  const type = data instanceof Float64Array ? "f64" : "f32";
  if (data.length <= WHOLE_CONSTANT) return `${type} {${Array.from(data, (x) => Number(x.toPrecision(6))).join(", ")}}`;
  let squares = 0;
  for (const x of data) squares += x * x;
  return `${type} rms ${Math.sqrt(squares / data.length).toPrecision(4)}`;
}
