// How the nodes of a graph are used: what both targets need to know before they emit.
// In: a Graph. Out: sets of node indices.
import type { Graph, NodeId, Op } from "../graph/graph.js";

export interface Uses {
  /** Nodes that an output depends on. */
  readonly live: ReadonlySet<NodeId>;
  /** Live comparisons whose value is only ever the condition of a selection: they can stay Boolean. */
  readonly conditions: ReadonlySet<NodeId>;
}

/** Which nodes the outputs need, and which of them serve only as conditions. */
export function findUses(graph: Graph): Uses {
  const live = new Set<NodeId>(graph.outputs.map((o) => o.node));
  const values = new Set<NodeId>(live);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (node === undefined || !live.has(id)) continue;
    node.inputs.forEach((input, i) => {
      live.add(input);
      if (node.op.kind !== "select" || i !== 0) values.add(input);
    });
  }
  const conditions = [...live].filter((id) => {
    const op = graph.nodes[id]?.op;
    return op !== undefined && isComparison(op) && !values.has(id);
  });
  return { live, conditions: new Set(conditions) };
}

/** Operations whose result is 0 or 1 by a comparison. */
function isComparison(op: Op): boolean {
  return (op.kind === "unary" && op.fn === "step") || (op.kind === "binary" && op.fn === "greater");
}
