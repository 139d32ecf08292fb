// Image synthesis of StyleGAN2 as a graph: styles w, one a layer, -> images.
// In: the weights of a model and a tile of rows. Out: a Graph with input `ws` and outputs `image` and `rgb`.
// Invariants: no weight is made for a sample: activations are scaled by the style before the convolution and by the
// demodulation after it, which is the same product; gains of activations are folded into constants (leaky ReLU is
// positively homogeneous), so no activation is multiplied only for a gain.
// Source: Karras et al. 2020 (arXiv 1912.04958), section 2; names and index order of docs/packs.md.
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph, ImageLayout, NodeId, Shape } from "../graph/graph.js";
import { optimize } from "../passes/optimize.js";
import type { NoiseMode } from "../plan.js";
import type { Tensor } from "../weights.js";
import { InternalError } from "../../source/internal-error.js";
import type { ModelInfo } from "../attribute.js";
import type { ConvWeights, ModulatedWeights, SynthesisWeights } from "../synthesis-weights.js";

export interface SynthesisOptions {
  /** Samples in one run of the graph. */
  readonly rows: number;
  /** Layout of the activations and of `image`: what the engine asks for. */
  readonly layout: ImageLayout;
  /** The noise buffers of the checkpoint; inputs `noise{i}` (`noiseLayers` lists them); or none. */
  readonly noise: NoiseMode;
}

/**
 * What one step of red, of green and of blue counts in a pixel of a tile: a pixel is one whole number below 2^24, which a float32 holds exactly.
 * So four bytes a pixel come back from a device, and not twelve.
 */
export const PIXEL_UNITS = [65536, 256, 1] as const;

/**
 * The synthesis as runs want it, optimized: input `ws` (and noise, where it is random), output `pixels` alone. Shapes as buildSynthesis.
 */
export function compileSynthesis(model: SynthesisModel, options: SynthesisOptions): Graph {
  const graph = buildSynthesis(model, options);
  return optimize({ ...graph, outputs: graph.outputs.filter((o) => o.name === "pixels") });
}

/** A model as far as its synthesis goes. */
export interface SynthesisModel {
  readonly info: Pick<ModelInfo, "name" | "numWs">;
  readonly synthesis?: SynthesisWeights | undefined;
}

const SLOPE = 0.2;
/** Of the activation, which keeps the power of its input. */
const ACTIVATION_GAIN = Math.SQRT2;
const EPSILON = 1e-8;

/**
 * The synthesis network for a tile of `rows` samples.
 *
 * Shapes   input `ws` [rows, numWs, wDim]. Outputs `image` [rows, 3, R, R] (nchw) or [rows, R, R, 3] (nhwc), nominally in [-1, 1];
 *          `pixels` [rows, R, R]: floor(clip(127.5 image + 128, 0, 255)) of red, green and blue in one number (`PIXEL_UNITS`).
 */
export function buildSynthesis(model: SynthesisModel, options: SynthesisOptions): Graph {
  if (model.synthesis === undefined) throw new InternalError(`${model.info.name} has a decoder, not a synthesis`);
  return new SynthesisBuilder(model.synthesis, model.info.numWs, options).build();
}

/**
 * The layers that take noise: i counts convolutions, as w indices do. With noise "random" the graph has for each an input
 * `noise{i}`: standard normal numbers of shape [rows, 1, R, R] (nchw) or [rows, R, R, 1] (nhwc), which are the same in memory.
 */
export function noiseLayers({
  first,
  later,
}: SynthesisWeights): readonly { readonly index: number; readonly resolution: number }[] {
  const convs = [
    { conv: first.conv1, resolution: 4 },
    ...later.flatMap(({ conv0, conv1, resolution }) => [conv0, conv1].map((conv) => ({ conv, resolution }))),
  ];
  return convs.flatMap(({ conv, resolution }, index) => (conv.noise === undefined ? [] : [{ index, resolution }]));
}

/**
 * One style for all layers: w [rows, wDim] -> ws [rows, numWs, wDim].
 * Owns   the result.
 */
export function repeatStyles(w: Float32Array, rows: number, numWs: number): Float32Array {
  const wDim = w.length / rows;
  const ws = new Float32Array(rows * numWs * wDim);
  for (let row = 0; row < rows; row++) {
    const style = w.subarray(row * wDim, (row + 1) * wDim);
    for (let i = 0; i < numWs; i++) ws.set(style, (row * numWs + i) * wDim);
  }
  return ws;
}

class SynthesisBuilder {
  private readonly g = new GraphBuilder();
  private readonly ws: NodeId;
  /** Taps that sum to 1, so that the gain of a filter is written out. */
  private readonly taps: readonly number[];

  constructor(
    private readonly weights: SynthesisWeights,
    numWs: number,
    private readonly options: SynthesisOptions,
  ) {
    this.ws = this.g.input("ws", [options.rows, numWs, weights.wDim]);
    const sum = weights.firKernel.reduce((a, b) => a + b, 0);
    this.taps = weights.firKernel.map((t) => t / sum);
  }

  build(): Graph {
    const { g } = this;
    const { first, later } = this.weights;
    const constant = g.constant(this.image(first.constant), this.imageShape(1, first.constant.shape[0] ?? 0, 4));
    let x = this.conv(constant, first.conv1, 0, 4);
    let image = first.toRgb && this.toRgb(x, first.toRgb, 1, 4);
    let index = 1;
    for (const { conv0, conv1, skip, toRgb, resolution } of later) {
      // In style resnet both paths are scaled to half their power, so that the sum keeps it.
      const gain = skip === undefined ? 1 : Math.SQRT1_2;
      const y = this.conv(this.conv(x, conv0, index, resolution, { up: true }), conv1, index + 1, resolution, { gain });
      x = skip === undefined ? y : g.add(this.skip(x, skip, gain), y);
      index += 2;
      if (toRgb === undefined) continue;
      const rgb = this.toRgb(x, toRgb, index, resolution);
      image = image === undefined ? rgb : g.add(this.upsample(image), rgb);
    }
    if (image === undefined) throw new InternalError("a synthesis without an RGB layer");
    const colours = g.floor(g.clip(g.add(g.mul(image, scalar(127.5)), scalar(128)), 0, 255));
    const units = g.constant(Float64Array.from(PIXEL_UNITS), this.imageShape(1, 3, 1));
    const pixels = g.sum(g.mul(colours, units), [this.options.layout === "nhwc" ? 3 : 1]);
    return g.finish({ outputs: { image, pixels } });
  }

  /** Modulated, demodulated 3x3 convolution with noise, bias and activation; `up` doubles the resolution first. */
  private conv(
    x: NodeId,
    layer: ConvWeights,
    index: number,
    resolution: number,
    { up = false, gain = 1 }: { readonly up?: boolean; readonly gain?: number } = {},
  ): NodeId {
    const { g, options } = this;
    const { layout } = options;
    const { clamp } = this.weights;
    const outGain = ACTIVATION_GAIN * gain;
    const style = this.style(layer, index);
    const scaled = g.mul(x, this.perChannel(style));
    const y = up
      ? this.filter(g.convTranspose2d(scaled, this.constant(swapChannels(layer.weight)), { stride: 2, layout }))
      : g.conv2d(scaled, this.constant(layer.weight), { pad: 1, layout });
    const power = g.matmul(g.square(style), this.constant(kernelPower(layer.weight)));
    const demodulation = g.mul(g.rsqrt(g.add(power, scalar(EPSILON))), scalar(outGain));
    let z = g.mul(y, this.perChannel(demodulation));
    if (layer.noise !== undefined && options.noise === "const") {
      const noise = scaledBy(layer.noise.constant, layer.noise.strength * outGain);
      z = g.add(z, g.constant(noise.data, this.imageShape(1, 1, resolution)));
    } else if (layer.noise !== undefined && options.noise === "random") {
      const fresh = g.input(`noise${index}`, this.imageShape(options.rows, 1, resolution));
      z = g.add(z, g.mul(fresh, scalar(layer.noise.strength * outGain)));
    }
    const y1 = g.leakyRelu(g.add(z, this.channelConstant(scaledBy(layer.bias, outGain))), SLOPE);
    return clamp === undefined ? y1 : g.clip(y1, -clamp * gain, clamp * gain);
  }

  /** Modulated 1x1 convolution to RGB, without demodulation: 3 x C weights a sample are cheaper to make than to scale x. */
  private toRgb(x: NodeId, layer: ModulatedWeights, index: number, resolution: number): NodeId {
    const { g, options } = this;
    const { rows, layout } = options;
    const [colours = 3, inputs = 1] = layer.weight.shape;
    const pixels = resolution * resolution;
    const style = this.style(layer, index, 1 / Math.sqrt(inputs));
    let y: NodeId;
    if (layout === "nchw") {
      const weight = g.mul(g.constant(layer.weight.data, [colours, inputs]), g.reshape(style, [rows, 1, inputs]));
      y = g.matmul(weight, g.reshape(x, [rows, inputs, pixels]));
    } else {
      const weight = g.mul(
        g.constant(swapChannels(layer.weight).data, [inputs, colours]),
        g.reshape(style, [rows, inputs, 1]),
      );
      y = g.matmul(g.reshape(x, [rows, pixels, inputs]), weight);
    }
    const rgb = g.add(g.reshape(y, this.imageShape(rows, colours, resolution)), this.channelConstant(layer.bias));
    const { clamp } = this.weights;
    return clamp === undefined ? rgb : g.clip(rgb, -clamp, clamp);
  }

  /** Upsampled 1x1 convolution past a block (style resnet). The filter comes last, where there are fewest channels. */
  private skip(x: NodeId, weight: Tensor, gain: number): NodeId {
    const scaled = scaledBy(weight, gain / Math.sqrt(weight.shape[1] ?? 1));
    return this.upsample(this.g.conv2d(x, this.constant(scaled), { layout: this.options.layout }));
  }

  /** The style of a layer: [rows, inputs] = (affineWeight / sqrt(wDim) w + affineBias) * gain. */
  private style(layer: ModulatedWeights, index: number, gain = 1): NodeId {
    const { g } = this;
    const { wDim } = this.weights;
    const w = g.reshape(g.slice(this.ws, [0, index, 0], [this.options.rows, 1, wDim]), [this.options.rows, wDim]);
    const weight = this.constant(transposed(scaledBy(layer.affineWeight, gain / Math.sqrt(wDim))));
    return g.add(g.matmul(w, weight), this.constant(scaledBy(layer.affineBias, gain)));
  }

  /** FIR filter behind a transposed convolution of stride 2: [.., 2 n + 1, ..] -> [.., 2 n, ..]. */
  private filter(x: NodeId): NodeId {
    const [before, after] = [Math.floor((this.taps.length + 1) / 2) - 1, Math.floor((this.taps.length - 2) / 2)];
    return this.g.upfirdn2d(x, {
      kernel: this.taps,
      gain: 4,
      pads: [before, after, before, after],
      layout: this.options.layout,
    });
  }

  /** Twice the resolution. */
  private upsample(x: NodeId): NodeId {
    const [before, after] = [Math.floor((this.taps.length + 1) / 2), Math.floor((this.taps.length - 2) / 2)];
    return this.g.upfirdn2d(x, {
      kernel: this.taps,
      gain: 4,
      up: 2,
      pads: [before, after, before, after],
      layout: this.options.layout,
    });
  }

  private constant(tensor: Tensor): NodeId {
    return this.g.constant(tensor.data, tensor.shape);
  }
  private imageShape(rows: number, channels: number, resolution: number): Shape {
    return this.options.layout === "nchw"
      ? [rows, channels, resolution, resolution]
      : [rows, resolution, resolution, channels];
  }
  /** [rows, C] as a factor of an image. */
  private perChannel(x: NodeId): NodeId {
    const channels = this.g.shape(x)[1] ?? 1;
    return this.g.reshape(
      x,
      this.options.layout === "nchw" ? [this.options.rows, channels, 1, 1] : [this.options.rows, 1, 1, channels],
    );
  }
  /** [C] as a term of an image. */
  private channelConstant(x: Tensor): NodeId {
    return this.g.constant(x.data, this.options.layout === "nchw" ? [1, x.data.length, 1, 1] : [x.data.length]);
  }
  /** A [C, n, n] tensor in the layout of the graph. */
  private image(x: Tensor): Float32Array {
    if (this.options.layout === "nchw") return x.data;
    const channels = x.shape[0] ?? 1;
    return transposed({ shape: [channels, x.data.length / channels], data: x.data }).data;
  }
}

function scaledBy(x: Tensor, gain: number): Tensor {
  return gain === 1 ? x : { shape: x.shape, data: x.data.map((v) => v * gain) };
}

/** [a, b] -> [b, a] */
function transposed(x: Tensor): Tensor {
  const [a = 1, b = 1] = x.shape;
  const data = new Float32Array(x.data.length);
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) data[j * a + i] = x.data[i * b + j] ?? NaN;
  return { shape: [b, a], data };
}

/** [out, in, k, k] -> [in, out, k, k], the order of a transposed convolution. */
function swapChannels(x: Tensor): Tensor {
  const [a = 1, b = 1, kh = 1, kw = 1] = x.shape;
  const data = new Float32Array(x.data.length);
  const k = kh * kw;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++) data.set(x.data.subarray((i * b + j) * k, (i * b + j + 1) * k), (j * a + i) * k);
  return { shape: [b, a, kh, kw], data };
}

/** Sum of squares over the kernel, [out, in, k, k] -> [in, out]: style^2 times this is the power that demodulation divides by. */
function kernelPower(x: Tensor): Tensor {
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
