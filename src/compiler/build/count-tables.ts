// Counts of many independent parts as a graph: tables of log probabilities, joined two by two.
// In: of each part log p that it holds and that it does not, [rows, 1]. Out: log p that a number between two holds, and that none does.
// Invariants: the number of nodes grows with the parts, the depth with their logarithm; nothing is subtracted from 1.
import type { CountPlan } from "../energy/counts.js";
import type { Both } from "../energy/interpret.js";
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";

/** log p of what cannot be: far below any sum of real ones, and its doubles are still float32. */
const NEVER = -1e20;

/**
 * log p of "between min and max of the parts hold", and of the contrary, the parts taken as independent.
 *
 *   The table of a part is [no, yes]; that of two groups is the convolution of theirs, c_k = logsumexp_i (a_i + b_(k-i)).
 *
 * Shapes   parts [rows, 1] -> [rows, 1].
 * Source   the Poisson-binomial distribution by divide and conquer, as `src/compiler/energy/interpret.ts` has it by its recurrence.
 */
export function countInHalves(
  b: GraphBuilder,
  rows: number,
  parts: readonly Both<NodeId>[],
  { contrary, negated, min, max }: CountPlan,
): Both<NodeId> {
  const column = (of: "yes" | "no"): NodeId => {
    const all = parts.map((p) => b.broadcast(p[of], [rows, 1]));
    return b.reshape(b.concat(all, 1), [rows, parts.length, 1]);
  };
  const [held, failed] = contrary ? [column("no"), column("yes")] : [column("yes"), column("no")];
  let tables = cutAfter(b, b.concat([failed, held], 2), max);
  while (at(b.shape(tables), 1) > 1) tables = cutAfter(b, joinPairs(b, tables), max);
  const table = b.reshape(tables, [rows, at(b.shape(tables), 2)]);
  const sum = (from: number, to: number): NodeId => b.sliceAxis(table, 1, from, to - from);
  const size = at(b.shape(table), 1);
  const inside = sum(min, max + 1);
  const outside = min === 0 ? sum(max + 1, size) : b.concat([sum(0, min), sum(max + 1, size)], 1);
  const [yes, no] = negated ? [outside, inside] : [inside, outside];
  return { yes: b.logSumExp(yes, [1], true), no: b.logSumExp(no, [1], true) };
}

/** Tables [rows, tables, entries]: entries beyond `max` become one, "more". */
function cutAfter(b: GraphBuilder, tables: NodeId, max: number): NodeId {
  const size = at(b.shape(tables), 2);
  if (size <= max + 2) return tables;
  const more = b.logSumExp(b.sliceAxis(tables, 2, max + 1, size - max - 1), [2], true);
  return b.concat([b.sliceAxis(tables, 2, 0, max + 1), more], 2);
}

/** Tables of pairs: [rows, tables, entries] -> [rows, half as many, 2 entries - 1]. */
function joinPairs(b: GraphBuilder, given: NodeId): NodeId {
  const [rows, count, size] = [at(b.shape(given), 0), at(b.shape(given), 1), at(b.shape(given), 2)];
  const tables = count % 2 === 0 ? given : b.concat([given, emptyTable(b, rows, size)], 1);
  const half = Math.ceil(count / 2);
  const all = rows * half;
  const pairs = b.reshape(tables, [all, 2, size]);
  const left = b.reshape(b.sliceAxis(pairs, 1, 0, 1), [all, size, 1]);
  const sums = b.add(left, b.sliceAxis(pairs, 1, 1, 1));
  // Rows of twice the length, read as rows that are one shorter: row i moves i places to the right, and sums of one i + j stand in a column.
  const spread = b.concat([sums, filled(b, NEVER, [all, size, size])], 2);
  const width = 2 * size - 1;
  const skewed = b.sliceAxis(b.reshape(spread, [all, size * (width + 1)]), 1, 0, size * width);
  return b.reshape(b.logSumExp(b.reshape(skewed, [all, size, width]), [1]), [rows, half, width]);
}

/** The table of no parts: for certain none holds. */
function emptyTable(b: GraphBuilder, rows: number, size: number): NodeId {
  return b.concat([filled(b, 0, [rows, 1, 1]), filled(b, NEVER, [rows, 1, size - 1])], 2);
}

function filled(b: GraphBuilder, value: number, shape: readonly number[]): NodeId {
  return b.broadcast(b.constant([value], [1, 1, 1]), shape);
}
