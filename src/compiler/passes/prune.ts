// Dead code: drops every node that no output depends on. Inputs stay, being the graph's interface.
// In: a graph. Out: the graph without them (the same object if there were none).
// Invariants: order and values are kept.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { liveNodes } from "../graph/interpret.js";
import { finishMapped } from "./rewrite.js";

/** The graph without nodes that no output depends on. */
export function prune(graph: Graph): Graph {
  const live = liveNodes(graph);
  const isKept = (id: NodeId): boolean => live[id] === 1 || graph.nodes[id]?.op.kind === "input";
  if (graph.nodes.every((_, id) => isKept(id))) return graph;
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  graph.nodes.forEach((node, id) => {
    // A dropped node has no kept user, so its entry is never read.
    mapped.push(isKept(id) ? b.copy(node, mapped) : -1);
  });
  return finishMapped(b, graph, mapped);
}
