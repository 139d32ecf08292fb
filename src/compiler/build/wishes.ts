// The gradient flow of a model's heads for wishes that are inputs: every row of a tile has its own, and its own truncation (learn/label/follow.ts).
// In: a model, rows of a tile. Out: optimized graphs.
import type { Attribute } from "../attribute.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import { InternalError } from "../../source/internal-error.js";
import type { EnergyWeights } from "../weights.js";
import { buildHead, buildLatent, type Latents } from "./model.js";

/** A model as far as wishes go: its table in the order of its heads. */
export interface WishModel {
  readonly info: { readonly zDim: number; readonly wDim: number; readonly attributes: readonly Attribute[] };
  readonly weights: EnergyWeights;
}

/**
 * The gradient in z of log p of each row's own wishes, optimized.
 *
 * Shapes   inputs `z` [rows, zDim], `psi` [rows, 1], and for attribute i `target{i}` [rows, K] (of classes 1 for the one that is wished for,
 *          of a scalar the number; 0 where nothing is) and `weight{i}` [rows, 1] (1 where something is wished, else 0); output `grad` [rows, zDim].
 */
export function compileWishGradient(model: WishModel, rows: number): Graph {
  const gradient = differentiate(simplify(buildWishes(model, rows)), { of: "logp", wrt: { z: "grad" } });
  return optimize({ ...gradient, outputs: gradient.outputs.filter((o) => o.name === "grad") });
}

/** w at each row's own truncation, optimized. Shapes: inputs `z` [rows, zDim] and `psi` [rows, 1]; output `w` [rows, wDim]. */
export function compileRowMapping(model: WishModel, rows: number): Graph {
  const b = new GraphBuilder();
  return optimize(b.finish({ outputs: { w: buildTruncated(b, model, rows).w } }));
}

/** Inputs `z` [rows, zDim] and `psi` [rows, 1], every row's own truncation: z and its w. */
function buildTruncated(b: GraphBuilder, { weights, info }: WishModel, rows: number): Latents {
  const z = b.input("z", [rows, info.zDim]);
  const w = buildLatent(b, z, weights, 1);
  const psi = b.input("psi", [rows, 1]);
  if (weights.mapping === undefined) return { z, w };
  const centre = b.constant(weights.mapping.wAverage.data, [info.wDim]);
  return { z, w: b.add(centre, b.mul(psi, b.sub(w, centre))) };
}

function buildWishes(model: WishModel, rows: number): Graph {
  const { weights, info } = model;
  const b = new GraphBuilder();
  const latents = buildTruncated(b, model, rows);
  const terms = info.attributes.map((a, i): NodeId => {
    const head = weights.heads[i];
    if (head === undefined) throw new InternalError(`no head of ${a.name}`);
    const f = buildHead(b, latents, head);
    const target = b.input(`target${i}`, b.shape(f));
    const weight = b.input(`weight${i}`, [rows, 1]);
    if (a.type === "scalar")
      return b.mul(weight, b.neg(b.square(b.mul(b.sub(f, target), scalar(Math.SQRT1_2 / a.sigma)))));
    const logits = b.mul(f, scalar(1 / a.temperature));
    return b.sub(b.sum(b.mul(target, logits), [1], true), b.mul(weight, b.logSumExp(logits, [1], true)));
  });
  return b.finish({ outputs: { logp: terms.reduce((sum, t) => b.add(sum, t)) } });
}
