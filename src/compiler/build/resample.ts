// Pictures of another size inside graphs: linear resampling, which is two products with matrices that are known.
// In: an image [rows, C, H, W]. Out: [rows, C, h, w]. Where it shrinks, the filter widens so that every pixel counts.
import type { GraphBuilder } from "../graph/builder.js";
import type { NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";

/** Which positions of a line of `size` numbers one of `newSize` numbers is the weighted mean of, for each: positions from `from` on. */
export function resamplingTaps(
  size: number,
  newSize: number,
): readonly { readonly from: number; readonly weights: readonly number[] }[] {
  const ratio = size / newSize;
  const reach = Math.max(ratio, 1);
  return Array.from({ length: newSize }, (_, i) => {
    const centre = (i + 0.5) * ratio - 0.5;
    const from = Math.max(0, Math.ceil(centre - reach));
    const to = Math.min(size - 1, Math.floor(centre + reach));
    const raw = Array.from({ length: to - from + 1 }, (_unused, k) =>
      Math.max(0, 1 - Math.abs(from + k - centre) / reach),
    );
    const sum = raw.reduce((a, b) => a + b, 0);
    return { from, weights: raw.map((w) => w / sum) };
  });
}

/** An image [rows, C, H, W] at another size. */
export function buildResampled(b: GraphBuilder, image: NodeId, height: number, width: number): NodeId {
  const shape = b.shape(image);
  const [oldHeight, oldWidth] = [at(shape, 2), at(shape, 3)];
  let x = image;
  if (oldWidth !== width) x = b.matmul(x, b.constant(matrix(oldWidth, width), [oldWidth, width]));
  if (oldHeight === height) return x;
  const turned = b.transpose(x, [0, 1, 3, 2]);
  return b.transpose(b.matmul(turned, b.constant(matrix(oldHeight, height), [oldHeight, height])), [0, 1, 3, 2]);
}

/** [size, newSize] */
function matrix(size: number, newSize: number): Float32Array {
  const data = new Float32Array(size * newSize);
  resamplingTaps(size, newSize).forEach(({ from, weights }, i) => {
    weights.forEach((w, k) => (data[(from + k) * newSize + i] = w));
  });
  return data;
}
