// Common subexpressions: nodes that do the same to the same operands become one, equal constants included.
// In: a graph. Out: the graph with each value computed once (the same object if nothing was shared).
// Invariants: values are kept bit by bit; operands of commutative operations are compared in either order.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, Node, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { copyNode } from "../graph/copy.js";
import { finishMapped, type ConstantOp } from "./rewrite.js";

/** The graph with common subexpressions computed once. */
export function share(graph: Graph): Graph {
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  const seen = new Map<string, { readonly old: Node; readonly id: NodeId }[]>();
  let changed = false;
  for (const node of graph.nodes) {
    const key = keyOf(node, mapped);
    const candidates = seen.get(key) ?? [];
    const twin = candidates.find((c) => isSameConstant(c.old, node));
    if (twin !== undefined) {
      changed = true;
      mapped.push(twin.id);
      continue;
    }
    const id = copyNode(b, node, mapped);
    seen.set(key, [...candidates, { old: node, id }]);
    mapped.push(id);
  }
  return changed ? finishMapped(b, graph, mapped) : graph;
}

/** Equal for nodes that compute the same; constants are told apart by `isSameConstant`. */
function keyOf(node: Node, mapped: readonly NodeId[]): string {
  const { op } = node;
  if (op.kind === "constant") return `constant ${node.shape.join(",")} ${sampleOf(op)}`;
  const operands = node.inputs.map((i) => at(mapped, i));
  const isCommutative = op.kind === "binary" && ["add", "mul", "max", "min"].includes(op.fn);
  if (isCommutative) operands.sort((x, y) => x - y);
  return `${JSON.stringify(op)} ${operands.join(",")}`;
}

/** How many entries of a constant go into its key; the rest is compared only where those agree. */
const SAMPLES = 8;

function sampleOf({ data }: ConstantOp): string {
  const stride = Math.max(1, Math.floor(data.length / SAMPLES));
  const samples: number[] = [];
  for (let i = 0; i < data.length; i += stride) samples.push(data[i] ?? NaN);
  return `${data.BYTES_PER_ELEMENT} ${samples.join(",")}`;
}

function isSameConstant(a: Node, b: Node): boolean {
  if (a.op.kind !== "constant" || b.op.kind !== "constant") return true;
  const [x, y] = [a.op.data, b.op.data];
  return x === y || (x.length === y.length && x.every((v, i) => Object.is(v, y[i])));
}
