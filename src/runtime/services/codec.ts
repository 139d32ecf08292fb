// What the runtime asks of an image library: bytes of a format, and back. Injected, so that a browser can bring its own.
import type { RgbImage } from "../image/rgb.js";

export interface ImageContents {
  readonly format: FileFormat;
  readonly text?: string;
}

/** Pixels of all frames of an animation together: 1.8 GB. */
export const MAX_FILM_PIXELS = 600e6;

/** Frames of one size, one below the other: `data` holds frames * width * height * 3 bytes. */
export interface Film {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly data: Uint8Array;
}

export interface ImageCodec {
  /** The same picture gives the same bytes, always. `text` (one line) travels inside the file under the keyword "lace". */
  encode(image: RgbImage, format: ImageFormat, text?: string): Promise<Uint8Array>;
  /** The picture of a file in any format that encode and encodeAnimation write; of an animation, its frames one below the other. Errors: LaceError L5301. */
  decode(bytes: Uint8Array): Promise<RgbImage>;
  /** A photograph: its first frame, upright (as EXIF says), in sRGB (whatever its profile), on white where it is transparent. Errors: LaceError L5301. */
  photograph(bytes: Uint8Array): Promise<RgbImage>;
  /** The format of a file and the text that was put into it. Errors: LaceError L5301 if the bytes are no image. */
  inspect(bytes: Uint8Array): Promise<ImageContents>;
  /** Frames that repeat for ever, each for 1 / fps seconds. `text` as in encode. `film` is read while it is encoded, not copied. */
  encodeAnimation(film: Film, format: AnimationFormat, fps: number, text?: string): Promise<Uint8Array>;
}

/** Keyword of the text that carries an image's recipe: of an iTXt chunk (PNG), of an XMP property (WebP, JPEG, AVIF, GIF). */
export const TEXT_KEYWORD = "lace";

export type ImageFormat = "png" | "webp" | "jpeg" | "avif";

export type AnimationFormat = "webp" | "gif";

/** Format of a picture or an animation. */
export type FileFormat = ImageFormat | AnimationFormat;
