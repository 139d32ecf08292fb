// Widening: elementwise functions of several columns, [rows, 1] each, become one function of the columns side by side.
// In: a graph. Out: an equal graph with fewer calls of the functions that take engines many small operations.
// Invariants: values are kept bit by bit; only nodes of one depth are joined, so none depends on another.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, Node, NodeId, UnaryKind } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { finishMapped } from "./rewrite.js";

/** Functions worth a concatenation: engines make each of many operations, or of few slow ones. */
const COSTLY: ReadonlySet<UnaryKind> = new Set(["softplus", "sigmoid", "log1mexp", "log1p", "expm1"]);

/** The graph with costly functions of columns joined. Out: the same object if there is nothing to join. */
export function widen(graph: Graph): Graph {
  const groups = new Map<string, NodeId[]>();
  const depths = depthsOf(graph);
  graph.nodes.forEach((node, id) => {
    const fn = costlyColumn(node);
    if (fn === undefined) return;
    const key = `${fn} ${node.shape.join(",")} ${at(depths, id)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [id]);
    else group.push(id);
  });
  // By operand, so that the parts of one tensor come in its order and their concatenation folds away.
  const operandOf = (id: NodeId): NodeId => at(at(graph.nodes, id).inputs, 0);
  const joined = [...groups.values()]
    .filter((ids) => ids.length > 1)
    .map((ids) => ids.sort((p, q) => operandOf(p) - operandOf(q)));
  if (joined.length === 0) return graph;
  const groupOf = new Map(joined.flatMap((ids) => ids.map((id) => [id, ids] as const)));
  // By depth, all operands of a group come before its first member.
  const order = graph.nodes.map((_, id) => id).sort((p, q) => at(depths, p) - at(depths, q) || p - q);
  const b = new GraphBuilder();
  const mapped = new Array<NodeId>(graph.nodes.length).fill(-1);
  for (const id of order) {
    const node = at(graph.nodes, id);
    const group = groupOf.get(id);
    if (group === undefined || node.op.kind !== "unary") {
      mapped[id] = b.copy(node, mapped);
    } else if (mapped[id] === -1) {
      const operands = group.map((i) => at(mapped, operandOf(i)));
      const wide = b.unary(node.op.fn, b.concat(operands, 1));
      group.forEach((i, k) => (mapped[i] = b.sliceAxis(wide, 1, k, 1)));
    }
  }
  return finishMapped(b, graph, mapped);
}

function costlyColumn({ op, shape }: Node): UnaryKind | undefined {
  return op.kind === "unary" && COSTLY.has(op.fn) && shape.length === 2 && shape[1] === 1 ? op.fn : undefined;
}

/** Longest way from a leaf to each node. */
function depthsOf(graph: Graph): number[] {
  const depths: number[] = [];
  for (const { inputs } of graph.nodes) depths.push(inputs.reduce((most, i) => Math.max(most, at(depths, i) + 1), 0));
  return depths;
}
