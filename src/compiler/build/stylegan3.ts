// Image synthesis of StyleGAN3 as a graph: styles w, one for the input and one a layer, and a transform -> images.
// In: weights, a tile of rows. Out: the node of the image; the graph gets an input `transform`.
// Invariants: as in stylegan2.ts no weight is made for a sample; a style is normalised by its own mean square, where the published code takes one over all
// samples of a batch (demodulation cancels either, but for an epsilon), so that an image does not depend on its batch.
// Source: Karras et al. 2021 (arXiv 2106.12423), sections 3 and F; names of docs/packs.md.
import { scalar } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import type { FilteredLayer, FourierInput, Stylegan3Weights } from "../synthesis-weights.js";
import type { Tensor } from "../weights.js";
import { filteredRelu } from "./filtered-relu.js";
import { kernelPower, scaledBy, transposed, type ImageParts } from "./image-parts.js";

const SLOPE = 0.2;
const ACTIVATION_GAIN = Math.SQRT2;
const EPSILON = 1e-8;

/**
 * The image of styles `ws` [rows, numWs, wDim], nominally in [-1, 1].
 *
 * Shapes   the graph gets an input `transform` [rows, 3, 3], homogeneous: it takes points of the image, from -1/2 to 1/2, to those of the picture that they
 *          show, and so is the inverse of how the picture moves. Its last row counts as (0, 0, 1).
 */
export function buildStylegan3(parts: ImageParts, ws: NodeId, weights: Stylegan3Weights): NodeId {
  const { g } = parts;
  const { input, layers, clamp, outputScale } = weights;
  let x = fourierFeatures(parts, ws, g.input("transform", [parts.rows, 3, 3]), input);
  layers.forEach((layer, i) => {
    x = layer.toRgb ? toRgb(parts, x, ws, i + 1, layer, clamp) : filtered(parts, x, ws, i + 1, layer, clamp);
  });
  return outputScale === 1 ? x : g.mul(x, scalar(outputScale));
}

/**
 * Sines of random frequencies at the points of a grid, mixed into channels.
 *
 *   (r, t) = style / |r|; p' = R(r) (T(t) (transform p)), R a rotation by the angle of r, T a shift by -t
 *   x_c(p) = amplitude_c sin(2 pi (f_c p' + phase_c)), amplitude falling from 1 to 0 between the bandwidth and half the sampling rate of |f'|
 */
function fourierFeatures(parts: ImageParts, ws: NodeId, transform: NodeId, input: FourierInput): NodeId {
  const { g, rows, layout } = parts;
  const { size, samplingRate, bandwidth, frequencies, phases, weight } = input;
  const channels = phases.data.length;
  const style = parts.style(ws, 0, input);
  const column = (x: NodeId, i: number): NodeId => g.reshape(g.sliceAxis(x, 1, i, 1), [rows, 1, 1]);
  const norm = g.rsqrt(g.sum(g.square(g.sliceAxis(style, 1, 0, 2)), [1], true));
  const unit = g.mul(style, norm);
  const [cos, sin, shiftX, shiftY] = [column(unit, 0), column(unit, 1), column(unit, 2), column(unit, 3)];
  const userLinear = g.slice(transform, [0, 0, 0], [rows, 2, 2]);
  const userShift = g.slice(transform, [0, 0, 2], [rows, 2, 1]);
  const rotation = g.concat([g.concat([cos, g.neg(sin)], 2), g.concat([sin, cos], 2)], 1);
  const linear = g.matmul(rotation, userLinear);
  const shift = g.matmul(rotation, g.sub(userShift, g.concat([shiftX, shiftY], 1)));
  const own = parts.constant(frequencies);
  // [rows, C, 2] and [rows, C, 1]
  const turned = g.matmul(own, linear);
  const phase = g.add(g.matmul(own, shift), g.constant(phases.data, [channels, 1]));
  const length = g.sqrt(g.sum(g.square(turned), [2], true));
  const fall = 1 / (samplingRate / 2 - bandwidth);
  const amplitude = g.clip(g.add(g.mul(length, scalar(-fall)), scalar(1 + bandwidth * fall)), 0, 1);
  const [width, height] = size;
  const points = g.constant(grid(size, samplingRate), [2, width * height]);
  const angle = g.mul(g.add(g.matmul(turned, points), phase), scalar(2 * Math.PI));
  const features = g.mul(g.sin(angle), amplitude);
  const mixed = scaledBy(weight, 1 / Math.sqrt(channels));
  if (layout === "nchw") return g.reshape(g.matmul(parts.constant(mixed), features), [rows, channels, height, width]);
  const lines = g.matmul(g.transpose(features, [0, 2, 1]), parts.constant(transposed(mixed)));
  return g.reshape(lines, [rows, height, width, channels]);
}

/** Points [2, H W] of a grid around 0, x then y, `samplingRate` a unit, row by row. */
function grid([width, height]: readonly [number, number], samplingRate: number): Float64Array {
  const points = new Float64Array(2 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      points[y * width + x] = (x + 0.5 - width / 2) / samplingRate;
      points[(height + y) * width + x] = (y + 0.5 - height / 2) / samplingRate;
    }
  }
  return points;
}

/** Modulated and demodulated convolution, then bias and leaky ReLU between filters. */
function filtered(
  parts: ImageParts,
  x: NodeId,
  ws: NodeId,
  index: number,
  layer: FilteredLayer,
  clamp: number | undefined,
): NodeId {
  const { g, layout } = parts;
  const weight = normalized(layer.weight);
  const raw = parts.style(ws, index, layer);
  const style = g.mul(raw, g.rsqrt(g.mean(g.square(raw), [1], true)));
  const pad = (weight.shape[2] ?? 1) - 1;
  const y = g.conv2d(g.mul(x, parts.perChannel(style)), parts.constant(weight), { pad, layout });
  const power = g.matmul(g.square(style), parts.constant(kernelPower(weight)));
  const demodulation = g.mul(g.rsqrt(g.add(power, scalar(EPSILON))), scalar(1 / Math.sqrt(layer.magnitude)));
  const biased = g.add(g.mul(y, parts.perChannel(demodulation)), parts.channelConstant(layer.bias));
  return filteredRelu(parts, biased, { ...layer, slope: SLOPE, gain: ACTIVATION_GAIN, clamp });
}

/** Modulated 1x1 convolution to colours: neither demodulation nor leaky ReLU nor filters. */
function toRgb(
  parts: ImageParts,
  x: NodeId,
  ws: NodeId,
  index: number,
  layer: FilteredLayer,
  clamp: number | undefined,
): NodeId {
  const { g } = parts;
  const inputs = layer.weight.shape[1] ?? 1;
  const style = parts.style(ws, index, layer, 1 / Math.sqrt(inputs * layer.magnitude));
  const y = g.add(parts.colours(x, layer.weight, style), parts.channelConstant(layer.bias));
  return clamp === undefined ? y : g.clip(y, -clamp, clamp);
}

/** Weights [out, in, k, k] whose mean square is 1 for each output. */
function normalized({ shape, data }: Tensor): Tensor {
  const [outputs = 1] = shape;
  const each = data.length / outputs;
  const result = new Float32Array(data.length);
  for (let o = 0; o < outputs; o++) {
    const own = data.subarray(o * each, (o + 1) * each);
    const scale = 1 / Math.sqrt(own.reduce((sum, v) => sum + v * v, 0) / each);
    own.forEach((v, i) => (result[o * each + i] = v * scale));
  }
  return { shape, data: result };
}
