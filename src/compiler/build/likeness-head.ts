// How like pictures are to one, as a head of theirs: `like("ref.png")`.
// In: pictures of a tile, the other picture, features of both. Out: nodes. Invariant: a row knows nothing of the others.
//
//   nats = 50 mean over sizes of m + 100 (1 - cos(F(x), F(t))), m the mean square of x - t where the mask is white, x and t in [-1, 1]
//   number = sqrt(2 nats), so that a scalar that is near 0, sigma 1, is log p = -nats
//
// Sizes: that of the pictures, and half of it until 8 pixels are left: what is at the wrong place by little is wrong at the largest sizes alone.
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { LikenessHead } from "../picture-head.js";
import { buildResampled } from "./resample.js";

/** Nats of a mean square of 1. */
export const PIXEL_NATS = 50;
/** Nats of a cosine distance of 1. */
export const FEATURE_NATS = 100;
/** Pixels of the smallest size at which pictures are compared. */
const SMALLEST = 8;
/** Added to twice the nats, so that the root has a slope where pictures are the same. */
const LEAST = 1e-6;
/** Added to squared lengths of features. */
const LEAST_LENGTH = 1e-8;

/** The other picture at the size of those that are compared with it: [1, 3, H, W], and its mask [1, 1, H, W]. */
export interface Other {
  readonly picture: NodeId;
  readonly mask?: NodeId;
}

export function buildOther(b: GraphBuilder, { picture, mask, width, height }: LikenessHead, image: NodeId): Other {
  const [rows, columns] = [at(b.shape(image), 2), at(b.shape(image), 3)];
  return {
    picture: buildResampled(b, b.constant(picture, [1, 3, height, width]), rows, columns),
    ...(mask && { mask: buildResampled(b, b.constant(mask, [1, 1, height, width]), rows, columns) }),
  };
}

/** Pictures with the other around the mask. Shapes [rows, 3, H, W] -> the same. */
export function buildPasted(b: GraphBuilder, image: NodeId, { picture, mask }: Other): NodeId {
  return mask === undefined ? image : b.add(picture, b.mul(b.sub(image, picture), mask));
}

/** The mean square of what differs, where the mask is white, over all sizes. Shapes [rows, 3, H, W] -> [rows]. */
export function buildMisfit(b: GraphBuilder, image: NodeId, { picture, mask }: Other): NodeId {
  const misfits: NodeId[] = [];
  let difference = b.sub(image, picture);
  let share = mask;
  for (;;) {
    const square = b.square(difference);
    const own = b.mean(share === undefined ? square : b.mul(square, share), [1, 2, 3]);
    misfits.push(share === undefined ? own : b.div(own, b.reshape(b.mean(share, [1, 2, 3]), [1])));
    const [height, width] = [Math.ceil(at(b.shape(difference), 2) / 2), Math.ceil(at(b.shape(difference), 3) / 2)];
    if (Math.min(height, width) < SMALLEST) break;
    difference = buildResampled(b, difference, height, width);
    share = share && buildResampled(b, share, height, width);
  }
  const sum = misfits.reduce((total, m) => b.add(total, m));
  return b.mul(sum, scalar(1 / misfits.length));
}

/** The head's number, [rows, 1]. `seen` [rows, F], `of` [F]. */
export function buildLikenessNumber(
  b: GraphBuilder,
  misfit: NodeId,
  features?: { readonly seen: NodeId; readonly of: Float32Array },
): NodeId {
  const rows = at(b.shape(misfit), 0);
  let nats = b.mul(misfit, scalar(PIXEL_NATS));
  if (features !== undefined) {
    const { seen, of } = features;
    const length = Math.sqrt(of.reduce((sum, x) => sum + x * x, LEAST_LENGTH));
    const direction = b.constant(
      of.map((x) => x / length),
      [1, of.length],
    );
    const inverse = b.rsqrt(b.add(b.sum(b.square(seen), [1]), scalar(LEAST_LENGTH)));
    const cosine = b.mul(b.sum(b.mul(seen, direction), [1]), inverse);
    nats = b.add(nats, b.mul(b.sub(scalar(1), cosine), scalar(FEATURE_NATS)));
  }
  const twice = b.add(b.mul(nats, scalar(2)), scalar(LEAST));
  return b.reshape(b.mul(twice, b.rsqrt(twice)), [rows, 1]);
}
