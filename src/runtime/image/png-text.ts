// A text chunk in a PNG: where the recipe of an image travels. Plain bytes, no library.
// In: a finished PNG. Out: the same picture with one iTXt chunk after IHDR (any earlier one of that keyword removed); and the text back, in
// whichever kind of chunk another program has put it since.
// Source: PNG specification (third edition), 5.5 (CRC), 11.3.3 (tEXt, zTXt, iTXt).
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";

const LONGEST_KEYWORD = 79;
/** The first bytes of every PNG. */
export const PNG_SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

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
    [Uint8Array.from(PNG_SIGNATURE), header.bytes, chunkBytes("iTXt", data), ...rest.map((c) => c.bytes)],
    Uint8Array,
  );
}

/** More than this is no recipe: a small chunk may inflate to anything. */
const MOST_TEXT_BYTES = 8 * 1024 * 1024;

/**
 * The text under a keyword, as whoever wrote the picture again has written it: iTXt, tEXt or zTXt, compressed or not; undefined if there
 * is none, or what there is is damaged.
 */
export async function readPngText(png: Uint8Array, keyword: string): Promise<string | undefined> {
  for (const { type, data } of readChunks(png)) {
    if (!(type === "iTXt" || type === "tEXt" || type === "zTXt") || keywordOf(data) !== keyword) continue;
    const text = await textOf(type, data, keyword.length + 1);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** `start`: behind the keyword and its NUL. */
async function textOf(type: string, data: Uint8Array, start: number): Promise<string | undefined> {
  if (type === "tEXt") return plainText(data.subarray(start));
  if (type === "zTXt") {
    const bytes = data[start] === 0 ? await inflated(data.subarray(start + 1)) : undefined;
    return bytes && plainText(bytes);
  }
  const [compressed, method] = [data[start], data[start + 1]];
  const language = data.indexOf(0, start + 2);
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const content = data.subarray(translated + 1);
  const bytes = compressed === 1 ? (method === 0 ? await inflated(content) : undefined) : content;
  return bytes && new TextDecoder().decode(bytes);
}

/** tEXt and zTXt are Latin-1 by the specification, and UTF-8 where libvips has written them. */
function plainText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

/** Undefined if it is damaged or too long. */
async function inflated(packed: Uint8Array): Promise<Uint8Array | undefined> {
  const reader = new Blob([Uint8Array.from(packed)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"))
    .getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return concat(parts, Uint8Array);
      size += value.byteLength;
      if (size > MOST_TEXT_BYTES) throw new RangeError("too long");
      parts.push(value);
    }
  } catch {
    await reader.cancel().catch(() => undefined); // it has already failed
    return undefined;
  }
}

function readChunks(png: Uint8Array): Chunk[] {
  if (PNG_SIGNATURE.some((byte, k) => png[k] !== byte)) throw new InternalError("these bytes are not a PNG");
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = PNG_SIGNATURE.length; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length), bytes: png.subarray(at, at + 12 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** A chunk as it stands in a file: length, type, data, CRC. */
export function chunkBytes(type: string, data: Uint8Array): Uint8Array {
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
  const end = data.subarray(0, LONGEST_KEYWORD + 1).indexOf(0);
  return String.fromCharCode(...data.subarray(0, Math.max(0, end)));
}
