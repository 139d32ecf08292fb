// Messages of an engine as a stream of bytes, for a page that is told of them over HTTP.
// In: messages, and chunks of a stream in whatever pieces they come. Out: the one as the other. Invariant: of a message, its bytes (a picture, a file) travel as they are, behind its JSON.
//
//   length of the JSON, length of the bytes (32 bits each, little-endian), the JSON, the bytes
import { concat } from "../../source/concat.js";
import type { FromEngine } from "./messages.js";

const HEAD = 8;
/** A length beyond this is no message of ours. */
const MOST = 2 ** 30;

/** A message as bytes. */
export function frameOf(message: FromEngine): Uint8Array {
  const { plain, bytes } = parted(message);
  const json = new TextEncoder().encode(JSON.stringify(plain, written));
  const head = new Uint8Array(HEAD);
  const view = new DataView(head.buffer);
  view.setUint32(0, json.length, true);
  view.setUint32(4, bytes.length, true);
  return concat([head, json, bytes], Uint8Array);
}

/** Reads frames. Errors: RangeError for bytes that are none. */
export class FrameReader {
  private rest = new Uint8Array(0);

  /** The messages that are whole with this chunk. */
  push(chunk: Uint8Array): readonly FromEngine[] {
    this.rest = concat([this.rest, chunk], Uint8Array);
    const messages: FromEngine[] = [];
    let at = 0;
    while (this.rest.length - at >= HEAD) {
      const view = new DataView(this.rest.buffer, this.rest.byteOffset + at, HEAD);
      const [json, bytes] = [view.getUint32(0, true), view.getUint32(4, true)];
      if (json > MOST || bytes > MOST) throw new RangeError("that is no message of an engine");
      const [middle, end] = [at + HEAD + json, at + HEAD + json + bytes];
      if (this.rest.length < end) break;
      const text = new TextDecoder().decode(this.rest.subarray(at + HEAD, middle));
      const plain = JSON.parse(text, read) as FromEngine;
      messages.push(joined(plain, this.rest.slice(middle, end)));
      at = end;
    }
    this.rest = this.rest.slice(at);
    return messages;
  }
}

function parted(message: FromEngine): { readonly plain: object; readonly bytes: Uint8Array } {
  switch (message.kind) {
    case "picture":
    case "preview": {
      const { png, ...picture } = message.picture;
      return { plain: { ...message, picture }, bytes: png };
    }
    case "remade": {
      const { png, ...plain } = message;
      return { plain, bytes: png };
    }
    case "file": {
      const { bytes, ...plain } = message;
      return { plain, bytes };
    }
    default:
      return { plain: message, bytes: new Uint8Array(0) };
  }
}

function joined(plain: FromEngine, bytes: Uint8Array): FromEngine {
  if (plain.kind === "file") return { ...plain, bytes };
  if (plain.kind === "remade") return { ...plain, png: bytes };
  if (plain.kind === "preview") return { ...plain, picture: { ...plain.picture, png: bytes } };
  return plain.kind === "picture" ? { ...plain, picture: { ...plain.picture, png: bytes } } : plain;
}

/** What JSON has no word for: log p of a sample that failed, or that cannot be. */
const NOT_FINITE = "not finite";

function written(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { [NOT_FINITE]: String(value) } : value;
}

function read(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(NOT_FINITE in value)) return value;
  return Number(value[NOT_FINITE]);
}
