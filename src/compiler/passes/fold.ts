// Constant folding and algebraic identities: gains, truncation and scales end up in weights, at compile time.
// In: a graph. Out: an equal graph with less to do at run time, one sweep nearer to the fixed point that `simplify` iterates to.
// Invariants: values are kept up to rounding; no rule adds work; each family of rules lives in its own file beside this one.
import type { Graph, NodeId } from "../graph/graph.js";
import { evaluateNode } from "../graph/interpret.js";
import { sizeOf } from "../graph/shape.js";
import { algebraRules } from "./fold-algebra.js";
import { linearRules } from "./fold-linear.js";
import { movementRules } from "./fold-movement.js";
import { rewrite, type Rule, type RewriteSite, ruleFor } from "./rewrite.js";

/** One sweep of every folding rule. Out: the same object if none applied. */
export function fold(graph: Graph): Graph {
  return rewrite(graph, rules);
}

/** Up to this size a constant may grow by being computed (a broadcast, say) without regard to what it came from. */
const SMALL_CONSTANT = 4096;

/** An operation on constants alone is computed now, unless that would make the constants much larger. */
function computeNow(site: RewriteSite): NodeId | undefined {
  const { node } = site;
  if (node.inputs.length === 0 || !node.inputs.every((i) => site.isConstant(i))) return undefined;
  const constants = node.inputs.flatMap((i) => site.constant(i) ?? []);
  const size = sizeOf(node.shape);
  const before = constants.reduce((sum, c) => sum + c.data.length, 0);
  if (size > SMALL_CONSTANT && size > 2 * before) return undefined;
  if (node.op.kind === "broadcast" && constants.some((c) => c.data.length < size && c.data.length > 0))
    return undefined;
  const data = constants.map((c) => c.data);
  const shapes = constants.map((c) => c.shape);
  return site.b.constant(evaluateNode(node, data, shapes), node.shape);
}

const rules: readonly Rule[] = [ruleFor("any", computeNow), ...movementRules, ...algebraRules, ...linearRules];
