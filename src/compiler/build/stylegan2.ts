// Image synthesis of StyleGAN2 as a graph: styles w, one a layer, -> images.
// In: weights, a tile of rows. Out: the node of the image. Noise images may be inputs of the graph.
// Invariants: no weight is made for a sample: activations are scaled by the style before the convolution and by the
// demodulation after it, which is the same product; gains of activations are folded into constants (leaky ReLU is
// positively homogeneous), so no activation is multiplied only for a gain.
// Source: Karras et al. 2020 (arXiv 1912.04958), section 2; names and index order of docs/packs.md.
import { InternalError } from "../../source/internal-error.js";
import { scalar } from "../graph/builder.js";
import type { NodeId, Shape } from "../graph/graph.js";
import type { NoiseMode } from "../plan.js";
import type { ConvWeights, ModulatedWeights, Stylegan2Weights } from "../synthesis-weights.js";
import type { Tensor } from "../weights.js";
import { kernelPower, scaledBy, swapChannels, type ImageParts } from "./image-parts.js";

const SLOPE = 0.2;
/** Of the activation, which keeps the power of its input. */
const ACTIVATION_GAIN = Math.SQRT2;
const EPSILON = 1e-8;

/** Rows and columns of the block that is called after a resolution: those of a constant 4x4, or as much larger as it is. */
export function blockSize({ first }: Stylegan2Weights, resolution: number): readonly [number, number] {
  const [, height = 4, width = 4] = first.constant.shape;
  return [(height * resolution) / 4, (width * resolution) / 4];
}

/**
 * The layers that take noise: i counts convolutions, as w indices do. With noise "random" the graph has for each an input
 * `noise{i}`: standard normal numbers of shape [rows, 1, H, W] (nchw) or [rows, H, W, 1] (nhwc), which are the same in memory.
 */
export function noiseLayersOf(
  weights: Stylegan2Weights,
): readonly { readonly index: number; readonly height: number; readonly width: number }[] {
  const { first, later } = weights;
  const convs = [
    { conv: first.conv1, resolution: 4 },
    ...later.flatMap(({ conv0, conv1, resolution }) => [conv0, conv1].map((conv) => ({ conv, resolution }))),
  ];
  return convs.flatMap(({ conv, resolution }, index) => {
    const [height, width] = blockSize(weights, resolution);
    return conv.noise === undefined ? [] : [{ index, height, width }];
  });
}

/** The image of styles `ws` [rows, numWs, wDim], nominally in [-1, 1]. With `upTo` a smaller one, of the blocks up to that resolution. */
export function buildStylegan2(
  parts: ImageParts,
  ws: NodeId,
  weights: Stylegan2Weights,
  noise: NoiseMode,
  upTo = Infinity,
): NodeId {
  return new Builder(parts, ws, stoppedAt(weights, upTo), noise).build();
}

/** Whether smaller pictures of it are had for less: each of its blocks paints. */
export function paintsEarly({ first, later }: Stylegan2Weights): boolean {
  return first.toRgb !== undefined && later.every((block) => block.toRgb !== undefined);
}

/** The generator without its blocks beyond a resolution; the whole one where its images come from the last block alone. */
function stoppedAt(weights: Stylegan2Weights, upTo: number): Stylegan2Weights {
  const later = weights.later.filter((block) => block.resolution <= upTo);
  const paints = weights.first.toRgb !== undefined || later.some((block) => block.toRgb !== undefined);
  return paints ? { ...weights, later } : weights;
}

class Builder {
  /** Taps that sum to 1, so that the gain of a filter is written out. */
  private readonly taps: readonly number[];

  constructor(
    private readonly parts: ImageParts,
    private readonly ws: NodeId,
    private readonly weights: Stylegan2Weights,
    private readonly noise: NoiseMode,
  ) {
    const sum = weights.firKernel.reduce((a, b) => a + b, 0);
    this.taps = weights.firKernel.map((t) => t / sum);
  }

  build(): NodeId {
    const { g } = this.parts;
    const { first, later } = this.weights;
    let x = this.conv(this.parts.constantImage(first.constant), first.conv1, 0, 4);
    let image = first.toRgb && this.toRgb(x, first.toRgb, 1);
    let index = 1;
    for (const { conv0, conv1, skip, toRgb, resolution } of later) {
      // In style resnet both paths are scaled to half their power, so that the sum keeps it.
      const gain = skip === undefined ? 1 : Math.SQRT1_2;
      const y = this.conv(this.conv(x, conv0, index, resolution, { up: true }), conv1, index + 1, resolution, { gain });
      x = skip === undefined ? y : g.add(this.skip(x, skip, gain), y);
      index += 2;
      if (toRgb === undefined) continue;
      const rgb = this.toRgb(x, toRgb, index);
      image = image === undefined ? rgb : g.add(this.upsample(image), rgb);
    }
    if (image === undefined) throw new InternalError("a synthesis without an RGB layer");
    return image;
  }

  /** Modulated, demodulated 3x3 convolution with noise, bias and activation; `up` doubles the resolution first. */
  private conv(
    x: NodeId,
    layer: ConvWeights,
    index: number,
    resolution: number,
    { up = false, gain = 1 }: { readonly up?: boolean; readonly gain?: number } = {},
  ): NodeId {
    const { parts } = this;
    const { g, layout } = parts;
    const { clamp } = this.weights;
    const outGain = ACTIVATION_GAIN * gain;
    const style = parts.style(this.ws, index, layer);
    const scaled = g.mul(x, parts.perChannel(style));
    const y = up
      ? this.filter(g.convTranspose2d(scaled, parts.constant(swapChannels(layer.weight)), { stride: 2, layout }))
      : g.conv2d(scaled, parts.constant(layer.weight), { pad: 1, layout });
    const power = g.matmul(g.square(style), parts.constant(kernelPower(layer.weight)));
    const demodulation = g.mul(g.rsqrt(g.add(power, scalar(EPSILON))), scalar(outGain));
    let z = g.mul(y, parts.perChannel(demodulation));
    if (layer.noise !== undefined && this.noise === "const") {
      const noise = scaledBy(layer.noise.constant, layer.noise.strength * outGain);
      z = g.add(z, g.constant(noise.data, this.noiseShape(1, resolution)));
    } else if (layer.noise !== undefined && this.noise === "random") {
      const fresh = g.input(`noise${index}`, this.noiseShape(parts.rows, resolution));
      z = g.add(z, g.mul(fresh, scalar(layer.noise.strength * outGain)));
    }
    const y1 = g.leakyRelu(g.add(z, parts.channelConstant(layer.bias, outGain)), SLOPE);
    return clamp === undefined ? y1 : g.clip(y1, -clamp * gain, clamp * gain);
  }

  /** Modulated 1x1 convolution to RGB, without demodulation. */
  private toRgb(x: NodeId, layer: ModulatedWeights, index: number): NodeId {
    const { parts } = this;
    const { g } = parts;
    const style = parts.style(this.ws, index, layer, 1 / Math.sqrt(layer.weight.shape[1] ?? 1));
    const rgb = g.add(parts.colours(x, layer.weight, style), parts.channelConstant(layer.bias));
    const { clamp } = this.weights;
    return clamp === undefined ? rgb : g.clip(rgb, -clamp, clamp);
  }

  /** Upsampled 1x1 convolution past a block (style resnet). The filter comes last, where there are fewest channels. */
  private skip(x: NodeId, weight: Tensor, gain: number): NodeId {
    const scaled = scaledBy(weight, gain / Math.sqrt(weight.shape[1] ?? 1));
    const { g, layout } = this.parts;
    return this.upsample(g.conv2d(x, this.parts.constant(scaled), { layout }));
  }

  /** FIR filter behind a transposed convolution of stride 2: [.., 2 n + 1, ..] -> [.., 2 n, ..]. */
  private filter(x: NodeId): NodeId {
    const [before, after] = [Math.floor((this.taps.length + 1) / 2) - 1, Math.floor((this.taps.length - 2) / 2)];
    const { g, layout } = this.parts;
    return g.upfirdn2d(x, { kernel: this.taps, gain: 4, pads: [before, after, before, after], layout });
  }

  /** Twice the resolution. */
  private upsample(x: NodeId): NodeId {
    const [before, after] = [Math.floor((this.taps.length + 1) / 2), Math.floor((this.taps.length - 2) / 2)];
    const { g, layout } = this.parts;
    return g.upfirdn2d(x, { kernel: this.taps, gain: 4, up: 2, pads: [before, after, before, after], layout });
  }

  private noiseShape(rows: number, resolution: number): Shape {
    const [height, width] = blockSize(this.weights, resolution);
    return this.parts.shape(rows, 1, height, width);
  }
}
