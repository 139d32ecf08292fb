// Reverse-mode differentiation, graph to graph: adds the gradient of the sum of an output with respect to inputs.
// In: a graph, the output's name, the inputs' names. Out: the graph with further outputs, one gradient for each such input.
// Invariants: the values of the old outputs are kept; nothing is simplified here (ones and zeros are left to the fold pass);
// only nodes on a path from the inputs to the output get an adjoint.
import { InternalError } from "../../source/internal-error.js";
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, NodeId, UnaryKind } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { adjointsOf } from "./adjoint.js";

export interface Differentiation {
  /** Name of the output; the gradient is that of the sum of its entries (for [rows]: of each row's own value). */
  readonly of: string;
  /** For each input to differentiate by, the name of the output that gets its gradient. */
  readonly wrt: Readonly<Record<string, string>>;
}

/**
 * The graph with gradients as further outputs.
 *
 * Shapes   a gradient has the shape of its input.
 * Gradient step, sign, greater and detach have none; ties of max and min share theirs; log1mexp's is that at its guard inside it.
 * Errors   InternalError if there is no such output or input.
 */
export function differentiate(graph: Graph, { of, wrt }: Differentiation): Graph {
  const target = graph.outputs.find((o) => o.name === of)?.node ?? missing(`output ${of}`);
  const sources = Object.entries(wrt).map(([input, output]) => ({
    output,
    node: graph.inputs.find((i) => i.name === input)?.node ?? missing(`input ${input}`),
  }));
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  for (const node of graph.nodes) mapped.push(b.copy(node, mapped));

  const varies = dependents(
    graph,
    sources.map((s) => s.node),
  );
  const adjoints = new Map<NodeId, NodeId>();
  if (varies.has(target)) adjoints.set(target, b.broadcast(b.scalar(1), at(graph.nodes, target).shape));
  for (let id = target; id >= 0; id--) {
    const gradient = adjoints.get(id);
    const node = at(graph.nodes, id);
    if (gradient === undefined || node.op.kind === "input") continue;
    const site = {
      b,
      op: node.op,
      inputs: node.inputs.map((i) => at(mapped, i)),
      output: at(mapped, id),
      needs: node.inputs.map((i) => varies.has(i)),
      gradient,
    };
    adjointsOf(site).forEach((adjoint, k) => {
      const operand = at(node.inputs, k);
      if (adjoint === undefined || !varies.has(operand)) return;
      const before = adjoints.get(operand);
      adjoints.set(operand, before === undefined ? adjoint : b.add(before, adjoint));
    });
  }
  const gradients = sources.map(({ output, node }) => [
    output,
    adjoints.get(node) ?? b.broadcast(b.scalar(0), at(graph.nodes, node).shape),
  ]);
  return b.finish({
    outputs: {
      ...Object.fromEntries(graph.outputs.map(({ name, node }) => [name, at(mapped, node)])),
      ...(Object.fromEntries(gradients) as Record<string, NodeId>),
    },
  });
}

const FLAT: ReadonlySet<UnaryKind> = new Set<UnaryKind>(["step", "sign", "floor", "detach"]);

/** The nodes whose value varies with one of the sources through operations that have a gradient. */
function dependents(graph: Graph, sources: readonly NodeId[]): ReadonlySet<NodeId> {
  const varies = new Set(sources);
  graph.nodes.forEach(({ op, inputs }, id) => {
    const isFlat = (op.kind === "unary" && FLAT.has(op.fn)) || (op.kind === "binary" && op.fn === "greater");
    const through = op.kind === "select" ? inputs.slice(1) : inputs;
    if (!isFlat && through.some((i) => varies.has(i))) varies.add(id);
  });
  return varies;
}

function missing(what: string): never {
  throw new InternalError(`the graph has no ${what}`);
}
