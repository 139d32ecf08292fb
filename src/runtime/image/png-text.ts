// A text chunk in a PNG: where the recipe of an image travels. Plain bytes, no library.
// In: a finished PNG. Out: the same picture with one iTXt chunk after IHDR (any earlier one of that keyword removed).
// Source: PNG specification (third edition), 5.5 (CRC), 11.3.3.4 (iTXt).
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
  /** Length, type, data and CRC, as they stand in the file. */
  readonly bytes: Uint8Array;
}

/** Adds (or replaces) an uncompressed iTXt chunk. Keyword: 1 to 79 Latin letters. Errors: InternalError if `png` is not a PNG. */
export function withPngText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const chunks = readChunks(png).filter((c) => !(c.type === "iTXt" && keywordOf(c.data) === keyword));
  const encoder = new TextEncoder();
  // keyword NUL, compression flag and method 0, empty language tag NUL, empty translated keyword NUL, text
  const data = concat([encoder.encode(keyword), new Uint8Array(5), encoder.encode(text)], Uint8Array);
  const [header, ...rest] = chunks;
  if (header?.type !== "IHDR") throw new InternalError("a PNG that does not begin with IHDR");
  return concat(
    [Uint8Array.from(SIGNATURE), header.bytes, chunkBytes("iTXt", data), ...rest.map((c) => c.bytes)],
    Uint8Array,
  );
}

/** The text of an uncompressed iTXt chunk with this keyword; undefined if there is none. */
export function readPngText(png: Uint8Array, keyword: string): string | undefined {
  const chunk = readChunks(png).find((c) => c.type === "iTXt" && keywordOf(c.data) === keyword);
  if (chunk === undefined) return undefined;
  const language = chunk.data.indexOf(0, keyword.length + 3);
  const translated = chunk.data.indexOf(0, language + 1);
  return new TextDecoder().decode(chunk.data.subarray(translated + 1));
}

function readChunks(png: Uint8Array): Chunk[] {
  if (SIGNATURE.some((byte, k) => png[k] !== byte)) throw new InternalError("these bytes are not a PNG");
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length), bytes: png.subarray(at, at + 12 + length) });
    at += 12 + length;
  }
  return chunks;
}

function chunkBytes(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let k = 0; k < 4; k++) bytes[4 + k] = type.charCodeAt(k);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** CRC-32 (polynomial 0xEDB88320), bit by bit: only a short text goes through, a table would not pay. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function keywordOf(data: Uint8Array): string {
  return String.fromCharCode(...data.subarray(0, Math.max(0, data.indexOf(0))));
}
