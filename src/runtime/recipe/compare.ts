// How far two pictures are apart.
import type { RgbImage } from "../image/rgb.js";

export interface PixelDifference {
  /** Peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared difference); Infinity for equal pixels. */
  readonly psnr: number;
  /** Largest difference of one channel, 0 to 255. */
  readonly largest: number;
  /** Pixels that differ in any channel. */
  readonly pixels: number;
}

/** Compares pictures of one size; undefined if their sizes differ. */
export function comparePixels(a: RgbImage, b: RgbImage): PixelDifference | undefined {
  if (a.width !== b.width || a.height !== b.height) return undefined;
  let squares = 0;
  let largest = 0;
  let pixels = 0;
  for (let p = 0; p < a.data.length; p += 3) {
    let worst = 0;
    for (let c = p; c < p + 3; c++) {
      const d = Math.abs((a.data[c] ?? 0) - (b.data[c] ?? 0));
      squares += d * d;
      worst = Math.max(worst, d);
    }
    if (worst > 0) pixels += 1;
    largest = Math.max(largest, worst);
  }
  const psnr = squares === 0 ? Infinity : 10 * Math.log10((255 * 255 * a.data.length) / squares);
  return { psnr, largest, pixels };
}
