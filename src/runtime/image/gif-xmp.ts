// An XMP packet in a GIF: where the recipe of an animation travels. Plain bytes, no library: sharp writes none into a GIF.
// In: a finished GIF. Out: the same animation with one XMP application extension; and the packet back.
// Source: GIF89a, sections 17-27; XMP specification part 3, 1.1.2 (the extension "XMP DataXMP" and its magic trailer: whoever takes the
// packet for sub-blocks lands in the trailer, and from any place in it at its end).
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";

const EXTENSION = 0x21;
const APPLICATION = 0xff;
const IMAGE = 0x2c;
/** Identifier and authentication code of the extension. */
const XMP = "XMP DataXMP";
/** 1, 255, 254, ..., 1, 0, 0 */
const MAGIC = Uint8Array.of(1, ...Array.from({ length: 255 }, (_, k) => 255 - k), 0, 0);

/** Puts a packet (without bytes of 0) before the first frame. Errors: InternalError if `gif` is not a GIF89a. */
export function withGifXmp(gif: Uint8Array, packet: string): Uint8Array {
  const at = firstBlock(gif);
  if (at === undefined) throw new InternalError("these bytes are not a GIF89a");
  let end = at;
  while (gif[end] === EXTENSION && gif[end + 1] === APPLICATION) end = afterBlocks(gif, end + 2);
  const text = new TextEncoder().encode(packet);
  const head = Uint8Array.of(EXTENSION, APPLICATION, XMP.length, ...new TextEncoder().encode(XMP));
  return concat([gif.subarray(0, end), head, text, MAGIC, gif.subarray(end)], Uint8Array);
}

/** The packet of a GIF; undefined if it has none, or is damaged before it. */
export function readGifXmp(gif: Uint8Array): string | undefined {
  let at = firstBlock(gif) ?? gif.length;
  while (at < gif.length) {
    if (gif[at] === IMAGE) at = afterBlocks(gif, at + 11 + coloursOf(gif[at + 9]));
    else if (gif[at] === EXTENSION) {
      const start = at + 3 + XMP.length;
      const end = afterBlocks(gif, at + 2);
      const name = gif[at + 1] === APPLICATION ? latin(gif.subarray(at + 3, start)) : "";
      if (name === XMP) return end - MAGIC.length < start ? undefined : utf8(gif.subarray(start, end - MAGIC.length));
      at = end;
    } else return undefined;
  }
  return undefined;
}

/** Where the blocks begin: behind the logical screen and its colours. */
function firstBlock(gif: Uint8Array): number | undefined {
  return latin(gif.subarray(0, 6)) === "GIF89a" ? 13 + coloursOf(gif[10]) : undefined;
}

/** Bytes of the colour table that these flags announce. */
function coloursOf(flags = 0): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

/** Behind the sub-blocks that begin at `at`, and the 0 that ends them. */
function afterBlocks(gif: Uint8Array, at: number): number {
  let next = at;
  for (let length = gif[next] ?? 0; length !== 0; length = gif[next] ?? 0) next += 1 + length;
  return next + 1;
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
