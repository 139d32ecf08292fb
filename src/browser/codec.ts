// The codec of a browser: PNG by ourselves, WebP and JPEG by the browser's own encoder, recipes by our writers of chunks.
// In: pictures. Out: files, and back. Invariants: a PNG holds the very pixels; what no browser encodes is refused, not replaced.
import { failure } from "../source/diagnostic.js";
import { InternalError } from "../source/internal-error.js";
import { readGifXmp } from "../runtime/image/gif-xmp.js";
import { readPngText, withPngText } from "../runtime/image/png-text.js";
import { halfImage, onWhite, type RgbImage } from "../runtime/image/rgb.js";
import { animatedWebp, isWebp, readWebpXmp, withWebpXmp } from "../runtime/image/webp-xmp.js";
import { readXmpText, xmpPacket } from "../runtime/image/xmp.js";
import {
  TEXT_KEYWORD,
  type FileFormat,
  type Film,
  type ImageCodec,
  type ImageContents,
} from "../runtime/services/codec.js";
import { encodePng } from "./png.js";

const XMP_KEYWORD = "XML:com.adobe.xmp";
/** As `src/node/codec.ts` asks of libvips. */
const QUALITY = 0.92;
const FILM_QUALITY = 0.88;

/** Errors of what it gives: LaceError L5006 for a format that this browser does not write, L5301 for bytes that are no picture. */
export function browserCodec(): ImageCodec {
  return {
    encode: async (image, format, text) => {
      if (format === "png") {
        const png = encodePng(image);
        if (text === undefined) return png;
        return withPngText(withPngText(png, XMP_KEYWORD, xmpPacket(TEXT_KEYWORD, text)), TEXT_KEYWORD, text);
      }
      const bytes = await byCanvas(image, format, QUALITY);
      if (text === undefined) return bytes;
      if (format === "webp") return withWebpXmp(bytes, image, xmpPacket(TEXT_KEYWORD, text));
      return withJpegXmp(bytes, xmpPacket(TEXT_KEYWORD, text));
    },
    decode: (bytes) => decode(bytes, { colorSpaceConversion: "none" }),
    photograph: async (bytes) => onWhite(await decode(bytes, { imageOrientation: "from-image" })),
    inspect,
    encodeAnimation: async (film, format, fps, text) => {
      if (format !== "webp") throw notWritten(format);
      const frames: Uint8Array[] = [];
      for (let k = 0; k < film.frames; k++) frames.push(await byCanvas(frameOf(film, k), "webp", FILM_QUALITY));
      const bytes = animatedWebp(frames, film, 1000 / fps);
      return text === undefined ? bytes : withWebpXmp(bytes, film, xmpPacket(TEXT_KEYWORD, text));
    },
  };
}

/** A smaller copy as a WebP, at most `side` pixels wide and high where halving gets there: a thumbnail. */
export async function thumbnail(image: RgbImage, side: number): Promise<Uint8Array> {
  let small = image;
  while (Math.max(small.width, small.height) > side && Math.min(small.width, small.height) > 1)
    small = halfImage(small);
  return byCanvas(small, "webp", FILM_QUALITY);
}

async function byCanvas(image: RgbImage, format: "webp" | "jpeg" | "avif", quality: number): Promise<Uint8Array> {
  const { width, height, data } = image;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new InternalError("there is no canvas");
  const pixels = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    pixels.data[4 * p] = data[3 * p] ?? 0;
    pixels.data[4 * p + 1] = data[3 * p + 1] ?? 0;
    pixels.data[4 * p + 2] = data[3 * p + 2] ?? 0;
    pixels.data[4 * p + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  const type = `image/${format}`;
  const blob = await canvas.convertToBlob({ type, quality });
  // A browser that cannot write a format gives a PNG in its place.
  if (blob.type !== type) throw notWritten(format);
  return new Uint8Array(await blob.arrayBuffer());
}

function notWritten(format: FileFormat): Error {
  return failure("L5006", `browsers do not write ${format}`, [
    "save as .png or .webp here, or run the script with lacec on a machine",
  ]);
}

async function decode(bytes: Uint8Array, options: ImageBitmapOptions): Promise<RgbImage> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]), options);
  } catch {
    throw failure("L5301", "this is no image that this browser reads");
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new InternalError("there is no canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) rgb.set(data.subarray(4 * p, 4 * p + 3), 3 * p);
  return { width, height, data: rgb };
}

async function inspect(bytes: Uint8Array): Promise<ImageContents> {
  const format = formatOf(bytes);
  if (format === undefined)
    throw failure("L5301", "this is no image that lacec reads", [
      "lacec writes and reads PNG, WebP, JPEG, AVIF and GIF",
    ]);
  const text = await textOf(bytes, format);
  return { format, ...(text !== undefined && { text }) };
}

async function textOf(bytes: Uint8Array, format: FileFormat): Promise<string | undefined> {
  const inPacket = (packet: string | undefined): string | undefined =>
    packet === undefined ? undefined : readXmpText(packet, TEXT_KEYWORD);
  switch (format) {
    case "png":
      return (await readPngText(bytes, TEXT_KEYWORD)) ?? inPacket(await readPngText(bytes, XMP_KEYWORD));
    case "webp":
      return inPacket(readWebpXmp(bytes));
    case "gif":
      return inPacket(readGifXmp(bytes));
    case "jpeg":
    case "avif":
      // Where the packet lies is the format's business; that it is there, its own.
      return inPacket(new TextDecoder("latin1").decode(bytes.subarray(0, 1 << 20)));
  }
}

function formatOf(bytes: Uint8Array): FileFormat | undefined {
  const begins = (text: string, at = 0): boolean => Array.from(text).every((c, k) => bytes[at + k] === c.charCodeAt(0));
  if (begins("\x89PNG")) return "png";
  if (isWebp(bytes)) return "webp";
  if (begins("\xff\xd8\xff")) return "jpeg";
  if (begins("GIF8")) return "gif";
  return begins("ftypavi", 4) ? "avif" : undefined;
}

/** With the packet as the first segment. Source: XMP specification part 3, 1.1.3. */
function withJpegXmp(jpeg: Uint8Array, packet: string): Uint8Array {
  const body = new TextEncoder().encode(`http://ns.adobe.com/xap/1.0/\0${packet}`);
  if (body.length + 2 > 0xffff)
    throw failure("L5006", `the recipe of ${body.length} bytes does not fit into a JPEG`, ["save as .png or .webp"]);
  const length = body.length + 2;
  const bytes = new Uint8Array(jpeg.length + length + 2);
  bytes.set([0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255]);
  bytes.set(body, 6);
  bytes.set(jpeg.subarray(2), 6 + body.length);
  return bytes;
}

function frameOf({ width, height, data }: Film, k: number): RgbImage {
  const size = width * height * 3;
  return { width, height, data: data.subarray(k * size, (k + 1) * size) };
}
