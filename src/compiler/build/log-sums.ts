// Sums of log probabilities, of few and of many terms.
// In: nodes [rows, 1]. Out: one node [rows, 1]. Invariants: stable for any finite values; the depth does not grow with the terms.
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";

/** log(exp(x) + exp(y)), stable for any finite x and y. */
export function logAddExp(b: GraphBuilder, x: NodeId, y: NodeId): NodeId {
  return b.add(x, b.softplus(b.sub(y, x)));
}

/** Longer chains of additions are not built: passes move along one by a step in a sweep. */
export const LONG_CHAIN = 64;

/** Terms and sum [rows, 1]; of many terms as one operation. */
export function sumOf(b: GraphBuilder, terms: readonly NodeId[]): NodeId {
  if (terms.length > LONG_CHAIN) {
    const rows = terms.reduce((most, t) => Math.max(most, at(b.shape(t), 0)), 1);
    const columns = terms.map((t) => b.broadcast(t, [rows, 1]));
    return b.sum(b.concat(columns, 1), [1], true);
  }
  return terms.reduce((sum, term) => b.add(sum, term));
}
