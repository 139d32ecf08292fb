// Pictures as a classifier takes them: resized, normalised, channels in its order.
// In: 8-bit RGB images of any size, without alpha. Out: one float32 array. Invariants: an image of the size asked for is not resampled.
import type { PictureInput } from "../../compiler/picture-head.js";
import { resize, toBytes } from "../../runtime/image/resize.js";
import type { RgbImage } from "../../runtime/image/rgb.js";

type InputFormat = Omit<PictureInput, "name">;

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
  return toBytes(resize(image, edge, edge));
}
