// Nodes and whole graphs emitted again, on other operands.
// In: a builder, nodes and what stands for their operands. Out: new nodes. Invariants: operations are taken over as they are.
import { InternalError } from "../../source/internal-error.js";
import type { GraphBuilder } from "./builder.js";
import type { Graph, Node, NodeId } from "./graph.js";
import { at } from "./shape.js";

/** Emits a node again on operands of any shape that fits: its own follows. `GraphBuilder.copy` is for operands of the same shapes. */
function emitAgain(b: GraphBuilder, node: Node, mapped: readonly NodeId[]): NodeId {
  if (node.inputs.length === 0) return b.copy(node, mapped);
  return b.emit(
    node.op,
    node.inputs.map((i) => at(mapped, i)),
  );
}

/**
 * Emits a whole graph on nodes that stand for its inputs. Out: its outputs by name. `constants`: those that are there
 * already, for a graph that is emitted several times.
 *
 * Errors   InternalError for an input that is missing.
 */
export function inline(
  b: GraphBuilder,
  graph: Graph,
  inputs: Readonly<Record<string, NodeId>>,
  constants: Map<Node, NodeId> = new Map<Node, NodeId>(),
): Readonly<Record<string, NodeId>> {
  const mapped: NodeId[] = [];
  for (const node of graph.nodes) {
    const given = node.op.kind === "input" ? inputs[node.op.name] : constants.get(node);
    if (node.op.kind === "input" && given === undefined) throw new InternalError(`no input ${node.op.name}`);
    const id = given ?? emitAgain(b, node, mapped);
    if (node.op.kind === "constant") constants.set(node, id);
    mapped.push(id);
  }
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, at(mapped, node)]));
}
