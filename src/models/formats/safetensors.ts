// The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes without holes.
// In: the whole file, or its first bytes for the header alone. Out: metadata and tensors that are widened when asked for.
// Invariants: nothing in the header is trusted: lengths, types, shapes and offsets are checked against the file before use.
// Source: https://huggingface.co/docs/safetensors, "Format".
import type { LaceError } from "../../source/diagnostic.js";
import type { Tensor } from "../../compiler/weights.js";
import { DTYPE_BYTES, isDType, narrowToHalf, toFloat32, toFloat64, type DType } from "./dtype.js";
import { modelError } from "../model-error.js";
import { recognise, type Recognised } from "./first-bytes.js";

/** Where one tensor lies: byte offsets in the file, `end` exclusive. */
export interface StoredTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}
export interface Safetensors extends SafetensorsHeader {
  /** A tensor widened to float32; undefined if the file has none of that name. */
  tensor(name: string): Tensor | undefined;
  /** The same in float64, for reference data. */
  tensor64(name: string): { readonly shape: readonly number[]; readonly data: Float64Array } | undefined;
}

/** More than any model needs: a header this long is damage or an attack. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const MAX_RANK = 8;
/** Bytes that hold the length of the header. */
export const LENGTH_BYTES = 8;

function damaged(file: string, what: string): LaceError {
  return modelError("L5102", file, `not a safetensors file, or a damaged one: ${what}`);
}

/** A file of another kind: what it is, and how it becomes one that lacec works with. */
function notSafetensors(file: string, { what, importable }: Recognised): LaceError {
  if (!importable) return modelError("L5107", file, `it is no safetensors file, but ${what}`);
  return modelError("L5107", file, `it is ${what}; lacec works with what it has imported`, [
    `import it first: lacec import ${shellWord(file)}, and name the .safetensors file that this writes`,
  ]);
}

/** A path as a shell takes it. */
function shellWord(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/**
 * Length in bytes of the JSON header, from the first 8 bytes of a file of `fileBytes` bytes (undefined: not known).
 * Errors LaceError L5102 if it does not fit the file or is longer than any header may be, L5107 if the file is of another kind.
 */
export function headerLength(first: Uint8Array, fileBytes: number | undefined, file: string): number {
  if (first.byteLength < LENGTH_BYTES) throw damaged(file, `it has only ${first.byteLength} bytes`);
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  const other = length > BigInt(Math.min(fileBytes ?? Infinity, MAX_HEADER_BYTES)) ? recognise(first) : undefined;
  if (other !== undefined) throw notSafetensors(file, other);
  if (fileBytes !== undefined && length > BigInt(fileBytes - LENGTH_BYTES))
    throw damaged(file, `the header claims ${length.toString()} bytes, the file has ${fileBytes}`);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw damaged(file, `the header claims ${length.toString()} bytes; the limit is ${MAX_HEADER_BYTES}`);
  return Number(length);
}

/** Checks and parses the JSON header of a file of `fileBytes` bytes (undefined: not known). Errors LaceError L5102. */
export function parseHeader(json: Uint8Array, fileBytes: number | undefined, file: string): SafetensorsHeader {
  const dataStart = LENGTH_BYTES + json.byteLength;
  const metadata = new Map<string, string>();
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of objectEntries(parseJson(json, file), file, "the header")) {
    if (name === "__metadata__") {
      for (const [key, value] of objectEntries(entry, file, "__metadata__")) {
        if (typeof value !== "string") throw damaged(file, `metadata '${key}' is not a string`);
        metadata.set(key, value);
      }
    } else tensors.set(name, parseEntry(name, entry, dataStart, file));
  }
  checkCover(tensors, dataStart, fileBytes, file);
  return { metadata, tensors };
}

function parseJson(json: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw damaged(file, "the header is not JSON");
  }
}

function objectEntries(value: unknown, file: string, what: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw damaged(file, `${what} is not an object`);
  return Object.entries(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseEntry(name: string, entry: unknown, dataStart: number, file: string): StoredTensor {
  const fields = new Map(objectEntries(entry, file, `tensor '${name}'`));
  const [dtype, shape, offsets] = [fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")];
  if (typeof dtype === "string" && /^F[864](_[A-Z0-9_]{0,12})?$/.test(dtype))
    throw modelError(
      "L5107",
      file,
      `tensor '${name}' has the type ${dtype}: numbers of 8 bits and fewer are not read`,
      ["convert the file to float16 or float32 with the tool that made it"],
    );
  if (typeof dtype !== "string" || !isDType(dtype))
    throw damaged(
      file,
      `tensor '${name}' has an unknown type ${typeof dtype === "string" ? JSON.stringify(dtype.slice(0, 40)) : "that is no text"}`,
    );
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isCount))
    throw damaged(file, `tensor '${name}' has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw damaged(file, `tensor '${name}' has no valid offsets`);
  const [start = 0, end = 0] = offsets;
  const bytes = shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
  // The product may pass 2^53, where it is inexact but still larger than any range.
  if (end - start !== bytes) throw damaged(file, `tensor '${name}' needs ${bytes} bytes, its range has ${end - start}`);
  return { dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** The ranges lie side by side and fill the file: no overlap, no hole, nothing beyond the end. */
function checkCover(
  tensors: ReadonlyMap<string, StoredTensor>,
  dataStart: number,
  fileBytes: number | undefined,
  file: string,
): void {
  let at = dataStart;
  const sorted = [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  for (const [name, t] of sorted) {
    if (t.start < at) throw damaged(file, `tensor '${name}' overlaps another`);
    if (t.start > at) throw damaged(file, `${t.start - at} unused bytes before tensor '${name}'`);
    at = t.end;
  }
  if (fileBytes !== undefined && at !== fileBytes)
    throw damaged(file, `the tensors end at byte ${at}, the file at ${fileBytes}`);
}

/**
 * Reads a whole safetensors file. Tensors are widened when asked for; aligned F32 tensors are views of `bytes`.
 * Errors LaceError L5102 for anything that is not a well-formed file.
 */
export function readSafetensors(bytes: Uint8Array, file: string): Safetensors {
  const length = headerLength(bytes, bytes.byteLength, file);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.byteLength, file);
  const stored = (t: StoredTensor): Uint8Array => bytes.subarray(t.start, t.end);
  return {
    ...header,
    tensor(name) {
      const t = header.tensors.get(name);
      return t && { shape: t.shape, data: toFloat32(t.dtype, stored(t)) };
    },
    tensor64(name) {
      const t = header.tensors.get(name);
      return t && { shape: t.shape, data: toFloat64(t.dtype, stored(t)) };
    },
  };
}

/** Types that lacec writes. */
export type WrittenDType = "F16" | "F32" | "U8";

/** Where everything of a file to be written goes. */
export interface SafetensorsLayout {
  /** The file's first bytes: length and header. */
  readonly head: Uint8Array;
  /** In the order given; offsets are those of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Of the whole file. */
  readonly bytes: number;
}

/**
 * Lays a file out before there is any data: for files that are written piece by piece.
 * The header is padded with spaces so that the data starts at a multiple of 8.
 */
export function layoutSafetensors(
  tensors: ReadonlyMap<string, { readonly dtype: WrittenDType; readonly shape: readonly number[] }>,
  metadata: Readonly<Record<string, string>>,
): SafetensorsLayout {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let size = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const end = size + shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    entries.push([name, { dtype, shape, data_offsets: [size, end] }]);
    size = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.byteLength / 8) * 8;
  const head = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, LENGTH_BYTES);
  const placed = new Map<string, StoredTensor>();
  let at = head.byteLength;
  for (const [name, { dtype, shape }] of tensors) {
    const end = at + shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    placed.set(name, { dtype, shape, start: at, end });
    at = end;
  }
  return { head, tensors: placed, bytes: at };
}

/** Writes a safetensors file. Tensors keep the map's order; float16 rounds to nearest, ties to even. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
  dtype: "F16" | "F32" = "F32",
): Uint8Array {
  const layout = layoutSafetensors(
    new Map([...tensors].map(([name, { shape }]) => [name, { dtype, shape }] as const)),
    metadata,
  );
  const out = new Uint8Array(layout.bytes);
  out.set(layout.head);
  for (const [name, { start }] of layout.tensors) {
    const values = tensors.get(name)?.data ?? new Float32Array(0);
    const data = dtype === "F16" ? narrowToHalf(values) : values;
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  }
  return out;
}
