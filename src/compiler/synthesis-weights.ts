// The weights of a synthesis as the graph builders take them: of StyleGAN2 one entry a block, of StyleGAN3 one a layer.
// In: nothing. Out: types. Invariant: channels and sizes fit from entry to entry (whoever reads them checks).
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
export interface Stylegan2Weights {
  readonly style: SynthesisStyle;
  readonly firKernel: readonly number[];
  /** Generators trained in half precision keep their activations within +-clamp (times the gain of the layer). */
  readonly clamp?: number | undefined;
  readonly wDim: number;
  /** What the last block is called; its image is so large where the constant is 4x4. */
  readonly resolution: number;
  readonly first: FirstBlock;
  /** 8, 16, ... px. */
  readonly later: readonly LaterBlock[];
}

/**
 * Fourier features that the first layer of StyleGAN3 starts from, on a grid of points around the origin whose unit is the image.
 * The transform of a sample is what its first w asks for, (rotation, translation) = affineWeight [4, wDim] / sqrt(wDim) w + affineBias,
 * and behind it that of the user.
 */
export interface FourierInput {
  /** Columns and rows. */
  readonly size: readonly [number, number];
  /** Points a unit. */
  readonly samplingRate: number;
  /** Frequencies up to it keep their amplitude, which falls to 0 at half the sampling rate. */
  readonly bandwidth: number;
  /** [C, C], of the features to channels: x weight^T / sqrt(C). */
  readonly weight: Tensor;
  readonly affineWeight: Tensor;
  readonly affineBias: Tensor;
  /** [C, 2], x and y, in periods a unit. */
  readonly frequencies: Tensor;
  /** [C], in periods. */
  readonly phases: Tensor;
  /** [3, 3], homogeneous: from points of the image to those that it shows. The file's own: the identity where nobody set another. */
  readonly transform: Tensor;
}

/** A layer of StyleGAN3: modulated convolution (padded by k - 1), then bias and leaky ReLU between two filters. */
export interface FilteredLayer extends ModulatedWeights {
  /** Such as L3_52_512: the names of its tensors begin with it. */
  readonly name: string;
  /** The last, without demodulation and leaky ReLU. */
  readonly toRgb: boolean;
  /** Mean square of its input in training, by whose root the result is divided. */
  readonly magnitude: number;
  readonly up: number;
  readonly down: number;
  /** Columns before and after, rows before and after, at the raised sampling rate; negative crops. */
  readonly pads: readonly [number, number, number, number];
  /** Taps of both directions. */
  readonly upFilter?: Tensor;
  /** Taps of both directions, or of a kernel [n, n] that is the same in all. */
  readonly downFilter?: Tensor;
}

export interface Stylegan3Weights {
  readonly style: "alias-free";
  readonly wDim: number;
  readonly clamp?: number | undefined;
  /** Of the values of the last layer. */
  readonly outputScale: number;
  readonly input: FourierInput;
  /** w 0 is that of the input, w i + 1 that of layer i. */
  readonly layers: readonly FilteredLayer[];
}

export type SynthesisWeights = Stylegan2Weights | Stylegan3Weights;
