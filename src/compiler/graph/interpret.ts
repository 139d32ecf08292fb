// The float64 interpreter: the meaning of the graph IR, against which every pass and every target is tested.
// In: a graph and its inputs. Out: its outputs. `prepare` does once what does not depend on the inputs.
// Invariants: inputs are never written; outputs belong to the caller; a prepared graph evaluates only what its outputs need,
// and constants (and what follows from them alone) only once.
import { InternalError } from "../../source/internal-error.js";
import type { Graph, Node, NodeId } from "./graph.js";
import { kernelOf } from "./kernels.js";
import { at, sizeOf } from "./shape.js";

/** Inputs of an interpreted graph, by name, row-major. */
export type InterpreterInputs = Readonly<Record<string, ArrayLike<number>>>;
export type InterpreterOutputs = Record<string, Float64Array>;

/**
 * Evaluates a graph in float64.
 *
 * Shapes   inputs and outputs row-major, of the shapes of their nodes.
 * Errors   InternalError if an input is missing or of another size.
 */
export function interpret(graph: Graph, inputs: InterpreterInputs): InterpreterOutputs {
  return prepare(graph)(inputs);
}

/**
 * Makes a graph ready to be evaluated many times: buffers and index maps are set up once and used again by each call.
 *
 * Owns     its buffers; the arrays that a call returns are the caller's.
 * Errors   of the call: InternalError if an input is missing or of another size.
 */
export function prepare(graph: Graph): (inputs: InterpreterInputs) => InterpreterOutputs {
  const live = liveNodes(graph);
  const values = new Map<NodeId, Float64Array>();
  const valueOf = (id: NodeId): Float64Array => values.get(id) ?? missing(`value of node ${id}`);
  const isFixed = new Set<NodeId>();
  const steps: (() => void)[] = [];
  graph.nodes.forEach((node, id) => {
    if (live[id] === 0) return;
    if (node.op.kind === "input") {
      values.set(id, new Float64Array(sizeOf(node.shape)));
    } else if (node.op.kind === "constant") {
      values.set(id, new Float64Array(node.op.data));
      isFixed.add(id);
    } else {
      const out = new Float64Array(sizeOf(node.shape));
      values.set(id, out);
      const run = kernelOf(
        node,
        node.inputs.map((i) => at(graph.nodes, i).shape),
      );
      const operands = node.inputs.map(valueOf);
      if (node.inputs.every((i) => isFixed.has(i))) {
        run(operands, out);
        isFixed.add(id);
      } else {
        steps.push(() => run(operands, out));
      }
    }
  });
  return (inputs) => {
    for (const { name, node } of graph.inputs) {
      const given = inputs[name] ?? missing(`input ${name}`);
      const target = values.get(node);
      if (target === undefined) continue;
      if (given.length !== target.length)
        throw new InternalError(`input ${name} has ${given.length} entries, not ${target.length}`);
      target.set(given);
    }
    for (const step of steps) step();
    return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, valueOf(node).slice()]));
  };
}

/**
 * The value of one node for given operands: for passes that fold constants.
 *
 * Shapes   `operands[i]` row-major, of shape `shapes[i]`.
 */
export function evaluateNode(
  node: Node,
  operands: readonly (Float32Array | Float64Array)[],
  shapes: readonly (readonly number[])[],
): Float64Array {
  const out = new Float64Array(sizeOf(node.shape));
  kernelOf(node, shapes)(
    operands.map((x) => (x instanceof Float64Array ? x : new Float64Array(x))),
    out,
  );
  return out;
}

/** Of each node 1 if an output depends on it, else 0. */
export function liveNodes(graph: Graph): Uint8Array {
  const live = new Uint8Array(graph.nodes.length);
  for (const { node } of graph.outputs) live[node] = 1;
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    if (live[id] === 1) for (const i of at(graph.nodes, id).inputs) live[i] = 1;
  }
  return live;
}

function missing(what: string): never {
  throw new InternalError(`the graph has no ${what}`);
}
