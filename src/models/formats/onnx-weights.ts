// ONNX files whose tensors name another file for their numbers ("external data"): found, and made whole.
// In: the bytes of a ModelProto. Out: its external tensors; the same model with their numbers inside.
// Invariants: nothing is opened here. A field that says where a tensor's numbers lie counts wherever it stands, since protobuf merges a
// message that is given twice: what `externalTensors` calls whole names no file in any reading. Work is linear in the bytes.
// Source: onnx.proto (field numbers), "External Data" of ONNX (keys).
import protobuf from "protobufjs/minimal.js";

/** A tensor whose numbers lie in a file. */
export interface ExternalTensor {
  readonly name: string;
  /** As the file says it: a path relative to the folder of the model, not to be trusted. */
  readonly location: string;
  /** Where they begin, in bytes. */
  readonly offset: number;
  /** Bytes that the tensor's shape and type need. */
  readonly size: number;
  /** What the file says of their length, if it does. */
  readonly length: number | undefined;
}

/** Bytes that are no ONNX model, or one whose external data cannot be right. */
export class OnnxDamage extends Error {}

/** What protobuf can hold; onnxruntime opens no more from bytes. */
export const LARGEST_MODEL = 2 ** 31 - 1;

type Kind = "model" | "graph" | "node" | "attribute" | "sparse" | "training" | "function" | "tensor";

/** Fields through which tensors are reached, by message. */
const INSIDE: Readonly<Record<Exclude<Kind, "tensor">, Readonly<Record<number, Kind>>>> = {
  model: { 7: "graph", 20: "training", 25: "function" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  training: { 1: "graph", 2: "graph" },
  function: { 7: "node", 11: "attribute" },
};
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9, externalData: 13, dataLocation: 14 } as const;
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
/** Messages in messages, as protobuf's own readers allow. */
const DEEPEST = 100;
/** Bits of an element by TensorProto.DataType; strings (8) cannot lie outside. */
const BITS: Readonly<Record<number, number>> = {
  ...{ 1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16 },
  ...{ 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2 },
};

/**
 * The tensors of a model whose numbers lie elsewhere, in the order of the file; none: the model is whole.
 * Errors   OnnxDamage if the bytes are no protobuf message, or a tensor says of its numbers what cannot be.
 */
export function externalTensors(bytes: Uint8Array): readonly ExternalTensor[] {
  const found: ExternalTensor[] = [];
  walk(bytes, "model", 0, (tensor) => {
    const external = readExternal(tensor);
    if (external !== undefined) found.push(external);
    return undefined;
  });
  return found;
}

/**
 * The model with the numbers of its external tensors inside; `data` gives those of each, in the order of `externalTensors`.
 * Errors   OnnxDamage as there, and if there is too much for one model.
 */
export function withDataInside(bytes: Uint8Array, data: readonly Uint8Array[]): Uint8Array {
  let next = 0;
  const pieces = walk(bytes, "model", 0, (tensor) => {
    if (readExternal(tensor) === undefined) return undefined;
    const numbers = data[next++];
    if (numbers === undefined) throw new OnnxDamage("numbers of a tensor are missing");
    const kept: Uint8Array[] = [];
    for (const { field, start, end } of fields(tensor))
      if (field !== TENSOR.externalData && field !== TENSOR.dataLocation) kept.push(tensor.subarray(start, end));
    return [...kept, prefix(TENSOR.rawData, numbers.byteLength), numbers];
  });
  const size = sizeOf(pieces);
  if (size > LARGEST_MODEL)
    throw new OnnxDamage(`it has ${size} bytes, ${LARGEST_MODEL} are the most of one ONNX file`);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

type Replace = (tensor: Uint8Array) => readonly Uint8Array[] | undefined;

/** The message in pieces, with what `replace` gives in place of a tensor. */
function walk(message: Uint8Array, kind: Exclude<Kind, "tensor">, depth: number, replace: Replace): Uint8Array[] {
  if (depth > DEEPEST) throw new OnnxDamage("its graphs are nested too deeply");
  const pieces: Uint8Array[] = [];
  let same = 0; // from here on nothing has changed
  for (const { field, wire, start, body, end } of fields(message)) {
    const inner = wire === WIRE.bytes ? INSIDE[kind][field] : undefined;
    if (inner === undefined) continue;
    const content = message.subarray(body, end);
    const changed = inner === "tensor" ? replace(content) : walk(content, inner, depth + 1, replace);
    if (changed === undefined || (changed.length === 1 && changed[0] === content)) continue;
    pieces.push(message.subarray(same, start), prefix(field, sizeOf(changed)), ...changed);
    same = end;
  }
  if (same === 0) return [message];
  return [...pieces, message.subarray(same)];
}

interface Field {
  readonly field: number;
  readonly wire: number;
  readonly start: number;
  /** Where the content begins: behind the tag, and the length if it has one. */
  readonly body: number;
  readonly end: number;
}

function* fields(message: Uint8Array): Generator<Field> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    let read: Field;
    try {
      const tag = reader.uint32();
      const [field, wire] = [tag >>> 3, tag & 7];
      if (field === 0) throw new OnnxDamage("it is no ONNX model");
      let body = reader.pos;
      if (wire === WIRE.varint || wire === WIRE.fixed64 || wire === WIRE.fixed32) reader.skipType(wire);
      else if (wire === WIRE.bytes) {
        const length = reader.uint32();
        body = reader.pos;
        if (length > reader.len - body) throw new OnnxDamage("it is cut off, or no ONNX model");
        if (length > 0) reader.skip(length);
      } else throw new OnnxDamage("it is no ONNX model");
      read = { field, wire, start, body, end: reader.pos };
    } catch (error) {
      if (error instanceof OnnxDamage) throw error;
      throw new OnnxDamage("it is cut off, or no ONNX model");
    }
    yield read;
  }
}

/** What a tensor says of its numbers; undefined if it has them itself. */
function readExternal(tensor: Uint8Array): ExternalTensor | undefined {
  let external = false;
  let name = "";
  let type = 0;
  let count = 1;
  const entries = new Map<string, string>();
  for (const { field, wire, body, end } of fields(tensor)) {
    const content = tensor.subarray(body, end);
    if (field === TENSOR.dataLocation && wire === WIRE.varint) external ||= numberOf(content) !== 0;
    else if (field === TENSOR.dataType && wire === WIRE.varint) type = numberOf(content);
    else if (field === TENSOR.dims) count *= dimensions(content, wire);
    else if (field === TENSOR.name && wire === WIRE.bytes) name = textOf(content);
    else if (field === TENSOR.externalData && wire === WIRE.bytes) {
      external = true;
      const [key, value] = entryOf(content);
      entries.set(key, value);
    }
  }
  if (!external) return undefined;
  const location = entries.get("location");
  if (location === undefined) throw new OnnxDamage(`the tensor '${name}' lies elsewhere, but does not say where`);
  const bits = BITS[type];
  if (bits === undefined) throw new OnnxDamage(`the tensor '${name}' is of a type that cannot lie elsewhere`);
  const size = Math.ceil((count * bits) / 8);
  if (!Number.isSafeInteger(size) || size < 0) throw new OnnxDamage(`the tensor '${name}' has no size that can be`);
  const [offset = 0, length] = [wholeNumber(entries, "offset", name), wholeNumber(entries, "length", name)];
  return { name, location, offset, size, length };
}

function wholeNumber(entries: ReadonlyMap<string, string>, key: string, name: string): number | undefined {
  const text = entries.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw new OnnxDamage(`the ${key} of the tensor '${name}' is no number of bytes`);
  return value;
}

function entryOf(entry: Uint8Array): [key: string, value: string] {
  let [key, value] = ["", ""];
  for (const { field, wire, body, end } of fields(entry)) {
    if (wire !== WIRE.bytes) continue;
    if (field === 1) key = textOf(entry.subarray(body, end));
    if (field === 2) value = textOf(entry.subarray(body, end));
  }
  return [key, value];
}

/** The product of dimensions: one of them, or several packed. */
function dimensions(content: Uint8Array, wire: number): number {
  const reader = protobuf.Reader.create(content);
  if (wire !== WIRE.varint && wire !== WIRE.bytes) return NaN;
  let product = 1;
  try {
    while (reader.pos < reader.len) product *= toNumber(reader.int64());
  } catch {
    return NaN; // cut off within a number
  }
  return product;
}

function numberOf(varint: Uint8Array): number {
  return toNumber(protobuf.Reader.create(varint).int64());
}

/** A 64-bit integer, by whatever protobufjs represents it. */
function toNumber(value: { toString(): string }): number {
  return Number(value.toString());
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Tag and length of a field of bytes. */
function prefix(field: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32(field * 8 + WIRE.bytes)
    .uint32(length)
    .finish();
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, p) => sum + p.byteLength, 0);
}
