// Pictures as bytes: 8-bit RGB, perhaps with alpha, rows from the top. The last form before a codec; no tensors are kept.
// In: synthesised tiles. Out: RgbImage for grids and codecs.
import { InternalError } from "../../source/internal-error.js";

/** `data` holds width * height * 3 bytes, `alpha` width * height: how opaque each pixel is, 255 wholly; absent: all are. Colours are not multiplied by it. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly alpha?: Uint8Array;
}

/**
 * Splits a synthesised tile into images.
 *
 * Shapes   pixels [n, height, width], by `PIXEL_UNITS`: the `pixels` output of a synthesis graph. A NaN becomes black. `alpha` [n, height, width].
 * Errors   InternalError if the length does not fit.
 */
export function imagesFromTile(pixels: Float32Array, width: number, height: number, alpha?: Float32Array): RgbImage[] {
  const size = width * height;
  if (size === 0 || pixels.length % size !== 0 || (alpha !== undefined && alpha.length !== pixels.length)) {
    throw new InternalError(`a tile of ${pixels.length} pixels is not made of ${width}x${height} images`);
  }
  return Array.from({ length: pixels.length / size }, (_, n) => {
    const data = new Uint8Array(size * 3);
    for (let p = 0; p < size; p++) {
      const pixel = pixels[n * size + p] ?? 0;
      data[p * 3] = pixel >> 16;
      data[p * 3 + 1] = pixel >> 8;
      data[p * 3 + 2] = pixel;
    }
    if (alpha === undefined) return { width, height, data };
    return { width, height, data, alpha: Uint8Array.from(alpha.subarray(n * size, (n + 1) * size)) };
  });
}

/** The image as it looks on white, without alpha: for formats, sheets and judges that have none. */
export function onWhite({ width, height, data, alpha }: RgbImage): RgbImage {
  if (alpha === undefined) return { width, height, data };
  const flat = data.map((v, i) => {
    const share = (alpha[Math.floor(i / 3)] ?? 255) / 255;
    return Math.round(share * v + (1 - share) * 255);
  });
  return { width, height, data: flat };
}

/** An image of one colour. */
export function solidImage(width: number, height: number, colour: readonly [number, number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) data.set(colour, p * 3);
  return { width, height, data };
}

/** Copies `from` into `data` of an image `width` pixels wide, its corner at (x, y). It must fit. */
export function paste(data: Uint8Array, width: number, from: RgbImage, x: number, y: number): void {
  for (let row = 0; row < from.height; row++) {
    const line = from.data.subarray(row * from.width * 3, (row + 1) * from.width * 3);
    data.set(line, ((y + row) * width + x) * 3);
  }
}

/** The size of halfImage. */
export function halfSize({ width, height }: Pick<RgbImage, "width" | "height">): Pick<RgbImage, "width" | "height"> {
  return { width: Math.floor(width / 2), height: Math.floor(height / 2) };
}

/** An image of half the width and height: each pixel the mean of four. An odd last row or column is left out. */
export function halfImage({ width, height, data }: RgbImage): RgbImage {
  const { width: w, height: h } = halfSize({ width, height });
  const half = new Uint8Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < 3; c++) {
        const at = (2 * y * width + 2 * x) * 3 + c;
        const below = at + width * 3;
        const sum = (data[at] ?? 0) + (data[at + 3] ?? 0) + (data[below] ?? 0) + (data[below + 3] ?? 0);
        half[(y * w + x) * 3 + c] = (sum + 2) >> 2;
      }
    }
  }
  return { width: w, height: h, data: half };
}
