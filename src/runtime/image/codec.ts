// What the runtime asks of an image library: bytes of a format, and back. Injected, so that a browser can bring its own.
import type { AnimationFormat, ImageFormat } from "./path-template.js";
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
  /** Frames of one size that repeat for ever, each for 1 / fps seconds. `text` as in encode; a GIF has no room for it. */
  encodeAnimation(
    frames: readonly RgbImage[],
    format: AnimationFormat,
    fps: number,
    text?: string,
  ): Promise<Uint8Array>;
}

/** Keyword of the text that carries an image's recipe: of an iTXt chunk (PNG), of an XMP property (WebP, JPEG, AVIF). */
export const TEXT_KEYWORD = "lace";
