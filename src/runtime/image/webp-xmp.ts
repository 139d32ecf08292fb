// An XMP packet in a WebP, and WebPs of several frames: plain bytes, no library. For runtimes whose encoder makes single, plain pictures.
// In: finished WebPs. Out: the same pictures in an extended file, with a packet; and the packet back.
// Source: WebP container specification (developers.google.com/speed/webp/docs/riff_container): VP8X, ANIM, ANMF, XMP.
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";

const ANIMATION_FLAG = 2;
const XMP_FLAG = 4;
const HEADER = 12;

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The file with a packet (any earlier one removed). Errors: InternalError if `webp` is not a WebP. */
export function withWebpXmp(webp: Uint8Array, { width, height }: Size, packet: string): Uint8Array {
  const chunks = readChunks(webp);
  const known = chunks.find((c) => c.type === "VP8X");
  const head = known?.data.slice() ?? extended({ width, height }, 0);
  head[0] = (head[0] ?? 0) | XMP_FLAG;
  const rest = chunks.filter((c) => c.type !== "VP8X" && c.type !== "XMP ");
  return file([{ type: "VP8X", data: head }, ...rest, { type: "XMP ", data: new TextEncoder().encode(packet) }]);
}

/** The packet of a WebP; undefined if it has none, or is damaged before it. */
export function readWebpXmp(webp: Uint8Array): string | undefined {
  if (!isWebp(webp)) return undefined;
  const found = readChunks(webp).find((c) => c.type === "XMP ");
  return found && new TextDecoder().decode(found.data);
}

/** Whether the bytes begin as a WebP does. */
export function isWebp(bytes: Uint8Array): boolean {
  return latin(bytes.subarray(0, 4)) === "RIFF" && latin(bytes.subarray(8, 12)) === "WEBP";
}

/**
 * Single pictures of one size as an animation that repeats for ever.
 *
 * Units    milliseconds a frame. Errors: InternalError for a frame that is not a WebP.
 */
export function animatedWebp(frames: readonly Uint8Array[], size: Size, frameMs: number): Uint8Array {
  const duration = Math.round(frameMs);
  const parts = frames.map((frame): Chunk => {
    const picture = readChunks(frame).filter((c) => c.type === "VP8 " || c.type === "VP8L" || c.type === "ALPH");
    const head = new Uint8Array(16); // at 0, 0
    put24(head, 6, size.width - 1);
    put24(head, 9, size.height - 1);
    put24(head, 12, duration);
    head[15] = 2; // it takes the place of the frame before, without blending
    return { type: "ANMF", data: concat([head, ...picture.map(chunkBytes)], Uint8Array) };
  });
  // Black behind the frames; 0 loops: for ever.
  const animation = { type: "ANIM", data: Uint8Array.of(0, 0, 0, 255, 0, 0) };
  return file([{ type: "VP8X", data: extended(size, ANIMATION_FLAG) }, animation, ...parts]);
}

function extended({ width, height }: Size, flags: number): Uint8Array {
  const data = new Uint8Array(10);
  data[0] = flags;
  put24(data, 4, width - 1);
  put24(data, 7, height - 1);
  return data;
}

function put24(bytes: Uint8Array, at: number, value: number): void {
  for (let k = 0; k < 3; k++) bytes[at + k] = (value >> (8 * k)) & 255;
}

function file(chunks: readonly Chunk[]): Uint8Array {
  const body = concat(chunks.map(chunkBytes), Uint8Array);
  const head = new Uint8Array(HEADER);
  head.set(new TextEncoder().encode("RIFF"));
  new DataView(head.buffer).setUint32(4, body.length + 4, true);
  head.set(new TextEncoder().encode("WEBP"), 8);
  return concat([head, body], Uint8Array);
}

/** Type, length, data, and a byte of 0 where the length is odd. */
function chunkBytes({ type, data }: Chunk): Uint8Array {
  const bytes = new Uint8Array(8 + data.length + (data.length % 2));
  bytes.set(new TextEncoder().encode(type));
  new DataView(bytes.buffer).setUint32(4, data.length, true);
  bytes.set(data, 8);
  return bytes;
}

function readChunks(webp: Uint8Array): Chunk[] {
  if (!isWebp(webp)) throw new InternalError("these bytes are not a WebP");
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  const chunks: Chunk[] = [];
  for (let at = HEADER; at + 8 <= webp.length;) {
    const length = view.getUint32(at + 4, true);
    chunks.push({ type: latin(webp.subarray(at, at + 4)), data: webp.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
