// Tuning a generator to a picture: its picture of given styles becomes like one that is given.
// In: a model's synthesis, the sizes at which pictures are compared. Out: a graph of log p and its gradient in what is added to the weights, a patch (patch.ts).
//
//   log p = -strength sum over sizes of mean |x - t|^2 - prior |u|^2 / 2, the patch PATCH_UNIT u
//
// Source: Roich et al. 2021 (arXiv 2106.05744), pivotal tuning: styles are held, the generator moves.
import { InternalError } from "../../source/internal-error.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { buildImage, compileAscent, type LikenessTask } from "./likeness.js";
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
export function compileTuning(task: TuningTask): Graph {
  const { pictures, layout, noise, sizes } = task;
  const { synthesis, info } = pictures;
  if (synthesis === undefined) throw new InternalError(`${info.name} has no synthesis to be tuned`);
  const b = new GraphBuilder();
  const size = patchSize(synthesis);
  const u = b.input("u", [1, size]);
  const ws = b.input("ws", [1, info.numWs, info.wDim]);
  const [width] = at(sizes, 0);
  const patch = b.mul(b.reshape(u, [size]), scalar(PATCH_UNIT));
  return compileAscent(b, u, buildImage(b, ws, { model: pictures, layout, noise, patch }, width), task);
}
