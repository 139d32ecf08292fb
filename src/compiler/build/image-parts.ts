// What builders of syntheses share: images in the layout of the engine, styles as factors of their channels, weights turned and scaled,
// and what a synthesis ends with.
// In: a GraphBuilder, rows and layout. Out: nodes. Invariants: weights come as the checkpoints have them, [out, in, ...], and are turned here.
import { scalar, type GraphBuilder } from "../graph/builder.js";
import type { ImageLayout, NodeId, Shape } from "../graph/graph.js";
import { imageSizes } from "../graph/shape.js";
import type { ModulatedWeights } from "../synthesis-weights.js";
import type { Tensor } from "../weights.js";

/**
 * What one step of red, of green and of blue counts in a pixel of a tile: a pixel is one whole number below 2^24, which a float32 holds exactly.
 * So four bytes a pixel come back from a device, and not twelve.
 */
export const PIXEL_UNITS = [65536, 256, 1] as const;

/** What is added to some weights of a synthesis, by weight: nodes of the same shape. */
export type WeightOffsets = ReadonlyMap<Tensor, NodeId>;

/** Images of a tile in the layout of a graph. */
export class ImageParts {
  constructor(
    readonly g: GraphBuilder,
    readonly rows: number,
    readonly layout: ImageLayout,
    /** Of a generator that is being tuned (tuning.ts); asked for by the tensor itself: whatever is made of a weight first has none. */
    private readonly offsets: WeightOffsets = new Map(),
  ) {}

  constant(tensor: Tensor): NodeId {
    return this.g.constant(tensor.data, tensor.shape);
  }

  shape(rows: number, channels: number, height: number, width: number): Shape {
    return this.layout === "nchw" ? [rows, channels, height, width] : [rows, height, width, channels];
  }

  /** [rows, C] as a factor of an image. */
  perChannel(x: NodeId): NodeId {
    const channels = this.g.shape(x)[1] ?? 1;
    return this.g.reshape(x, this.shape(this.rows, channels, 1, 1));
  }

  /** A weight of the shape that it is needed in, times a number, with its offset. */
  private weight(x: Tensor, shape: Shape, gain = 1): NodeId {
    const { g } = this;
    const own = g.constant(scaledBy(x, gain).data, shape);
    const offset = this.offsets.get(x);
    return offset === undefined ? own : g.add(own, g.mul(g.reshape(offset, shape), scalar(gain)));
  }

  /** [C], times a number, as a term of an image. */
  channelConstant(x: Tensor, gain = 1): NodeId {
    return this.weight(x, this.layout === "nchw" ? [1, x.data.length, 1, 1] : [x.data.length], gain);
  }

  /** A [C, h, w] tensor as a constant image, [1, C, h, w] in the layout of the graph. */
  constantImage({ shape, data }: Tensor): NodeId {
    const [channels = 1, height = 1, width = 1] = shape;
    const turned = this.layout === "nchw" ? data : transposed({ shape: [channels, height * width], data }).data;
    return this.g.constant(turned, this.shape(1, channels, height, width));
  }

  /** The style of a layer: [rows, inputs] = (affineWeight / sqrt(wDim) w + affineBias) * gain, w that of layer `index` in ws [rows, numWs, wDim]. */
  style(ws: NodeId, index: number, layer: Pick<ModulatedWeights, "affineWeight" | "affineBias">, gain = 1): NodeId {
    const { g, rows } = this;
    const wDim = g.shape(ws)[2] ?? 1;
    const w = g.reshape(g.slice(ws, [0, index, 0], [rows, 1, wDim]), [rows, wDim]);
    const weight = this.constant(transposed(scaledBy(layer.affineWeight, gain / Math.sqrt(wDim))));
    return g.add(g.matmul(w, weight), this.weight(layer.affineBias, layer.affineBias.shape, gain));
  }

  /** Modulated 1x1 convolution, without demodulation or bias: few weights for each sample are cheaper to make than to scale x. */
  colours(x: NodeId, weight: Tensor, style: NodeId): NodeId {
    const { g, rows, layout } = this;
    const [colours = 3, inputs = 1] = weight.shape;
    const { height, width } = imageSizes(g.shape(x), layout);
    const pixels = height * width;
    const shared = this.weight(weight, [colours, inputs]);
    let y: NodeId;
    if (layout === "nchw") {
      const own = g.mul(shared, g.reshape(style, [rows, 1, inputs]));
      y = g.matmul(own, g.reshape(x, [rows, inputs, pixels]));
    } else {
      const own = g.mul(g.transpose(shared, [1, 0]), g.reshape(style, [rows, inputs, 1]));
      y = g.matmul(g.reshape(x, [rows, pixels, inputs]), own);
    }
    return g.reshape(y, this.shape(rows, colours, height, width));
  }

  /**
   * What a synthesis gives: `image`; `pixels` [rows, H, W], floor(clip(127.5 image + 128, 0, 255)) of red, green and blue in one number
   * (`PIXEL_UNITS`); of images with a fourth channel `alpha` [rows, H, W], in the same way. A grey image is one of three equal channels.
   */
  outputs(image: NodeId): Record<string, NodeId> {
    const { g, layout, rows } = this;
    const axis = layout === "nhwc" ? 3 : 1;
    const { channels, height, width } = imageSizes(g.shape(image), layout);
    const bytes = g.floor(g.clip(g.add(g.mul(image, scalar(127.5)), scalar(128)), 0, 255));
    const units = g.constant(Float64Array.from(PIXEL_UNITS), this.shape(1, 3, 1, 1));
    const colours = channels === 3 ? bytes : g.sliceAxis(bytes, axis, 0, 3);
    const pixels = g.sum(g.mul(colours, units), [axis]);
    if (channels === 3) return { image, pixels };
    const alpha = g.reshape(g.sliceAxis(bytes, axis, 3, 1), [rows, height, width]);
    return { image, pixels, alpha };
  }
}

/** Times a number. */
export function scaledBy(x: Tensor, gain: number): Tensor {
  return gain === 1 ? x : { shape: x.shape, data: x.data.map((v) => v * gain) };
}

/** [a, b] -> [b, a] */
export function transposed(x: Tensor): Tensor {
  const [a = 1, b = 1] = x.shape;
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) data[j * a + i] = x.data[i * b + j] ?? NaN;
  return { shape: [b, a], data };
}

/** [out, in, k, k] -> [in, out, k, k], the order of a transposed convolution. */
export function swapChannels(x: Tensor): Tensor {
  const [a = 1, b = 1, kh = 1, kw = 1] = x.shape;
  const data = new Float32Array(x.data.length);
  const k = kh * kw;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++) data.set(x.data.subarray((i * b + j) * k, (i * b + j + 1) * k), (j * a + i) * k);
  return { shape: [b, a, kh, kw], data };
}

/** Sum of squares over the kernel, [out, in, k, k] -> [in, out]: style^2 times this is the power that demodulation divides by. */
export function kernelPower(x: Tensor): Tensor {
  const [out = 1, inputs = 1, kh = 1, kw = 1] = x.shape;
  const data = new Float32Array(out * inputs);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      for (const v of x.data.subarray((o * inputs + i) * kh * kw, (o * inputs + i + 1) * kh * kw)) sum += v * v;
      data[i * out + o] = sum;
    }
  }
  return { shape: [inputs, out], data };
}
