// How like a picture is to styles, as an energy: what photographs are found by.
// In: a model's synthesis, the distribution of its styles, the sizes at which pictures are compared. Out: a graph of log p and its gradient in the styles'
// whitened coordinates. Invariant: a row knows nothing of the others.
//
//   w_l = sqrt2 leakyRelu_0.2(u_l A^T + m): undone, a last activation of the mapping leaves nearly normal numbers, so that u ~ N(0, I)
//   log p = -strength sum over sizes of mean |x - t|^2 - prior sum over layers of |u_l|^2 / 2
//
// Source: Zhu et al. 2020 (arXiv 2012.09036), the space P_N and its extension by layers, P_N+.
import { scalar, GraphBuilder } from "../graph/builder.js";
import type { Graph, ImageLayout, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import { InternalError } from "../../source/internal-error.js";
import type { EnergyWeights } from "../weights.js";
import { ImageParts } from "./image-parts.js";
import { buildLatent } from "./model.js";
import { patchOffsets } from "./patch.js";
import { buildResampled } from "./resample.js";
import { buildStylegan2 } from "./stylegan2.js";
import { buildSynthesis, type SynthesisModel } from "./synthesis.js";
import { inline } from "../graph/copy.js";
import type { ModelInfo } from "../attribute.js";
import { buildDecoded, type DecoderNetwork } from "./decoded.js";

/** Styles before their last activation: mean [d], and a root of their covariance [d, d], row-major: v = A u + m. */
export interface StyleDistribution {
  readonly mean: Float32Array;
  readonly root: Float32Array;
  /** Of negatives, in the activation that leads from v to w; 1: w is v, but for the gain. */
  readonly slope: number;
}

/** The slope for negatives of the mapping's last activation, and its gain. */
export const LAST_SLOPE = 0.2;
export const LAST_GAIN = Math.SQRT2;

export interface LikenessTask {
  readonly pictures: PictureModel;
  readonly rows: number;
  readonly layout: ImageLayout;
  /** The noise that pictures are drawn with. */
  readonly noise: "const" | "none";
  /** How styles are distributed; absent: w is u, of a model without a mapping. */
  readonly styles?: StyleDistribution | undefined;
  /** Vectors that are looked for: one for all layers, or one for each. */
  readonly layers: number;
  /** Where it is given, u is z, one for all layers: styles are the mapping's, without truncation, and the prior is that of z. */
  readonly mapping?: EnergyWeights | undefined;
  /** Width and height of the pictures that are compared, the largest first: the synthesis stops there where it can. */
  readonly sizes: readonly (readonly [width: number, height: number])[];
  /** Nats of a mean square of 1, and of half of |u|^2. */
  readonly strength: number;
  readonly prior: number;
}

/** Names of the inputs that pictures come in as, by size. */
export function targetName(size: readonly [number, number]): string {
  return `target${size.join("x")}`;
}

/**
 * log p and its gradient in u, optimized.
 * Shapes   inputs `u` [rows, layers, wDim] (or zDim) and for each size its target [1, 3, height, width], in [-1, 1]; outputs `logp` [rows], `grad` [rows, layers, wDim],
 *          `misfit` [rows], the mean square at the first size of the
 *          picture as it is seen, within -1 and 1.
 */
export function compileLikeness(task: LikenessTask): Graph {
  const { pictures, rows, layers, sizes, mapping } = task;
  const b = new GraphBuilder();
  const u = b.input("u", [rows, layers, mapping?.zDim ?? pictures.info.wDim]);
  const ws = buildStyles(b, u, task);
  return compileAscent(b, u, buildPicture(b, ws, task, at(sizes, 0)[0]), task);
}

/**
 * log p = -strength misfits - prior |u|^2 / 2 of an input `u` [rows, ...] and its gradient, optimized; misfits are the sum over sizes of the mean square of what a picture
 * [rows, 3, H, W] of u and a target differ by. Inputs and outputs as compileLikeness.
 */
export function compileAscent(
  b: GraphBuilder,
  u: NodeId,
  picture: NodeId,
  { sizes, strength, prior }: Pick<LikenessTask, "sizes" | "strength" | "prior">,
): Graph {
  const [largest, tallest] = at(sizes, 0);
  const image = buildResampled(b, picture, tallest, largest);
  const targets = sizes.map((size) => b.input(targetName(size), [1, 3, size[1], size[0]]));
  const misfits = sizes.map(([width, height], i) =>
    b.mean(b.square(b.sub(buildResampled(b, image, height, width), at(targets, i))), [1, 2, 3]),
  );
  const likeness = b.mul(
    misfits.reduce((sum, m) => b.add(sum, m)),
    scalar(strength),
  );
  const [, ...axes] = b.shape(u).keys();
  const charge = b.mul(b.sum(b.square(u), axes), scalar(prior / 2));
  const logp = b.neg(b.add(likeness, charge));
  const seen = b.sub(b.clip(image, -1, 1), at(targets, 0));
  const graph = b.finish({ outputs: { logp, misfit: b.mean(b.square(seen), [1, 2, 3]) } });
  return optimize(differentiate(simplify(graph), { of: "logp", wrt: { u: "grad" } }));
}

/**
 * Small pictures of styles, for whoever looks for the nearest.
 * Shapes   input `ws` [rows, numWs, wDim], output `small` [rows, 3, height, width].
 */
export function compileThumbnails(
  task: Pick<LikenessTask, "pictures" | "rows" | "layout" | "noise"> & { readonly size: readonly [number, number] },
): Graph {
  const { pictures, rows, size } = task;
  const [width, height] = size;
  const b = new GraphBuilder();
  const ws = b.input("ws", [rows, pictures.info.numWs, pictures.info.wDim]);
  const small = buildResampled(b, buildPicture(b, ws, task, width), height, width);
  return optimize(b.finish({ outputs: { small } }));
}

/** Styles [rows, numWs, wDim] of coordinates u. */
function buildStyles(b: GraphBuilder, u: NodeId, { pictures, styles, rows, layers, mapping }: LikenessTask): NodeId {
  const { numWs } = pictures.info;
  const wDim = at(b.shape(u), 2);
  let w = u;
  if (mapping !== undefined) {
    const own = buildLatent(b, b.reshape(u, [rows, mapping.zDim]), mapping, 1);
    w = b.reshape(own, [rows, 1, at(b.shape(own), 1)]);
  } else if (styles !== undefined) {
    const flat = b.reshape(u, [rows * layers, wDim]);
    const root = b.transpose(b.constant(styles.root, [wDim, wDim]), [1, 0]);
    const v = b.add(b.matmul(flat, root), b.constant(styles.mean, [wDim]));
    w = b.reshape(b.leakyRelu(v, styles.slope, LAST_GAIN), [rows, layers, wDim]);
  }
  return layers === numWs ? w : b.broadcast(w, [rows, numWs, at(b.shape(w), 2)]);
}

/** A model as far as its pictures are made: by a synthesis of ours, or by a decoder. */
export interface PictureModel extends SynthesisModel {
  readonly info: Pick<ModelInfo, "name" | "numWs" | "wDim">;
  readonly decoder?: DecoderNetwork | undefined;
}

/** Three channels [rows, 3, H, W] of the picture of styles; of a synthesis, of a smaller one at least `width` wide. */
function buildPicture(
  b: GraphBuilder,
  ws: NodeId,
  { pictures, layout, noise }: Pick<LikenessTask, "pictures" | "layout" | "noise">,
  width: number,
): NodeId {
  if (pictures.decoder !== undefined) return buildDecoded(b, ws, pictures.decoder, layout);
  return buildImage(b, ws, { model: pictures, layout, noise }, width);
}

/** Three channels [rows, 3, H, W] of the picture of styles, or of a smaller one at least `width` wide. Grey stands for all colours, alpha is left out. */
export function buildImage(
  b: GraphBuilder,
  ws: NodeId,
  {
    model,
    layout,
    noise,
    patch,
  }: { readonly model: SynthesisModel; readonly patch?: NodeId } & Pick<LikenessTask, "layout" | "noise">,
  width: number,
): NodeId {
  const { synthesis } = model;
  if (synthesis === undefined)
    throw new InternalError(`${model.info.name} has no synthesis that can be differentiated`);
  const rows = at(b.shape(ws), 0);
  let image: NodeId;
  if (synthesis.style === "alias-free") {
    const whole = buildSynthesis(model, { rows, layout, noise, patched: patch !== undefined });
    const transform = b.broadcast(b.constant(synthesis.input.transform.data, [1, 3, 3]), [rows, 3, 3]);
    image =
      inline(
        b,
        { ...whole, outputs: whole.outputs.filter((o) => o.name === "image") },
        { ws, transform, ...(patch !== undefined && { patch }) },
      )["image"] ?? -1;
  } else {
    const [, , columns = 4] = synthesis.first.constant.shape;
    const offsets = patch === undefined ? undefined : patchOffsets(b, synthesis, patch);
    image = buildStylegan2(new ImageParts(b, rows, layout, offsets), ws, synthesis, noise, (width * 4) / columns);
  }
  const first = layout === "nhwc" ? b.transpose(image, [0, 3, 1, 2]) : image;
  const channels = at(b.shape(first), 1);
  if (channels === 1) return b.concat([first, first, first], 1);
  return channels === 3 ? first : b.sliceAxis(first, 1, 0, 3);
}
