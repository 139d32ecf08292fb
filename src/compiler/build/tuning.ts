// Tuning a generator to a picture: its picture of given styles becomes like one that is given.
// In: a model's synthesis, the sizes at which pictures are compared. Out: a graph of log p and its gradient in what is added to the weights, a patch (patch.ts).
//
//   log p = -strength sum over sizes of mean |x - t|^2 - prior |u|^2 / 2, the patch PATCH_UNIT u
//
// Source: Roich et al. 2021 (arXiv 2106.05744), pivotal tuning: styles are held, the generator moves.
import { InternalError } from "../../source/internal-error.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import { buildImage, buildMisfits, type LikenessTask } from "./likeness.js";
import { patchSize } from "./patch.js";

/** What a number of a patch is told in: a hundredth, of weights near 1. */
export const PATCH_UNIT = 0.01;

export interface TuningTask extends Pick<LikenessTask, "pictures" | "layout" | "noise" | "sizes" | "strength"> {
  /** Nats of half of |u|^2. */
  readonly prior: number;
}

/**
 * log p and its gradient in the patch in units of PATCH_UNIT, optimized.
 * Shapes   inputs `u` [1, P], `ws` [1, numWs, wDim] and for each size its target [1, 3, height, width], in [-1, 1]; outputs `logp` [1], `grad` [1, P], `misfit` [1],
 *          the mean square at the first size of the picture as it is seen.
 */
export function compileTuning({ pictures, layout, noise, sizes, strength, prior }: TuningTask): Graph {
  const { synthesis, info } = pictures;
  if (synthesis === undefined) throw new InternalError(`${info.name} has no synthesis to be tuned`);
  const b = new GraphBuilder();
  const size = patchSize(synthesis);
  const u = b.input("u", [1, size]);
  const ws = b.input("ws", [1, info.numWs, info.wDim]);
  const [width = 0] = sizes[0] ?? [];
  const moved = b.mul(b.reshape(u, [size]), scalar(PATCH_UNIT));
  const image = buildImage(b, ws, { model: pictures, layout, noise, patch: moved }, width);
  const { misfits, seen } = buildMisfits(b, image, sizes);
  const charge = b.mul(b.sum(b.square(u), [1]), scalar(prior / 2));
  const logp = b.neg(b.add(b.mul(misfits, scalar(strength)), charge));
  const graph = b.finish({ outputs: { logp, misfit: seen } });
  return optimize(differentiate(simplify(graph), { of: "logp", wrt: { u: "grad" } }));
}
