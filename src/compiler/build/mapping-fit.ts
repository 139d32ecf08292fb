// Where the mapping comes near a given w: the graph that z is looked for by.
// In: a mapping and its truncation. Out: a Graph of squared distances with their gradients in z.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import { buildLatent } from "./model.js";
import type { ReadoutTask } from "./gradient.js";

/**
 * Minus the squared distance of the mapping's w from a target, and its gradient.
 * Shapes   inputs `z` [rows, zDim], `target` [rows, wDim]; outputs `near` [rows], -|g(z) - target|^2, and `grad` [rows, zDim].
 */
export function compileMappingFit({ weights, truncation, rows }: Omit<ReadoutTask, "shifted">): Graph {
  const b = new GraphBuilder();
  const z = b.input("z", [rows, weights.zDim]);
  const w = buildLatent(b, z, weights, truncation);
  const away = b.sub(w, b.input("target", b.shape(w)));
  const graph = b.finish({ outputs: { near: b.neg(b.sum(b.square(away), [1])) } });
  return optimize(differentiate(simplify(graph), { of: "near", wrt: { z: "grad" } }));
}
