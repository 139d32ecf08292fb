// The codec of Node: sharp (libvips). Fixed settings, so that one picture has one encoding.
// Errors   LaceError L5006 if the library refuses (out of memory, a picture too large for the format), L5301 for bytes that are no image.
import sharp, { type Metadata, type Sharp } from "sharp";
import { failure, LaceError } from "../../source/diagnostic.js";
import { unreachable } from "../../source/internal-error.js";
import { TEXT_KEYWORD, type ImageCodec } from "./codec.js";
import type { TextBox } from "./grid.js";
import type { ImageFormat } from "./path-template.js";
import { readPngText, withPngText } from "./png-text.js";
import type { RgbImage } from "./rgb.js";
import { readXmpText, xmpPacket } from "./xmp.js";

/** Opens the codec. sharp is loaded with this file: import it lazily. */
export function sharpCodec(): ImageCodec {
  return {
    encode: async (image, format, text) => {
      try {
        const encoding = encoder(image, format);
        if (text === undefined) return await encoding.toBuffer();
        if (format === "png") return withPngText(await encoding.toBuffer(), TEXT_KEYWORD, text);
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
        const { data, info } = await sharp(bytes, { pages: -1 })
          .toColourspace("srgb")
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        return { width: info.width, height: info.height, data };
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
      const packet = metadata.xmp?.toString("utf8");
      const text =
        format === "png"
          ? readPngText(bytes, TEXT_KEYWORD)
          : packet === undefined
            ? undefined
            : readXmpText(packet, TEXT_KEYWORD);
      return { format, ...(text === undefined ? {} : { text }) };
    },
    drawLabels: async (image, labels) => {
      if (labels.length === 0) return image;
      const svg = Buffer.from(labelsSvg(image, labels));
      const data = await open(image)
        .composite([{ input: svg, top: 0, left: 0 }])
        .removeAlpha()
        .raw()
        .toBuffer();
      return { width: image.width, height: image.height, data };
    },
  };
}

/** A JPEG holds one packet of at most this many bytes. */
const JPEG_PACKET_BYTES = 59_000;

function packetFor(format: ImageFormat, text: string): string {
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
    "lacec writes and reads PNG, WebP, JPEG and AVIF",
  ]);
}

function formatOf({ format, compression }: Metadata): ImageFormat | undefined {
  if (format === "heif") return compression === "av1" ? "avif" : undefined;
  return format === "png" || format === "webp" || format === "jpeg" ? format : undefined;
}

function open(image: RgbImage): Sharp {
  return sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });
}

function encoder(image: RgbImage, format: ImageFormat): Sharp {
  switch (format) {
    case "png":
      return open(image).png({ compressionLevel: 9, adaptiveFiltering: true, palette: false });
    case "webp":
      return open(image).webp({ quality: 92, effort: 4 });
    case "jpeg":
      return open(image).jpeg({ quality: 92, chromaSubsampling: "4:4:4", mozjpeg: false });
    case "avif":
      return open(image).avif({ quality: 70, effort: 4, chromaSubsampling: "4:4:4" });
    default:
      return unreachable(format);
  }
}

function labelsSvg(image: RgbImage, labels: readonly TextBox[]): string {
  const texts = labels.map((label) => {
    const size = Math.max(
      9,
      Math.min(18, Math.round(label.height / 2), Math.floor((label.width * 1.6) / label.text.length)),
    );
    const x = label.x + label.width / 2;
    const y = label.y + label.height / 2;
    return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="middle" dominant-baseline="central">${escapeXml(label.text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${image.width}" height="${image.height}" font-family="sans-serif" fill="#222">${texts.join("")}</svg>`;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
