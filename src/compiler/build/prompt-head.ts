// How like pictures are to what a text says, as a head of theirs: `text("a smiling man" against "a man" by "clip/")`.
// In: pictures of a tile, embeddings of their crops and of both texts. Out: nodes.
//
//   logit of a text t = mean over crops of 100 cos(E(crop), t), so that log p = log sigmoid(100 mean E(crop) / |E(crop)| . (text - other))
//
// Without crops the gradient draws texture that the network takes for what was asked; a feature that many crops share is a thing.
// Source: Radford et al. 2021 (arXiv 2103.00020), section 3.1.2, of the scale; Gal et al. 2021 (arXiv 2108.00946), of the direction between two texts.
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { PictureCrop, PromptHead } from "../picture-head.js";
import { concat } from "../../source/concat.js";

/** What CLIP models have learnt, and the most that their training allows. */
export const CLIP_SCALE = 100;
/** Added to squared lengths of embeddings. */
const LEAST_LENGTH = 1e-8;

/** A part of pictures, of whole pixels. Shapes [rows, 3, H, W] -> [rows, 3, h, w]. */
export function buildCrop(b: GraphBuilder, image: NodeId, { left, top, size }: PictureCrop): NodeId {
  const [height, width] = [at(b.shape(image), 2), at(b.shape(image), 3)];
  const part = (whole: number, from: number): readonly [number, number] => {
    const length = Math.max(1, Math.round(size * whole));
    return [Math.min(whole - length, Math.round(from * whole)), length];
  };
  const rows = b.sliceAxis(image, 2, ...part(height, top));
  return b.sliceAxis(rows, 3, ...part(width, left));
}

/** Shapes   embeddings [crops * rows, F], the rows of the first crop first -> logits [rows, 2], of the other text and of the text. */
export function buildPromptLogits(
  b: GraphBuilder,
  embeddings: NodeId,
  { texts, crops }: Pick<PromptHead, "texts" | "crops">,
): NodeId {
  const [all, width] = [at(b.shape(embeddings), 0), at(b.shape(embeddings), 1)];
  const inverse = b.rsqrt(b.add(b.sum(b.square(embeddings), [1], true), scalar(LEAST_LENGTH)));
  const directions = b.transpose(b.constant(concat(texts, Float32Array), [2, width]), [1, 0]);
  const cosines = b.matmul(b.mul(embeddings, inverse), directions);
  const ofEach = b.reshape(cosines, [crops.length, all / crops.length, 2]);
  return b.mul(b.mean(ofEach, [0]), scalar(CLIP_SCALE));
}
