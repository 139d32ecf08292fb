// Logic lace as graphs: the formulas of the paper (LACE, NeurIPS 2021) as they are.
// In: an energy and its predicates. Out: its log p, [rows, 1]. Invariants: the factor of `not` has no gradient; a count has no meaning here.
import { InternalError, unreachable } from "../../source/internal-error.js";
import { readsLogits } from "../energy/arguments.js";
import type { Energy } from "../energy/energy.js";
import { LACE_NOT_LIMIT, LACE_OR_FACTOR } from "../energy/interpret.js";
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import type { Predicates, Numbers } from "./predicates.js";
import { LONG_CHAIN, logAddExp, sumOf } from "./log-sums.js";

/** Logic lace: the paper's formulas as they are. */
export function buildLace(b: GraphBuilder, predicates: Predicates, numbers: Numbers, e: Energy): NodeId {
  const part = (p: Energy): NodeId => buildLace(b, predicates, numbers, p);
  switch (e.kind) {
    case "always":
      return b.constant([0], [1, 1]);
    case "class":
      return readsLogits(e, "lace") ? predicates.pickedLogits(e) : predicates.logSigmoid(predicates.classMargin(e));
    case "near":
      return predicates.near(e);
    case "above":
    case "below": {
      const margin = predicates.aboveMargin(e);
      return predicates.logSigmoid(e.kind === "above" ? margin : b.neg(margin));
    }
    case "not": {
      const value = part(e.part);
      const factor = b.detach(b.min(scalar(1), b.div(scalar(LACE_NOT_LIMIT), b.abs(value))));
      return b.neg(b.mul(factor, value));
    }
    case "and":
      if (e.parts.length > LONG_CHAIN) return sumOf(b, e.parts.map(part));
      return foldParts(e.parts, part, (left, right) => b.add(left, right));
    case "or":
      if (e.parts.length > LONG_CHAIN) return laceOrOfMany(b, numbers.rows, e.parts.map(part));
      return foldParts(e.parts, part, (left, right) =>
        logAddExp(b, b.add(left, scalar(Math.log(LACE_OR_FACTOR))), right),
      );
    case "weight":
      return b.mul(part(e.part), numbers.value(e, "factor", e.factor));
    case "count":
      throw new InternalError("count has no meaning in logic lace");
    default:
      return unreachable(e);
  }
}

/** The parts from the left, each built when its turn comes: the graph of a chain is that of pairs within pairs. */
function foldParts(
  parts: readonly Energy[],
  build: (part: Energy) => NodeId,
  join: (left: NodeId, right: NodeId) => NodeId,
): NodeId {
  const [first, ...rest] = parts;
  if (first === undefined) throw new InternalError("a connective without parts");
  return rest.reduce((left, part) => join(left, build(part)), build(first));
}

/** The paper's `or` of two, log(F exp(x) + exp(y)), from the left: of n parts that is log sum_i F^(n-1-i) exp(x_i), here as one operation. */
function laceOrOfMany(b: GraphBuilder, rows: number, terms: readonly NodeId[]): NodeId {
  const step = Math.log(LACE_OR_FACTOR);
  const columns = b.concat(
    terms.map((t) => b.broadcast(t, [rows, 1])),
    1,
  );
  const offsets = Float64Array.from(terms, (_, i) => (terms.length - 1 - i) * step);
  return b.logSumExp(b.add(columns, b.constant(offsets, [1, terms.length])), [1], true);
}
