// The verifier of the graph IR: whether a graph keeps what every pass and every target relies on (the invariants of graph.ts).
// In: a graph from anywhere. Out: what is wrong with it, a sentence for each finding; nothing for a sound graph.
// Invariants: never throws for a malformed graph, and looks at every node; values are not its concern (interpret's tests are).
import { InternalError } from "../../source/internal-error.js";
import type { Graph, Node } from "./graph.js";
import { inferShape, printShape, sameShape, sizeOf } from "./shape.js";

/**
 * What is wrong with a graph: operands that are missing or not earlier (topological order), operations whose operands do not fit, shapes that
 * are not those that follow from the operands, constants of another size or element type than they say, inputs and outputs that are unnamed,
 * twice there, or name no node of theirs.
 */
export function verify(graph: Graph): readonly string[] {
  const found = graph.nodes.flatMap((node, id) =>
    nodeFaults(graph, node, id).map((fault) => `node ${id}, ${node.op.kind}: ${fault}`),
  );
  return [...found, ...inputFaults(graph), ...outputFaults(graph)];
}

/** The graph itself, if it is sound. Errors: InternalError with the findings of `verify`. */
export function verified(graph: Graph): Graph {
  const faults = verify(graph);
  if (faults.length > 0) throw new InternalError(`a malformed graph: ${faults.join("; ")}`);
  return graph;
}

function nodeFaults(graph: Graph, node: Node, id: number): readonly string[] {
  const { op, inputs, shape } = node;
  const faults: string[] = [];
  if (!shape.every((n) => Number.isInteger(n) && n >= 1)) faults.push(`${printShape(shape)} is no shape`);
  const early = inputs.filter((i) => !(Number.isInteger(i) && i >= 0 && i < id));
  if (early.length > 0) return [...faults, `operand ${early.join(", ")} does not come before it`];
  if (op.kind === "input" || op.kind === "constant") {
    if (inputs.length > 0) faults.push(`${inputs.length} operands, where there are none`);
    if (op.kind === "constant") faults.push(...constantFaults(op.data, shape));
    return faults;
  }
  const operands = inputs.map((i) => graph.nodes[i]?.shape ?? []);
  try {
    const inferred = inferShape(op, operands);
    if (!sameShape(inferred, shape)) faults.push(`shape ${printShape(shape)}, not ${printShape(inferred)}`);
  } catch (error) {
    if (!(error instanceof InternalError)) throw error;
    faults.push(error.message);
  }
  return faults;
}

function constantFaults(data: unknown, shape: readonly number[]): readonly string[] {
  if (!(data instanceof Float32Array || data instanceof Float64Array))
    return ["its data are neither float32 nor float64"];
  return data.length === sizeOf(shape) ? [] : [`${data.length} entries for ${printShape(shape)}`];
}

function inputFaults({ nodes, inputs }: Graph): readonly string[] {
  const faults = doubles(inputs.map((i) => i.name)).map((name) => `two inputs named ${name}`);
  for (const { name, node } of inputs) {
    const op = nodes[node]?.op;
    if (op?.kind !== "input" || op.name !== name) faults.push(`input ${name} is not node ${node}`);
  }
  const listed = new Set(inputs.map((i) => i.node));
  nodes.forEach(({ op }, id) => {
    if (op.kind === "input" && !listed.has(id)) faults.push(`node ${id} is the input ${op.name}, which is not listed`);
  });
  return faults;
}

function outputFaults({ nodes, outputs }: Graph): readonly string[] {
  const faults = doubles(outputs.map((o) => o.name)).map((name) => `two outputs named ${name}`);
  for (const { name, node } of outputs)
    if (nodes[node] === undefined) faults.push(`output ${name} names no node: ${node}`);
  return outputs.length === 0 ? [...faults, "no outputs"] : faults;
}

function doubles(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}
