// The codec of Node: sharp (libvips). Fixed settings, so that one picture has one encoding.
// Errors   LaceError L5006 if the library refuses (out of memory, a picture too large for the format), L5301 for bytes that are no image.
import sharp, { type Metadata, type OutputInfo, type Sharp } from "sharp";
import { failure, LaceError } from "../source/diagnostic.js";
import { InternalError, unreachable } from "../source/internal-error.js";
import { MAX_FILM_PIXELS, TEXT_KEYWORD, type ImageCodec } from "../runtime/services/codec.js";
import { readGifXmp, withGifXmp } from "../runtime/image/gif-xmp.js";
import type { FileFormat, ImageFormat } from "../runtime/services/codec.js";
import { readPngText, withPngText } from "../runtime/image/png-text.js";
import { onWhite, type RgbImage } from "../runtime/image/rgb.js";
import { readXmpText, xmpPacket } from "../runtime/image/xmp.js";

/** Opens the codec. sharp is loaded with this file: import it lazily. */
export function sharpCodec(): ImageCodec {
  return {
    encode: async (image, format, text) => {
      try {
        const encoding = encoder(image, format);
        if (text === undefined) return await encoding.toBuffer();
        if (format === "png") {
          // Twice: programs that keep one of the two drop the other.
          const marked = withPngText(await encoding.toBuffer(), XMP_KEYWORD, packetFor(format, text));
          return withPngText(marked, TEXT_KEYWORD, text);
        }
        return await encoding.withXmp(packetFor(format, text)).toBuffer();
      } catch (error) {
        if (error instanceof LaceError) throw error;
        throw failure(
          "L5006",
          `a ${image.width}x${image.height} picture cannot be written as ${format}: ${String(error)}`,
        );
      }
    },
    decode: async (bytes) => {
      try {
        const { data, info } = await sharp(bytes, { pages: -1, limitInputPixels: MAX_FILM_PIXELS })
          .toColourspace("srgb")
          .raw()
          .toBuffer({ resolveWithObject: true });
        return apart(data, info);
      } catch (error) {
        throw notAnImage(error);
      }
    },
    photograph: async (bytes) => {
      try {
        const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PHOTO_PIXELS })
          .autoOrient()
          .flatten({ background: "#ffffff" })
          .toColourspace("srgb")
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        return apart(data, info);
      } catch (error) {
        throw notAnImage(error);
      }
    },
    inspect: async (bytes) => {
      const metadata = await sharp(bytes)
        .metadata()
        .catch((error: unknown) => {
          throw notAnImage(error);
        });
      const format = formatOf(metadata);
      if (format === undefined) throw notAnImage(`it is ${metadata.format}`);
      const own = format === "png" ? await readPngText(bytes, TEXT_KEYWORD) : undefined;
      const packet =
        format === "gif" ? readGifXmp(bytes) : (metadata.xmp?.toString("utf8") ?? (await pngXmp(format, bytes)));
      const text = own ?? (packet === undefined ? undefined : readXmpText(packet, TEXT_KEYWORD));
      return { format, ...(text !== undefined && { text }) };
    },
    encodeAnimation: async ({ width, height, frames, data }, format, fps, text) => {
      const raw = { width, height: height * frames, channels: 3 as const, pageHeight: height };
      const timing = { loop: 0, delay: Array.from({ length: frames }, () => Math.round(1000 / fps)) };
      try {
        const open = sharp(data, { raw, limitInputPixels: false });
        if (format === "gif") {
          // A palette for each frame: one for all would take the colours of the first.
          const bytes = await open.gif({ ...timing, effort: 7, dither: 0.6 }).toBuffer();
          return text === undefined ? bytes : withGifXmp(bytes, packetFor(format, text));
        }
        const encoding = open.webp({ ...timing, quality: 88, effort: 4, smartSubsample: true });
        return await (text === undefined ? encoding : encoding.withXmp(packetFor(format, text))).toBuffer();
      } catch (error) {
        if (error instanceof LaceError || error instanceof InternalError) throw error;
        throw failure(
          "L5006",
          `${frames} frames of ${width}x${height} cannot be written as ${format}: ${String(error)}`,
        );
      }
    },
  };
}

/** The largest cameras have 150 megapixels. */
const MAX_PHOTO_PIXELS = 200e6;

/** Where PNGs keep XMP. */
const XMP_KEYWORD = "XML:com.adobe.xmp";
/** Where ImageMagick does: hexadecimal digits after a name and a length. */
const RAW_PROFILES = ["Raw profile type xmp", "Raw profile type APP1"];

/** A packet of XMP that the library has not found in a PNG. */
async function pngXmp(format: FileFormat, bytes: Uint8Array): Promise<string | undefined> {
  if (format !== "png") return undefined;
  const packet = await readPngText(bytes, XMP_KEYWORD);
  if (packet !== undefined) return packet;
  for (const keyword of RAW_PROFILES) {
    const digits = /^\s*\w+\s+\d+\s+([\da-f\s]+)$/i.exec((await readPngText(bytes, keyword)) ?? "")?.[1];
    if (digits !== undefined) return Buffer.from(digits.replace(/\s/g, ""), "hex").toString("utf8");
  }
  return undefined;
}

/** A JPEG holds one packet of at most this many bytes. */
const JPEG_PACKET_BYTES = 59_000;

function packetFor(format: FileFormat, text: string): string {
  const packet = xmpPacket(TEXT_KEYWORD, text);
  if (format === "jpeg" && packet.length > JPEG_PACKET_BYTES) {
    throw failure("L5006", `the recipe of ${packet.length} bytes does not fit into a JPEG`, [
      "save as .png or .webp, or leave the recipe out with --no-provenance",
    ]);
  }
  return packet;
}

function notAnImage(error: unknown): LaceError {
  const why = error instanceof Error ? error.message : String(error);
  return failure("L5301", `this is no image that lacec reads: ${why}`, [
    "lacec writes and reads PNG, WebP, JPEG, AVIF and GIF",
  ]);
}

function formatOf({ format, compression }: Metadata): FileFormat | undefined {
  if (format === "heif") return compression === "av1" ? "avif" : undefined;
  return format === "png" || format === "webp" || format === "jpeg" || format === "gif" ? format : undefined;
}

function open({ width, height, data, alpha }: RgbImage): Sharp {
  if (alpha === undefined) return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  const together = new Uint8Array(width * height * 4);
  alpha.forEach((opaque, p) => {
    together.set(data.subarray(p * 3, p * 3 + 3), p * 4);
    together[p * 4 + 3] = opaque;
  });
  return sharp(together, { raw: { width, height, channels: 4 }, limitInputPixels: false });
}

/** Colours and alpha of decoded pixels; an alpha that is opaque everywhere is none. */
function apart(data: Uint8Array, { width, height, channels }: OutputInfo): RgbImage {
  if (channels === 3) return { width, height, data };
  if (channels !== 4) throw new Error(`it has ${channels} channels`);
  const colours = new Uint8Array(width * height * 3);
  const alpha = new Uint8Array(width * height);
  for (let p = 0; p < alpha.length; p++) {
    colours.set(data.subarray(p * 4, p * 4 + 3), p * 3);
    alpha[p] = data[p * 4 + 3] ?? 255;
  }
  const image = { width, height, data: colours };
  return alpha.every((v) => v === 255) ? image : { ...image, alpha };
}

function encoder(image: RgbImage, format: ImageFormat): Sharp {
  switch (format) {
    case "png":
      return open(image).png({ compressionLevel: 6, adaptiveFiltering: true, palette: false });
    case "webp":
      return open(image).webp({ quality: 92, effort: 4 });
    case "jpeg":
      return open(onWhite(image)).jpeg({ quality: 92, chromaSubsampling: "4:4:4", mozjpeg: false });
    case "avif":
      return open(image).avif({ quality: 70, effort: 4, chromaSubsampling: "4:4:4" });
    default:
      return unreachable(format);
  }
}
