// What tuning moves of a synthesis, its biases, those of its styles and its colours, and by how much: a patch.
// In: the weights of a synthesis. Out: the weights with a patch; nodes that are added to them.
// Invariants: the weights of convolutions stay, so that a patch is some thousands of numbers; a patch of zeros changes no bit.
// Source: offsets of styles, as of Wu et al. 2020 (arXiv 2011.12799), that hold for all pictures, and biases.
import { InternalError } from "../../source/internal-error.js";
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { sizeOf } from "../graph/shape.js";
import type { ConvWeights, ModulatedWeights, Stylegan2Weights, SynthesisWeights } from "../synthesis-weights.js";
import type { Tensor } from "../weights.js";
import type { WeightOffsets } from "./image-parts.js";

/** Numbers of a patch. */
export function patchSize(weights: SynthesisWeights): number {
  return tunedTensors(weights).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** The weights with a patch. Errors: InternalError if the patch is of another size. */
export function withPatch(weights: SynthesisWeights, patch: Float32Array): SynthesisWeights {
  if (patch.length !== patchSize(weights)) throw new InternalError(`a patch of ${patch.length} numbers`);
  let at = 0;
  return tuned(weights, ({ shape, data }) => {
    const offset = patch.subarray(at, (at += data.length));
    return { shape, data: data.map((x, i) => x + (offset[i] ?? 0)) };
  });
}

/** What is added to weights, as parts of a node [patchSize]. */
export function patchOffsets(b: GraphBuilder, weights: SynthesisWeights, patch: NodeId): WeightOffsets {
  let at = 0;
  return new Map(
    tunedTensors(weights).map((tensor) => {
      const size = sizeOf(tensor.shape);
      const own = b.sliceAxis(patch, 0, at, size);
      at += size;
      return [tensor, b.reshape(own, tensor.shape)];
    }),
  );
}

/** The tensors that a patch moves, in its order. */
function tunedTensors(weights: SynthesisWeights): readonly Tensor[] {
  const found: Tensor[] = [];
  tuned(weights, (tensor) => {
    found.push(tensor);
    return tensor;
  });
  return found;
}

/** The weights with what tuning moves as a function has it, asked for in the order of a patch. */
function tuned(weights: SynthesisWeights, move: (tensor: Tensor) => Tensor): SynthesisWeights {
  const layer = <L extends ModulatedWeights>(own: L): L => ({
    ...own,
    affineBias: move(own.affineBias),
    bias: move(own.bias),
  });
  if (weights.style === "alias-free") return { ...weights, layers: weights.layers.map(layer) };
  const colours = (own: ModulatedWeights): ModulatedWeights => ({ ...layer(own), weight: move(own.weight) });
  const block = <B extends { readonly conv1: ConvWeights; readonly toRgb?: ModulatedWeights }>(own: B): B => ({
    ...own,
    conv1: layer(own.conv1),
    ...(own.toRgb && { toRgb: colours(own.toRgb) }),
  });
  const { first, later }: Stylegan2Weights = weights;
  return {
    ...weights,
    first: block(first),
    later: later.map((own) => ({ ...block(own), conv0: layer(own.conv0) })),
  };
}
