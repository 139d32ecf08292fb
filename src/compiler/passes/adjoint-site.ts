// What the gradients of all operations share: a node of the forward graph as its adjoint sees it, and sums over broadcast dimensions.
// In: nodes. Out: nodes.
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId, Op, Shape } from "../graph/graph.js";
import { at, sameShape } from "../graph/shape.js";

/** One node of the forward graph, as seen from its adjoint. */
export interface AdjointSite {
  readonly b: GraphBuilder;
  readonly op: Op;
  readonly inputs: readonly NodeId[];
  readonly output: NodeId;
  /** Which operands need an adjoint. */
  readonly needs: readonly boolean[];
  /** Adjoint of the node's value, of its shape. */
  readonly gradient: NodeId;
}

/** Sums a gradient over what was broadcast, down to the operand's shape. */
export function sumTo(b: GraphBuilder, g: NodeId, shape: Shape): NodeId {
  const from = b.shape(g);
  if (sameShape(from, shape)) return g;
  const lead = from.length - shape.length;
  const axes = from.flatMap((n, i) => (i < lead || (n !== 1 && at(shape, i - lead) === 1) ? [i] : []));
  const summed = axes.length === 0 ? g : b.sum(g, axes, true);
  return b.reshape(summed, shape);
}
