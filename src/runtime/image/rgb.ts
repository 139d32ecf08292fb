// Pictures as bytes: 8-bit RGB, rows from the top. The last form before a codec; no tensors are kept.
// In: synthesised tensors in [-1, 1]. Out: RgbImage for grids and codecs.
import type { ImageLayout } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";

/** `data` holds width * height * 3 bytes. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Splits a synthesised tile into images: byte = floor(127.5 v + 128), clamped to 0..255, as StyleGAN2's own tools do.
 *
 * Shapes   values [n, 3, R, R] (nchw) or [n, R, R, 3] (nhwc), v nominally in [-1, 1]. A single channel is repeated.
 * Errors   InternalError if the length does not fit. A NaN becomes 0; `finite` of an image says whether it had none.
 */
export function imagesFromTensor(
  values: Float32Array,
  shape: { readonly count: number; readonly channels: number; readonly height: number; readonly width: number },
  layout: ImageLayout,
): { readonly image: RgbImage; readonly finite: boolean }[] {
  const { count, channels, height, width } = shape;
  const pixels = height * width;
  if (values.length !== count * channels * pixels || (channels !== 1 && channels !== 3)) {
    throw new InternalError(
      `an image tensor of ${values.length} values is not [${count}, ${channels}, ${height}, ${width}]`,
    );
  }
  const [pixelStride, channelStride] = layout === "nchw" ? [1, pixels] : [channels, 1];
  return Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(pixels * 3);
    let finite = true;
    for (let p = 0; p < pixels; p++) {
      for (let c = 0; c < 3; c++) {
        const from = n * channels * pixels + p * pixelStride + (channels === 1 ? 0 : c) * channelStride;
        const value = values[from] ?? NaN;
        if (!Number.isFinite(value)) finite = false;
        data[p * 3 + c] = Math.max(0, Math.min(255, Math.floor(value * 127.5 + 128)));
      }
    }
    return { image: { width, height, data }, finite };
  });
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
