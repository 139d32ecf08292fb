// Pictures as numbers that graphs compare: planes of colours from -1 to 1, at any size.
// In: bytes. Out: [3, height, width]. Invariant: a size is reached as the graphs of compiler/build/resample.ts reach it.
import { resamplingTaps } from "../../compiler/build/resample.js";
import type { RgbImage } from "../image/rgb.js";

/** A picture as [3, height, width] in [-1, 1]: bytes as the synthesis rounds them (floor(127.5 x + 128)). */
export function floatsOf({ width, height, data }: RgbImage): Float32Array {
  const size = width * height;
  const out = new Float32Array(3 * size);
  for (let p = 0; p < size; p++)
    for (let c = 0; c < 3; c++) out[c * size + p] = ((data[p * 3 + c] ?? 0) - 127.5) / 127.5;
  return out;
}

/** Pictures [n, 3, height, width] in [-1, 1] as bytes: what floatsOf undoes. */
export function imagesFromFloats(floats: Float32Array, [width, height]: readonly [number, number]): RgbImage[] {
  const size = width * height;
  return Array.from({ length: floats.length / (3 * size) }, (_, k) => {
    const data = new Uint8Array(3 * size);
    for (let p = 0; p < size; p++)
      for (let c = 0; c < 3; c++) {
        const value = Math.floor(127.5 * (floats[(3 * k + c) * size + p] ?? 0) + 128);
        data[p * 3 + c] = Math.min(255, Math.max(0, value));
      }
    return { width, height, data };
  });
}

/** [3, height, width] at another size, step by step down by halves as the graph has it. */
export function resampled(
  image: Float32Array,
  [width, height]: readonly [number, number],
  [newWidth, newHeight]: readonly [number, number],
): Float32Array {
  if (width === newWidth && height === newHeight) return image;
  const [columns, rows] = [resamplingTaps(width, newWidth), resamplingTaps(height, newHeight)];
  const out = new Float32Array(3 * newWidth * newHeight);
  for (let c = 0; c < 3; c++)
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        let sum = 0;
        row.weights.forEach((a, j) => {
          column.weights.forEach((b, i) => {
            sum += a * b * (image[(c * height + row.from + j) * width + column.from + i] ?? 0);
          });
        });
        out[(c * newHeight + y) * newWidth + x] = sum;
      });
    });
  return out;
}
