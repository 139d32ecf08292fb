// How many bytes a graph needs on an engine, about. In: a Graph. Out: bytes, of float32.
import type { Graph } from "./graph.js";
import { sizeOf } from "./shape.js";

const BYTES = 4;

/** Bytes of a graph's constants. */
export function constantBytes({ nodes }: Graph): number {
  return nodes.reduce((sum, { op, shape }) => (op.kind === "constant" ? sum + sizeOf(shape) * BYTES : sum), 0);
}

/** Bytes of activations that a run of the graph holds at its fullest, about: each value from where it is made to its last use. */
export function activationBytes(graph: Graph): number {
  const lastUse = new Map<number, number>();
  graph.nodes.forEach((node, id) => {
    for (const input of node.inputs) lastUse.set(input, id);
  });
  for (const { node } of graph.outputs) lastUse.set(node, graph.nodes.length);
  const ending = new Map<number, number>();
  let live = 0;
  let most = 0;
  graph.nodes.forEach(({ op, shape }, id) => {
    const end = lastUse.get(id);
    if (op.kind === "constant" || end === undefined) return;
    const size = op.kind === "reshape" ? 0 : sizeOf(shape);
    live += size;
    most = Math.max(most, live);
    ending.set(end, (ending.get(end) ?? 0) + size);
    live -= ending.get(id) ?? 0;
  });
  return most * BYTES;
}
