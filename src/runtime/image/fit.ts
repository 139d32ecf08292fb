// A picture of any size as one of a given size: the middle of it, as large as the shape allows, resampled.
// In: an RgbImage. Out: another. Invariant: one that has the size already is left as it is.
import { resamplingTaps } from "../../compiler/build/resample.js";
import type { RgbImage } from "./rgb.js";

/** The middle of a picture, without alpha, at a size. */
export function fitted(image: RgbImage, width: number, height: number): RgbImage {
  if (image.width === width && image.height === height) return { width, height, data: image.data };
  const scale = Math.min(image.width / width, image.height / height);
  const [cropWidth, cropHeight] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const left = Math.floor((image.width - cropWidth) / 2);
  const top = Math.floor((image.height - cropHeight) / 2);
  const columns = resamplingTaps(cropWidth, width);
  const narrow = new Float32Array(cropHeight * width * 3);
  for (let y = 0; y < cropHeight; y++)
    columns.forEach(({ from, weights }, x) => {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        weights.forEach((w, k) => (sum += w * (image.data[((top + y) * image.width + left + from + k) * 3 + c] ?? 0)));
        narrow[(y * width + x) * 3 + c] = sum;
      }
    });
  const data = new Uint8Array(width * height * 3);
  resamplingTaps(cropHeight, height).forEach(({ from, weights }, y) => {
    for (let i = 0; i < width * 3; i++) {
      let sum = 0;
      weights.forEach((w, k) => (sum += w * (narrow[(from + k) * width * 3 + i] ?? 0)));
      data[y * width * 3 + i] = Math.min(255, Math.max(0, Math.round(sum)));
    }
  });
  return { width, height, data };
}
