// Pictures of one size side by side in a file, as fixtures keep them.
// In: a file, how many pictures and how many of them in a row. Out: the pictures, in reading order.
import sharp from "sharp";
import type { RgbImage } from "../../src/runtime/image/rgb.js";

export async function picturesOf(file: string, count: number, columns: number, size = 128): Promise<RgbImage[]> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return Array.from({ length: count }, (_, k) => {
    const [left, top] = [(k % columns) * size, Math.floor(k / columns) * size];
    const pixels = new Uint8Array(size * size * 3);
    for (let y = 0; y < size; y++) {
      const from = ((top + y) * info.width + left) * 3;
      pixels.set(data.subarray(from, from + size * 3), y * size * 3);
    }
    return { width: size, height: size, data: pixels };
  });
}
