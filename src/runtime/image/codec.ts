// What the runtime asks of an image library: bytes of a format, and labels drawn on a sheet. Injected, so that a browser can bring its own.
import type { TextBox } from "./grid.js";
import type { ImageFormat } from "./path-template.js";
import type { RgbImage } from "./rgb.js";

export interface ImageContents {
  readonly format: ImageFormat;
  readonly text?: string;
}

export interface ImageCodec {
  /** The same picture gives the same bytes, always. `text` (one line) travels inside the file under the keyword "lace". */
  encode(image: RgbImage, format: ImageFormat, text?: string): Promise<Uint8Array>;
  /** The picture of a file in any format that encode writes; of an animation, its frames one below the other. Errors: LaceError L5301. */
  decode(bytes: Uint8Array): Promise<RgbImage>;
  /** The format of a file and the text that encode put into it. Errors: LaceError L5301 if the bytes are no image. */
  inspect(bytes: Uint8Array): Promise<ImageContents>;
  /** Draws short labels; the size of the image stays. */
  drawLabels(image: RgbImage, labels: readonly TextBox[]): Promise<RgbImage>;
}

/** Keyword of the text that carries an image's recipe: of an iTXt chunk (PNG), of an XMP property (WebP, JPEG, AVIF). */
export const TEXT_KEYWORD = "lace";
