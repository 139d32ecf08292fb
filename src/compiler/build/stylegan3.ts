// Image synthesis of StyleGAN3 as a graph: styles w, one for the input and one a layer, and a transform -> images.
// In: weights, a tile of rows. Out: the node of the image; the graph gets an input `transform`.
// Invariants: as in stylegan2.ts no weight is made for a sample; a style is normalised by its own mean square, where the published code takes one over all
// samples of a batch (demodulation cancels either, but for an epsilon), so that an image does not depend on its batch. Large images are drawn in
// bands of rows (row-bands.ts), so that no activation of the last layers is ever whole; the values are the same.
// Source: Karras et al. 2021 (arXiv 2106.12423), sections 3 and F; names of docs/packs.md.
import { scalar } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import type { FilteredLayer, FourierInput, Stylegan3Weights } from "../synthesis-weights.js";
import type { Tensor } from "../weights.js";
import { at } from "../graph/shape.js";
import { filteredRelu } from "./filtered-relu.js";
import { kernelPower, scaledBy, transposed, type ImageParts } from "./image-parts.js";
import { planBands, raisedPixels, sizeAfter, type Band, type BandStep } from "./row-bands.js";

const SLOPE = 0.2;
const ACTIVATION_GAIN = Math.SQRT2;
const EPSILON = 1e-8;
/** Pixels of the raised image of a band; the last layers are drawn in bands from the first on whose raised image has more than twice as many. */
const BAND_PIXELS = 1 << 20;

/**
 * The image of styles `ws` [rows, numWs, wDim], nominally in [-1, 1].
 *
 * Shapes   the graph gets an input `transform` [rows, 3, 3], homogeneous: it takes points of the image, from -1/2 to 1/2, to those of the picture that they
 *          show, and so is the inverse of how the picture moves. Its last row counts as (0, 0, 1).
 */
export function buildStylegan3(
  parts: ImageParts,
  ws: NodeId,
  weights: Stylegan3Weights,
  bandPixels = BAND_PIXELS,
): NodeId {
  const { g } = parts;
  const { input, layers, clamp, outputScale } = weights;
  const features = fourierFeatures(parts, ws, g.input("transform", [parts.rows, 3, 3]), input);
  const applied = layers.map((layer, i) => (layer.toRgb ? toRgb : filtered)(parts, ws, i + 1, layer, clamp));
  const { first, bands } = tailInBands(input.size, layers, bandPixels);
  const x = applied.slice(0, first).reduce((image, layer) => layer(image), features);
  const tail = applied.slice(first);
  const drawn = bands.map((band) =>
    tail.reduce((rows, layer, i) => layer(rows, at(band, i).pads), rowsOf(parts, x, at(band, 0))),
  );
  const image = bands.length === 0 ? x : g.concat(drawn, parts.layout === "nchw" ? 2 : 1);
  return outputScale === 1 ? image : g.mul(image, scalar(outputScale));
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

/** The layers from `first` on, whose images are the largest, and their bands; none where no image is so large. */
function tailInBands(
  size: readonly [number, number],
  layers: readonly FilteredLayer[],
  bandPixels: number,
): { readonly first: number; readonly bands: readonly Band[] } {
  const sizes = layers.reduce<readonly (readonly [number, number])[]>(
    (list, layer) => [...list, sizeAfter(layer, at(list, -1))],
    [size],
  );
  const raised = layers.map((layer, i) => raisedPixels(layer, at(sizes, i)));
  const first = raised.findIndex((pixels) => pixels > 2 * bandPixels);
  if (first === -1) return { first: layers.length, bands: [] };
  const count = Math.round(Math.max(...raised.slice(first)) / bandPixels);
  return { first, bands: planBands(layers.slice(first), at(sizes, first)[1], count) };
}

/** A layer with its constants in the graph: what it makes of an image, or of a band of its rows, whose pads those of a step are. */
type Layer = (x: NodeId, rowPads?: BandStep["pads"]) => NodeId;

/** Modulated and demodulated convolution, then bias and leaky ReLU between filters. */
function filtered(
  parts: ImageParts,
  ws: NodeId,
  index: number,
  layer: FilteredLayer,
  clamp: number | undefined,
): Layer {
  const { g, layout } = parts;
  const weight = normalized(layer.weight);
  const raw = parts.style(ws, index, layer);
  const style = g.mul(raw, g.rsqrt(g.mean(g.square(raw), [1], true)));
  const factor = parts.perChannel(style);
  const pad = (weight.shape[2] ?? 1) - 1;
  const kernel = parts.constant(weight);
  const power = g.matmul(g.square(style), parts.constant(kernelPower(weight)));
  const demodulation = parts.perChannel(
    g.mul(g.rsqrt(g.add(power, scalar(EPSILON))), scalar(1 / Math.sqrt(layer.magnitude))),
  );
  const bias = parts.channelConstant(layer.bias);
  const [left, right, top, bottom] = layer.pads;
  return (x, rowPads = [top, bottom]) => {
    const y = g.conv2d(g.mul(x, factor), kernel, { pad, layout });
    const biased = g.add(g.mul(y, demodulation), bias);
    const pads = [left, right, ...rowPads] as const;
    return filteredRelu(parts, biased, { ...layer, pads, slope: SLOPE, gain: ACTIVATION_GAIN, clamp });
  };
}

/** Modulated 1x1 convolution to colours: neither demodulation nor leaky ReLU nor filters. */
function toRgb(parts: ImageParts, ws: NodeId, index: number, layer: FilteredLayer, clamp: number | undefined): Layer {
  const { g } = parts;
  const inputs = layer.weight.shape[1] ?? 1;
  const style = parts.style(ws, index, layer, 1 / Math.sqrt(inputs * layer.magnitude));
  const bias = parts.channelConstant(layer.bias);
  return (x) => {
    const y = g.add(parts.colours(x, layer.weight, style), bias);
    return clamp === undefined ? y : g.clip(y, -clamp, clamp);
  };
}

/** The rows of an image that a step reads. */
function rowsOf({ g, layout }: ImageParts, x: NodeId, { from, to }: BandStep): NodeId {
  return g.sliceAxis(x, layout === "nchw" ? 2 : 1, from, to - from);
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
