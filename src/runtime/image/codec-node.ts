// The codec of Node: sharp (libvips). Fixed settings, so that one picture has one encoding.
// Errors   LaceError L5006 if the library refuses (out of memory, a picture too large for the format).
import sharp, { type Sharp } from "sharp";
import { failure } from "../../source/diagnostic.js";
import { unreachable } from "../../source/internal-error.js";
import { TEXT_KEYWORD, type ImageCodec } from "./codec.js";
import type { TextBox } from "./grid.js";
import type { ImageFormat } from "./path-template.js";
import { withPngText } from "./png-text.js";
import type { RgbImage } from "./rgb.js";

/** Opens the codec. sharp is loaded with this file: import it lazily. */
export function sharpCodec(): ImageCodec {
  return {
    encode: async (image, format, text) => {
      try {
        const bytes = await encoder(image, format).toBuffer();
        return format === "png" && text !== undefined ? withPngText(bytes, TEXT_KEYWORD, text) : bytes;
      } catch (error) {
        throw failure(
          "L5006",
          `a ${image.width}x${image.height} picture cannot be written as ${format}: ${String(error)}`,
        );
      }
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
