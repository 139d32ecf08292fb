// Pictures as a classifier takes them: resized, normalised, channels in its order.
// In: 8-bit RGB images of any size, without alpha. Out: one float32 array. Invariants: an image of the size asked for is not resampled.
import type { PictureInput } from "../../compiler/picture-head.js";
import type { RgbImage } from "../../runtime/image/rgb.js";

export type InputFormat = Omit<PictureInput, "name">;

/** Mean and deviation that take [0, 1] to [low, high]. */
export function rangeNormalization([low, high]: readonly [number, number]): Pick<InputFormat, "mean" | "std"> {
  const std = 1 / (high - low);
  const mean = -low * std;
  return { mean: [mean, mean, mean], std: [std, std, std] };
}

/**
 * A batch of images.
 *
 * Shapes   n images -> [n, 3, size, size] or [n, size, size, 3].
 */
export function toBatch(images: readonly RgbImage[], format: InputFormat): Float32Array {
  const { size, layout, channels, mean, std } = format;
  const pixels = size * size;
  const batch = new Float32Array(images.length * 3 * pixels);
  images.forEach((image, n) => {
    const data = image.width === size && image.height === size ? image.data : resize(image, size, size);
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === "rgb" ? colour : 2 - colour;
      const scale = 1 / (255 * (std[colour] ?? 1));
      const offset = (mean[colour] ?? 0) / (std[colour] ?? 1);
      const [start, step] = layout === "nchw" ? [(n * 3 + channel) * pixels, 1] : [n * 3 * pixels + channel, 3];
      for (let p = 0; p < pixels; p++) batch[start + p * step] = (data[p * 3 + colour] ?? 0) * scale - offset;
    }
  });
  return batch;
}

/** A smaller or larger copy of a picture: bytes, rounded. */
export function thumbnail(image: RgbImage, edge: number): Uint8Array {
  if (image.width === edge && image.height === edge) return image.data;
  return Uint8Array.from(resize(image, edge, edge), (v) => Math.min(255, Math.max(0, Math.round(v))));
}

/**
 * Linear resampling; where it shrinks, the filter widens so that every pixel counts.
 *
 * Shapes   [height, width, 3] -> [newHeight, newWidth, 3], in [0, 255].
 */
export function resize(image: RgbImage, newWidth: number, newHeight: number): Float32Array {
  const { width, height, data } = image;
  const columns = taps(width, newWidth);
  const rows = taps(height, newHeight);
  const narrow = new Float32Array(height * newWidth * 3);
  for (let y = 0; y < height; y++) {
    columns.forEach(({ from, weights }, x) => {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        weights.forEach((weight, k) => (sum += weight * (data[(y * width + from + k) * 3 + c] ?? 0)));
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

/** For each output position the input positions that it is the weighted mean of. */
function taps(size: number, newSize: number): { readonly from: number; readonly weights: readonly number[] }[] {
  const ratio = size / newSize;
  const reach = Math.max(ratio, 1);
  return Array.from({ length: newSize }, (_, i) => {
    const centre = (i + 0.5) * ratio - 0.5;
    const from = Math.max(0, Math.ceil(centre - reach));
    const to = Math.min(size - 1, Math.floor(centre + reach));
    const raw = Array.from({ length: to - from + 1 }, (_, k) => Math.max(0, 1 - Math.abs(from + k - centre) / reach));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { from, weights: raw.map((w) => w / sum) };
  });
}
