// The networks of a model as graphs: the mapping z -> w with its truncation, and the attribute heads w or z -> logits.
// In: weights as plain arrays and a builder. Out: nodes. Gains and truncation are explicit nodes; the fold pass makes them vanish.
// Invariants: rank 2 throughout, rows first; weights come as [out, in] and are transposed here, at compile time once folded.
import type { NodeId } from "../graph/graph.js";
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { PictureHead } from "../picture-head.js";
import { InternalError } from "../../source/internal-error.js";
import type { EnergyWeights, HeadWeights, MappingWeights, Tensor } from "../weights.js";

/** Slope for negatives of every leaky ReLU in mapping and heads. */
const SLOPE = 0.2;
/** Added to the mean square before its root, so that z = 0 has a direction-free, finite normalisation. */
const NORMALIZE_EPSILON = 1e-8;

/**
 * The mapping network with truncation psi: w = m + psi (g(z) - m), m the average w.
 *
 *   g: z <- z / sqrt(mean(z^2) + 1e-8), then for each layer sqrt2 leakyRelu_0.2(x (W wGain)^T + b bGain)
 *
 * Shapes   z [rows, zDim] -> w [rows, wDim].
 * Source   Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN" (the mapping as it is published).
 */
function buildMapping(b: GraphBuilder, z: NodeId, mapping: MappingWeights, truncation: number): NodeId {
  let x = z;
  if (mapping.normalize) {
    const meanSquare = b.mean(b.square(z), [-1], true);
    x = b.mul(z, b.rsqrt(b.add(meanSquare, scalar(NORMALIZE_EPSILON))));
  }
  for (const layer of mapping.layers) {
    const weight = b.mul(tensor(b, layer.weight), scalar(layer.weightGain));
    const bias = b.mul(tensor(b, layer.bias), scalar(layer.biasGain));
    x = b.leakyRelu(b.add(b.matmul(x, b.transpose(weight, [1, 0])), bias), SLOPE, Math.SQRT2);
  }
  const average = tensor(b, mapping.wAverage);
  return b.add(b.mul(b.sub(x, average), scalar(truncation)), average);
}

/** w of a model, with truncation: its mapping network, or z itself where there is none. Shapes z [rows, zDim] -> [rows, wDim]. */
export function buildLatent(b: GraphBuilder, z: NodeId, weights: EnergyWeights, truncation: number): NodeId {
  return weights.mapping ? buildMapping(b, z, weights.mapping, truncation) : z;
}

/** A sample in the two spaces that heads are of: z [rows, zDim] and its w [rows, wDim]. */
export interface Latents {
  readonly z: NodeId;
  readonly w: NodeId;
  /** What a network says of the sample's picture, [rows, K], where pictures may be looked at. */
  readonly see?: (head: PictureHead) => NodeId;
  /** Features of the sample's picture, [rows, F], where they are kept. */
  readonly features?: () => NodeId;
}

/**
 * One attribute head: dense layers with leaky ReLU 0.2 (gain 1) between them, on the latent of its space; of a smooth one logistic functions, and the latent
 * beside them. Or what a network says of the picture.
 *
 * Shapes   latents -> [rows, K]: logits, or one number for a scalar attribute.
 */
export function buildHead(b: GraphBuilder, latents: Latents, head: HeadWeights): NodeId {
  if (head.picture !== undefined) {
    if (latents.see === undefined) throw new InternalError(`${head.attribute} looks at pictures where there are none`);
    return latents.see(head.picture);
  }
  const latent = latents[head.space ?? "w"];
  let x = latent;
  head.layers.forEach((layer, i) => {
    if (i > 0) x = head.direct === undefined ? b.leakyRelu(x, SLOPE) : b.sigmoid(x);
    x = b.add(b.matmul(x, b.transpose(tensor(b, layer.weight), [1, 0])), tensor(b, layer.bias));
  });
  if (head.direct === undefined) return x;
  return b.add(x, b.matmul(latent, b.transpose(tensor(b, head.direct), [1, 0])));
}

function tensor(b: GraphBuilder, { data, shape }: Tensor): NodeId {
  return b.constant(data, shape);
}
