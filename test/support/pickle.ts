// A writer of small pickles and torch files, for tests: opcodes by name, and an assembler of whole `.pt` archives.
// In: parts (bytes, numbers, text). Out: bytes. Invariants: nothing is checked, so that wrong pickles can be written too.
import { writeZip, type ZipInput } from "./zip.js";

export type Part = number | string | Uint8Array | readonly Part[];

/** Bytes of parts: numbers are bytes, strings are their characters. */
export function bytesOf(...parts: readonly Part[]): Uint8Array {
  const flat = (p: Part): number[] =>
    typeof p === "number"
      ? [p]
      : typeof p === "string" || p instanceof Uint8Array
        ? [...(typeof p === "string" ? new TextEncoder().encode(p) : p)]
        : p.flatMap(flat);
  return Uint8Array.from(parts.flatMap(flat));
}

export const MARK = 0x28;
export const STOP = 0x2e;

/** BINUNICODE */
export function unicode(s: string): Part {
  const raw = new TextEncoder().encode(s);
  return [0x58, raw.length & 255, raw.length >>> 8, 0, 0, raw];
}
/** BININT */
export function int(v: number): Part {
  return [0x4a, v & 255, (v >> 8) & 255, (v >> 16) & 255, (v >> 24) & 255];
}
/** GLOBAL */
export function global(module: string, name: string): Part {
  return `c${module}\n${name}\n`;
}
/** A tuple of parts. */
export function tuple(...items: readonly Part[]): Part {
  return [MARK, ...items, 0x74];
}
/** A dict of text keys. */
export function dict(entries: Readonly<Record<string, Part>>): Part {
  return [0x7d, MARK, ...Object.entries(entries).flatMap(([key, value]) => [unicode(key), value]), 0x75];
}

export interface TensorPart {
  readonly key: string;
  readonly count: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly type?: string;
}
/** torch._utils._rebuild_tensor_v2 on a storage. */
export function tensor({ key, count, offset = 0, shape, strides, type = "FloatStorage" }: TensorPart): Part {
  const storage = [tuple(unicode("storage"), global("torch", type), unicode(key), unicode("cpu"), int(count)), 0x51];
  const hooks = [global("collections", "OrderedDict"), 0x29, 0x52];
  return [
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(storage, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)), 0x89, hooks),
    0x52,
  ];
}

/** A `.pt` archive of this pickle (without PROTO and STOP) and storages. */
export function torchFile(
  pickle: Part,
  storages: Readonly<Record<string, Uint8Array>>,
  options: { readonly deflate?: boolean } = {},
): Uint8Array {
  const { deflate = false } = options;
  const entries: ZipInput[] = Object.entries(storages).map(([key, data]) => ({ name: `x/data/${key}`, data, deflate }));
  return writeZip([{ name: "x/data.pkl", data: bytesOf(0x80, 2, pickle, STOP), deflate }, ...entries]);
}

export function floatBytes(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
