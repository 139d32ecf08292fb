// Weights as the graph builders take them: plain arrays, already read and widened to float32.
import type { FeatureHead, PictureHead } from "./picture-head.js";

/** One tensor, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The mapping network z -> w: optional normalisation of z by its root mean square, then dense layers,
 * y = sqrt2 * leakyRelu_0.2(x (weight * weightGain)^T + bias * biasGain). Weights [out, in]. Gains are folded by the fold pass.
 */
export interface MappingWeights {
  readonly normalize: boolean;
  readonly layers: readonly {
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly weightGain: number;
    readonly biasGain: number;
  }[];
  /** [wDim], the centre of the truncation. */
  readonly wAverage: Tensor;
  /**
   * Of a conditional generator: its class c enters as e(c) = weight[:, c] weightGain + bias, divided by its root mean square and
   * appended to z. weight [E, classes], bias [E]; the first layer takes zDim + E numbers. `forClass` picks a class.
   */
  readonly embedding?: { readonly weight: Tensor; readonly bias: Tensor; readonly weightGain: number };
}

/** What a head takes: w, truncated, as the image is made from it; or z, which truncation does not touch. */
export type HeadSpace = "w" | "z";

/**
 * One attribute head: dense layers with leaky ReLU 0.2 (gain 1) between them, none after the last. Weights [out, in].
 * With `direct` it is smooth: the logistic function stands between its two layers, and the latent times `direct` [out, in] is added to their outputs.
 */
export interface HeadWeights {
  readonly attribute: string;
  /** Absent: w. */
  readonly space?: HeadSpace;
  readonly layers: readonly { readonly weight: Tensor; readonly bias: Tensor }[];
  readonly direct?: Tensor;
  /** Of a head that looks at pictures in place of latents: how. Its `layers` are none. */
  readonly picture?: PictureHead;
}

/** All that energies need of a model. `heads` are in the order of the attribute table; no mapping: w = z. */
export interface EnergyWeights {
  readonly zDim: number;
  readonly mapping?: MappingWeights;
  readonly heads: readonly HeadWeights[];
  /** Second heads, which other rows made, by index in the table; no energy takes them: they judge. */
  readonly witnesses?: readonly (HeadWeights | undefined)[];
  /** Networks whose features of pictures are kept, by file; the model's labeller by "". */
  readonly watches?: ReadonlyMap<string, FeatureHead>;
}
