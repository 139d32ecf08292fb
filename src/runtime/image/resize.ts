// Pictures at another size: linear resampling, which widens where it shrinks, so that every pixel counts.
// In: an RgbImage, or a part of one. Out: floats in the range of bytes, for whoever rounds or normalises them.
import { resamplingTaps } from "../../compiler/build/resample.js";
import type { RgbImage } from "./rgb.js";

/** A rectangle of a picture, in pixels. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture at another size. `crop`: the part of it that is taken; default: all.
 *
 * Shapes   [height, width, 3] -> [newHeight, newWidth, 3], in [0, 255].
 */
export function resize(
  image: RgbImage,
  newWidth: number,
  newHeight: number,
  crop: Crop = { left: 0, top: 0, width: image.width, height: image.height },
): Float32Array {
  const { left, top, width, height } = crop;
  const columns = resamplingTaps(width, newWidth);
  const rows = resamplingTaps(height, newHeight);
  const narrow = new Float32Array(height * newWidth * 3);
  for (let y = 0; y < height; y++) {
    const start = (top + y) * image.width + left;
    columns.forEach(({ from, weights }, x) => {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        weights.forEach((weight, k) => (sum += weight * (image.data[(start + from + k) * 3 + c] ?? 0)));
        narrow[(y * newWidth + x) * 3 + c] = sum;
      }
    });
  }
  const out = new Float32Array(newHeight * newWidth * 3);
  rows.forEach(({ from, weights }, y) => {
    for (let i = 0; i < newWidth * 3; i++) {
      let sum = 0;
      weights.forEach((weight, k) => (sum += weight * (narrow[(from + k) * newWidth * 3 + i] ?? 0)));
      out[y * newWidth * 3 + i] = sum;
    }
  });
  return out;
}

/** Floats as bytes: rounded, cut off at both ends. */
export function toBytes(values: Float32Array): Uint8Array {
  return Uint8Array.from(values, (v) => Math.min(255, Math.max(0, Math.round(v))));
}
