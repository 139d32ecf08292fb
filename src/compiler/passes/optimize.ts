// The passes in order. `simplify` keeps a graph differentiable; `optimize` finishes it for an engine.
// In: a graph. Out: an equal, smaller graph. Invariants: each runs to a fixed point; values are kept up to rounding.
import { InternalError } from "../../source/internal-error.js";
import type { Graph } from "../graph/graph.js";
import { fold } from "./fold.js";
import { fuse } from "./fuse.js";
import { prune } from "./prune.js";
import { share } from "./share.js";
import { turnKernels } from "./turn-kernels.js";
import { widen } from "./widen.js";

/** More sweeps than a graph needs, beyond one for each node that something moves past: a rule that undoes another would never stop. */
const MAX_SWEEPS = 1000;

/** Folds, shares and prunes until nothing changes. */
export function simplify(graph: Graph): Graph {
  // Shared first: a value that is used twice must not be folded into two weights.
  return toFixedPoint(foldFully(share(graph)), (g) => {
    const shared = share(g);
    return shared === g ? g : foldFully(prune(shared));
  });
}

/** Folds and prunes until nothing changes. */
function foldFully(graph: Graph): Graph {
  return toFixedPoint(graph, (g) => prune(fold(g)));
}

/** Simplifies, turns transposed convolutions, joins costly functions of columns, then fuses products, biases and activations: the last stage before a target. */
export function optimize(graph: Graph): Graph {
  const simple = simplifyAfter(turnKernels, simplify(graph));
  return toFixedPoint(simplifyAfter(widen, simple), (g) => simplifyAfter(fuse, g));
}

/** A pass on a simplified graph, simplified again if it changed anything. */
function simplifyAfter(pass: (graph: Graph) => Graph, graph: Graph): Graph {
  const after = pass(graph);
  return after === graph ? graph : simplify(after);
}

/** Applies a pass until it gives the same object back. Errors: InternalError if it never does. */
export function toFixedPoint(graph: Graph, pass: (graph: Graph) => Graph): Graph {
  let current = graph;
  for (let sweep = 0; sweep < MAX_SWEEPS + graph.nodes.length; sweep++) {
    const next = pass(current);
    if (next === current) return current;
    current = next;
  }
  throw new InternalError("the passes do not come to rest");
}
