// What the runtime asks of an image library: bytes of a format, and labels drawn on a sheet. Injected, so that a browser can bring its own.
import type { TextBox } from "./grid.js";
import type { ImageFormat } from "./path-template.js";
import type { RgbImage } from "./rgb.js";

export interface ImageCodec {
  /** The same picture gives the same bytes, always. `text` travels inside the file under the keyword "lace" where the format can (PNG). */
  encode(image: RgbImage, format: ImageFormat, text?: string): Promise<Uint8Array>;
  /** Draws short labels; the size of the image stays. */
  drawLabels(image: RgbImage, labels: readonly TextBox[]): Promise<RgbImage>;
}

/** Keyword of the text chunk that carries an image's recipe. */
export const TEXT_KEYWORD = "lace";
