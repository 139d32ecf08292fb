// Hoisting: what is computed on copies of a value, side by side on a leading axis, is computed once and copied after.
// In: a graph in which a value is broadcast along a new leading axis. Out: an equal graph with these broadcasts as late as they can be.
// Invariants: values are kept up to rounding; only broadcasts that add one leading axis to their operand move; no work is added.
import type { Graph, Node, NodeId } from "../graph/graph.js";
import { at, sameShape } from "../graph/shape.js";
import { rewrite, type RewriteSite, type Rule, ruleFor } from "./rewrite.js";

/** One sweep. Out: the same object if nothing could be moved. */
export function hoist(graph: Graph): Graph {
  return rewrite(graph, rules);
}

/** The old node that an old one is copies of, on a leading axis of their own. */
function original(site: RewriteSite, id: NodeId): NodeId | undefined {
  const node = site.old(id);
  if (node.op.kind !== "broadcast") return undefined;
  const x = site.operand(0, node);
  return sameShape(site.old(x).shape, node.shape.slice(1)) ? x : undefined;
}

/** Entry by entry: all operands are copies, or have no leading axis. */
const elementwise = ruleFor(["unary", "binary", "clip", "leakyRelu", "select"], (site) => {
  const { node, b } = site;
  const { op } = node;
  const isFit =
    op.kind === "unary" ||
    op.kind === "binary" ||
    op.kind === "clip" ||
    op.kind === "leakyRelu" ||
    op.kind === "select";
  if (!isFit || !node.inputs.some((i) => original(site, i) !== undefined)) return undefined;
  const operands = node.inputs.map((i) => original(site, i) ?? (isBelow(site.old(i), node) ? i : undefined));
  if (operands.includes(undefined)) return undefined;
  const once = b.emit(
    op,
    operands.map((i) => site.new(i ?? -1)),
  );
  return sameShape(b.shape(once), node.shape.slice(1)) ? b.broadcast(once, node.shape) : undefined;
});

function isBelow(operand: Node, node: Node): boolean {
  return operand.shape.length < node.shape.length;
}

/** The rows of a product. */
const products = ruleFor(["matmul"], (site) => {
  const { node, b } = site;
  if (node.op.kind !== "matmul") return undefined;
  const [x, weight] = [original(site, site.operand(0)), site.operand(1)];
  if (x === undefined || site.old(x).shape.length < 2 || !isBelow(site.old(weight), node)) return undefined;
  return b.broadcast(b.matmul(site.new(x), site.new(weight)), node.shape);
});

/** A product of equal rows with a constant, such as the gradient of a head's last layer, is a row of constants. */
const equalRows = ruleFor(["matmul"], (site) => {
  const { node, b } = site;
  const value = node.op.kind === "matmul" ? site.uniform(site.operand(0)) : undefined;
  const weight = value === undefined ? undefined : site.constant(site.operand(1));
  if (value === undefined || weight?.shape.length !== 2) return undefined;
  const columns = at(weight.shape, 1);
  const row = new Float64Array(columns);
  weight.data.forEach((x, i) => (row[i % columns] = (row[i % columns] ?? 0) + value * x));
  return b.broadcast(b.constant(row, [columns]), node.shape);
});

/** Reductions over other axes than the leading one. */
const reductions = ruleFor(["reduce"], (site) => {
  const { node, b } = site;
  const { op } = node;
  if (op.kind !== "reduce" || op.axes.includes(0)) return undefined;
  const x = original(site, site.operand(0));
  if (x === undefined) return undefined;
  return b.broadcast(b.emit({ ...op, axes: op.axes.map((a) => a - 1) }, [site.new(x)]), node.shape);
});

/** Some of the copies. */
const slices = ruleFor(["slice"], (site) => {
  const { node, b } = site;
  const { op } = node;
  const x = op.kind === "slice" ? original(site, site.operand(0)) : undefined;
  if (op.kind !== "slice" || x === undefined) return undefined;
  return b.broadcast(b.slice(site.new(x), op.start.slice(1), op.size.slice(1)), node.shape);
});

/** One copy alone is the value in another shape. */
const single = ruleFor(["broadcast"], (site) => {
  const { node, b } = site;
  const x = original(site, site.id);
  return x !== undefined && at(node.shape, 0) === 1 ? b.reshape(site.new(x), node.shape) : undefined;
});

const rules: readonly Rule[] = [single, elementwise, equalRows, products, reductions, slices];
