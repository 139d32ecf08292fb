// An ONNX model as plain data: nodes, constants, inputs and outputs.
// In: the bytes of a ModelProto. Out: OnnxModelFile. Invariants: nothing is run or opened; numbers are read when they are asked for.
// Source: onnx.proto (field numbers are the wire format's).
import protobuf from "protobufjs/minimal.js";
import { DTYPE_BYTES, toFloat32, type DType } from "./dtype.js";
import {
  ONNX_TYPES,
  type OnnxAttribute,
  type OnnxConstant,
  type OnnxModelFile,
  type OnnxNodeFile,
  type OnnxValueFile,
} from "../../compiler/onnx-network.js";
import { OnnxDamage } from "./onnx-weights.js";

type Reader = protobuf.Reader;

/** Reads a model. Errors OnnxDamage if the bytes are none. */
export function readOnnxModel(bytes: Uint8Array): OnnxModelFile {
  const nodes: OnnxNodeFile[] = [];
  const constants = new Map<string, OnnxConstant>();
  const inputs: OnnxValueFile[] = [];
  const outputs: OnnxValueFile[] = [];
  let opset: number | undefined;
  visit(bytes, (field, _, r) => {
    if (field === 8) opset = readOpset(r.bytes()) ?? opset;
    if (field === 8) return true;
    if (field !== 7) return false;
    visit(r.bytes(), (f, __, graph) => {
      if (f === 1) nodes.push(readNode(graph.bytes()));
      else if (f === 5) {
        const tensor = readTensor(graph.bytes());
        constants.set(tensor.name, tensor);
      } else if (f === 11) inputs.push(readValue(graph.bytes()));
      else if (f === 12) outputs.push(readValue(graph.bytes()));
      else return false;
      return true;
    });
    return true;
  });
  const open = inputs.filter((v) => !constants.has(v.name));
  return { nodes, constants, inputs: open, outputs, ...(opset !== undefined && { opset }) };
}

/** The version of ONNX's own operations; undefined of others'. */
function readOpset(bytes: Uint8Array): number | undefined {
  let [domain, version] = ["", 0];
  visit(bytes, (field, _, r) => {
    if (field === 1) domain = r.string();
    else if (field === 2) version = toNumber(r.int64());
    else return false;
    return true;
  });
  return domain === "" || domain === "ai.onnx" ? version : undefined;
}

/** Calls `take` for each field; it answers whether it has read the field. */
function visit(bytes: Uint8Array, take: (field: number, wire: number, reader: Reader) => boolean): void {
  const reader = protobuf.Reader.create(bytes);
  try {
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (!take(tag >>> 3, tag & 7, reader)) reader.skipType(tag & 7);
    }
  } catch (error) {
    if (error instanceof OnnxDamage) throw error;
    throw new OnnxDamage("it is cut off, or no ONNX model");
  }
}

function readNode(bytes: Uint8Array): OnnxNodeFile {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes = new Map<string, OnnxAttribute>();
  let [name, opType, domain] = ["", "", ""];
  visit(bytes, (field, _, r) => {
    if (field === 1) inputs.push(r.string());
    else if (field === 2) outputs.push(r.string());
    else if (field === 3) name = r.string();
    else if (field === 4) opType = r.string();
    else if (field === 5) attributes.set(...readAttribute(r.bytes()));
    else if (field === 7) domain = r.string();
    else return false;
    return true;
  });
  return { name, opType, domain, inputs, outputs, attributes };
}

function readAttribute(bytes: Uint8Array): [name: string, attribute: OnnxAttribute] {
  const [floats, ints]: [number[], number[]] = [[], []];
  let name = "";
  const one: { f?: number; i?: number; s?: string; t?: OnnxConstant } = {};
  visit(bytes, (field, wire, r) => {
    if (field === 1) name = r.string();
    else if (field === 2) one.f = r.float();
    else if (field === 3) one.i = toNumber(r.int64());
    else if (field === 4) one.s = new TextDecoder().decode(r.bytes());
    else if (field === 5) one.t = readTensor(r.bytes());
    else if (field === 7) repeated(wire, r, floats, (inner) => inner.float());
    else if (field === 8) repeated(wire, r, ints, (inner) => toNumber(inner.int64()));
    else return false;
    return true;
  });
  return [name, { ...one, floats, ints }];
}

/** A repeated number, packed or one by one. */
function repeated(wire: number, r: Reader, into: number[], read: (r: Reader) => number): void {
  if (wire !== 2) {
    into.push(read(r));
    return;
  }
  const inner = protobuf.Reader.create(r.bytes());
  while (inner.pos < inner.len) into.push(read(inner));
}

function readValue(bytes: Uint8Array): OnnxValueFile {
  let [name, type] = ["", 0];
  const dims: (number | null)[] = [];
  const dimension = (of: Uint8Array): void => {
    let size: number | null = null;
    visit(of, (field, _, r) => {
      if (field !== 1) return false;
      size = toNumber(r.int64());
      return true;
    });
    dims.push(size);
  };
  /** type 2 -> tensor 1 -> shape 2 -> dim 1; beside the shape is the type of the elements, 1. */
  const descend = (of: Uint8Array, path: readonly number[]): void => {
    visit(of, (field, wire, r) => {
      if (path.length === 2 && field === 1 && wire === 0) {
        type = r.int32();
        return true;
      }
      if (field !== path[0]) return false;
      if (path.length === 1) dimension(r.bytes());
      else descend(r.bytes(), path.slice(1));
      return true;
    });
  };
  visit(bytes, (field, _, r) => {
    if (field === 1) name = r.string();
    else if (field === 2) descend(r.bytes(), [1, 2, 1]);
    else return false;
    return true;
  });
  return { name, dims, type: ONNX_TYPES.get(type) ?? `type ${type}` };
}

/** TensorProto.DataType of what is read. */
const TYPES: ReadonlyMap<number, DType> = new Map<number, DType>([
  [1, "F32"],
  [2, "U8"],
  [3, "I8"],
  [4, "U16"],
  [5, "I16"],
  [6, "I32"],
  [7, "I64"],
  [9, "BOOL"],
  [10, "F16"],
  [11, "F64"],
  [12, "U32"],
  [13, "U64"],
  [16, "BF16"],
]);

function readTensor(bytes: Uint8Array): OnnxConstant {
  let [name, type] = ["", 0];
  const dims: number[] = [];
  const listed: number[] = [];
  let raw: Uint8Array | undefined;
  visit(bytes, (field, wire, r) => {
    if (field === 1) repeated(wire, r, dims, (inner) => toNumber(inner.int64()));
    else if (field === 2) type = r.int32();
    else if (field === 4) repeated(wire, r, listed, (inner) => inner.float());
    else if (field === 5) repeated(wire, r, listed, (inner) => inner.int32());
    else if (field === 7) repeated(wire, r, listed, (inner) => toNumber(inner.int64()));
    else if (field === 8) name = r.string();
    else if (field === 9) raw = r.bytes();
    else if (field === 10) repeated(wire, r, listed, (inner) => inner.double());
    else if (field === 11) repeated(wire, r, listed, (inner) => toNumber(inner.uint64()));
    else return false;
    return true;
  });
  const dtype = TYPES.get(type);
  return {
    name,
    dims,
    type: ONNX_TYPES.get(type) ?? `type ${type}`,
    read() {
      if (!dims.every((n) => Number.isSafeInteger(n) && n >= 0))
        throw new OnnxDamage(`the tensor '${name}' has dimensions that make no sense`);
      if (dtype === undefined) throw new OnnxDamage(`the tensor '${name}' is of a type (${type}) that is not read`);
      const count = dims.reduce((a, b) => a * b, 1);
      if (raw !== undefined && raw.byteLength !== count * DTYPE_BYTES[dtype])
        throw new OnnxDamage(`the tensor '${name}' has ${raw.byteLength} bytes for ${count} numbers`);
      const data = raw === undefined ? fromList(dtype, listed) : toFloat32(dtype, raw);
      if (data.length !== count) throw new OnnxDamage(`the tensor '${name}' has ${data.length} numbers, not ${count}`);
      return data;
    },
  };
}

/** Numbers that are listed one by one: of half precision their bits are. */
function fromList(dtype: DType, listed: readonly number[]): Float32Array {
  if (dtype !== "F16" && dtype !== "BF16") return Float32Array.from(listed);
  return toFloat32(dtype, new Uint8Array(Uint16Array.from(listed).buffer));
}

/** A 64-bit integer, by whatever protobufjs represents it. */
function toNumber(value: { toString(): string } | number): number {
  return Number(value.toString());
}
