// A picture of any size as one of a given size: the middle of it, as large as the shape allows, resampled.
// In: an RgbImage. Out: another. Invariant: one that has the size already is left as it is.
import { resize, toBytes } from "./resize.js";
import type { RgbImage } from "./rgb.js";

/** The middle of a picture, without alpha, at a size. */
export function fitted(image: RgbImage, width: number, height: number): RgbImage {
  if (image.width === width && image.height === height) return { width, height, data: image.data };
  const scale = Math.min(image.width / width, image.height / height);
  const [cropWidth, cropHeight] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const left = Math.floor((image.width - cropWidth) / 2);
  const top = Math.floor((image.height - cropHeight) / 2);
  const crop = { left, top, width: cropWidth, height: cropHeight };
  return { width, height, data: toBytes(resize(image, width, height, crop)) };
}
