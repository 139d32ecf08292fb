// Fast convolution: 3x3 convolutions of many channels become products of matrices that multiply a quarter as much.
// In: a graph whose images are nchw, for an engine whose matrix products are as fast as its convolutions (onnxruntime on CPUs).
// Out: an equal graph; the same object if no convolution is worth it.
// Invariants: values are kept up to rounding, about ten times that of the convolution itself; weights are transformed here, once.
//   A tile of 4x4 outputs takes 36 products of channels in place of 144. The transforms of a whole row or column of tiles are one
//   product with a constant matrix, so that no small operations are made; for large images such matrices cost more than is saved.
// Source: Winograd's minimal filtering F(4x4, 3x3) as in Lavin and Gray 2015 (arXiv 1509.09308), section 4.2.
import type { GraphBuilder } from "../graph/builder.js";
import type { Graph, NodeId, Shape } from "../graph/graph.js";
import { at, imageSizes } from "../graph/shape.js";
import { rewrite, type ConstantValue, type RewriteSite, ruleFor } from "./rewrite.js";

/** Outputs of a tile along one axis, and the inputs they see: the number of products. */
const TILE = 4;
const POINTS = 6;
/** Which convolutions gain. */
export interface Limits {
  /** Sides of the image. */
  readonly minSide: number;
  readonly maxSide: number;
  /** Input times output channels: with fewer, the transforms are not small beside the products. */
  readonly minPairs: number;
}
/** Measured: docs/performance.md. */
const MEASURED: Limits = { minSide: 32, maxSide: 128, minPairs: 128 * 128 };
/** Output pixels that one inverse transform makes along an axis. */
const BLOCK = 64;

/** 6 inputs -> 6 factors. */
const INPUT = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
/** 3 weights -> 6 factors, row by row. */
const TAPS = 3;
const KERNEL = Float64Array.of(
  ...[1 / 4, 0, 0],
  ...[-1 / 6, -1 / 6, -1 / 6],
  ...[-1 / 6, 1 / 6, -1 / 6],
  ...[1 / 24, 1 / 12, 1 / 6],
  ...[1 / 24, -1 / 12, 1 / 6],
  ...[0, 0, 1],
);
/** 6 products -> 4 outputs. */
const OUTPUT = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** Replaces the convolutions that gain. */
export function winograd(graph: Graph, limits: Limits = MEASURED): Graph {
  return rewrite(graph, [ruleFor(["conv2d"], (site) => convolution(site, limits))]);
}

function convolution(site: RewriteSite, limits: Limits): NodeId | undefined {
  const { op, inputs, shape } = site.node;
  if (op.kind !== "conv2d" || op.layout !== "nchw" || op.stride !== 1 || op.pad !== 1) return undefined;
  const [x, weight] = [at(inputs, 0), at(inputs, 1)];
  const kernel = site.constant(weight);
  if (kernel === undefined || !gains(kernel.shape, shape, limits)) return undefined;
  const { b } = site;
  let y = fastConvolution(b, site.new(x), kernel, shape);
  if (op.hasBias) {
    const bias = site.new(at(inputs, 2));
    y = b.add(y, b.reshape(bias, [1, imageSizes(shape, "nchw").channels, 1, 1]));
  }
  return op.activation === undefined ? y : b.leakyRelu(y, op.activation.slope, op.activation.gain);
}

function gains(kernel: Shape, image: Shape, { minSide, maxSide, minPairs }: Limits): boolean {
  const { height, width } = imageSizes(image, "nchw");
  const [outputs, inputs, kh, kw] = [at(kernel, 0), at(kernel, 1), at(kernel, 2), at(kernel, 3)];
  const fits = (side: number): boolean => side % TILE === 0 && side >= minSide && side <= maxSide;
  return kh === TAPS && kw === TAPS && fits(height) && fits(width) && outputs * inputs >= minPairs;
}

/** x [n, C, H, W] -> [n, O, H, W]. */
function fastConvolution(b: GraphBuilder, x: NodeId, kernel: ConstantValue, shape: Shape): NodeId {
  const { batch: n, channels: outputs, height, width } = imageSizes(shape, "nchw");
  const inputs = at(b.shape(x), 1);
  const [rows, columns] = [height / TILE, width / TILE];
  const along = b.matmul(x, b.constant(transposed(inputMatrix(width)), [width, POINTS * columns]));
  const both = b.matmul(b.constant(inputMatrix(height).flat(), [POINTS * rows, height]), along);
  const split = b.reshape(both, [n, inputs, POINTS, rows, POINTS, columns]);
  const factors = b.reshape(b.transpose(split, [2, 4, 1, 0, 3, 5]), [POINTS * POINTS, inputs, n * rows * columns]);
  const products = b.matmul(kernelFactors(b, kernel), factors);
  // Each block of an axis is transformed back by itself: the matrix is the same for all.
  const [high, wide] = [blockOf(height), blockOf(width)];
  const tiles = [POINTS, POINTS, outputs, n, height / high, high / TILE, width / wide, wide / TILE];
  const blocks = b.transpose(b.reshape(products, tiles), [3, 2, 4, 0, 5, 6, 1, 7]);
  const [tall, broad] = [(POINTS * high) / TILE, (POINTS * wide) / TILE];
  const upright = b.reshape(blocks, [n, outputs, height / high, tall, POINTS * columns]);
  const half = b.matmul(b.constant(outputMatrix(high).flat(), [high, tall]), upright);
  const flat = b.reshape(half, [n, outputs, height, width / wide, broad]);
  return b.reshape(b.matmul(flat, b.constant(transposed(outputMatrix(wide)), [broad, wide])), shape);
}

function blockOf(side: number): number {
  return side % BLOCK === 0 ? BLOCK : side;
}

/** Shape [36, O, C]: the weights at the points, first along columns, then along rows. */
function kernelFactors(b: GraphBuilder, { data, shape }: ConstantValue): NodeId {
  const pairs = at(shape, 0) * at(shape, 1);
  const factors = new Float32Array(POINTS * POINTS * pairs);
  const columns = new Float64Array(POINTS * TAPS);
  for (let pair = 0; pair < pairs; pair++) {
    for (let i = 0; i < POINTS; i++) {
      for (let x = 0; x < TAPS; x++) columns[i * TAPS + x] = dot(i, data, pair * TAPS * TAPS + x, TAPS);
    }
    for (let i = 0; i < POINTS; i++) {
      for (let j = 0; j < POINTS; j++) factors[(i * POINTS + j) * pairs + pair] = dot(j, columns, i * TAPS, 1);
    }
  }
  return b.constant(factors, [POINTS * POINTS, at(shape, 0), at(shape, 1)]);
}

/** Row `point` of KERNEL times three numbers of `data`. */
function dot(point: number, data: Float32Array | Float64Array, start: number, step: number): number {
  const k = point * TAPS;
  return (
    (KERNEL[k] ?? NaN) * (data[start] ?? NaN) +
    (KERNEL[k + 1] ?? NaN) * (data[start + step] ?? NaN) +
    (KERNEL[k + 2] ?? NaN) * (data[start + 2 * step] ?? NaN)
  );
}

/** Shape [6 T, side]: row (i, t) gives factor i of tile t, whose window begins one pixel before its outputs. */
function inputMatrix(side: number): number[][] {
  return INPUT.flatMap((factor) =>
    Array.from({ length: side / TILE }, (_, t) => {
      const row = new Array<number>(side).fill(0);
      factor.forEach((value, k) => {
        const pixel = t * TILE + k - 1;
        if (pixel >= 0 && pixel < side) row[pixel] = value;
      });
      return row;
    }),
  );
}

/** Shape [side, 6 T]: output k of tile t from the products (i, t). */
function outputMatrix(side: number): number[][] {
  const tiles = side / TILE;
  return Array.from({ length: side }, (_, pixel) => {
    const row = new Array<number>(POINTS * tiles).fill(0);
    at(OUTPUT, pixel % TILE).forEach((value, i) => (row[i * tiles + Math.floor(pixel / TILE)] = value));
    return row;
  });
}

/** The transpose of a matrix, row-major. */
function transposed(matrix: readonly (readonly number[])[]): number[] {
  return at(matrix, 0).flatMap((_, column) => matrix.map((row) => at(row, column)));
}
