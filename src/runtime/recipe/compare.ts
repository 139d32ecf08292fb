// How far two pictures are apart.
import { onWhite, type RgbImage } from "../image/rgb.js";

export interface PixelDifference {
  /** Peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared difference); Infinity for equal pixels. */
  readonly psnr: number;
  /** Largest difference of one channel, 0 to 255. */
  readonly largest: number;
  /** Pixels that differ in any channel. */
  readonly pixels: number;
}

/** Compares pictures of one size, on white and in their alpha; undefined if their sizes differ. */
export function comparePixels(first: RgbImage, second: RgbImage): PixelDifference | undefined {
  if (first.width !== second.width || first.height !== second.height) return undefined;
  const [a, b] = [onWhite(first), onWhite(second)];
  const alphaOf = ({ alpha }: RgbImage, p: number): number => alpha?.[p] ?? 255;
  let squares = 0;
  let largest = 0;
  let pixels = 0;
  for (let p = 0; p < a.data.length; p += 3) {
    let worst = Math.abs(alphaOf(first, p / 3) - alphaOf(second, p / 3));
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
