// The weights of a StyleGAN2 synthesis as the graph builder takes them, one entry a block.
// In: nothing. Out: types. Invariant: channels fit from block to block (whoever reads them checks).
import type { Tensor } from "./weights.js";

export type SynthesisStyle = "skip" | "orig" | "resnet";

/** A modulated layer. weight [out, in, k, k], bias [out]; style = affineWeight [in, wDim] / sqrt(wDim) w + affineBias [in]. */
export interface ModulatedWeights {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly affineWeight: Tensor;
  readonly affineBias: Tensor;
}
export interface ConvWeights extends ModulatedWeights {
  /** strength * constant [R, R] is added before the bias. */
  readonly noise?: { readonly strength: number; readonly constant: Tensor };
}
/** What every block has. */
export interface BlockBase {
  readonly resolution: number;
  readonly conv1: ConvWeights;
  /** In style "skip" every block has one, in the others only the last. */
  readonly toRgb?: ModulatedWeights;
}
export interface FirstBlock extends BlockBase {
  /** [C, 4, 4] */
  readonly constant: Tensor;
}
export interface LaterBlock extends BlockBase {
  /** Doubles the resolution. */
  readonly conv0: ConvWeights;
  /** [out, in, 1, 1], style "resnet". */
  readonly skip?: Tensor;
}
export interface SynthesisWeights {
  readonly style: SynthesisStyle;
  readonly firKernel: readonly number[];
  /** Generators trained in half precision keep their activations within +-clamp (times the gain of the layer). */
  readonly clamp?: number | undefined;
  readonly wDim: number;
  readonly resolution: number;
  readonly first: FirstBlock;
  /** 8, 16, ... px. */
  readonly later: readonly LaterBlock[];
}
