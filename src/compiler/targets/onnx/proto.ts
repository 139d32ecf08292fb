// The part of ONNX's protobuf schema that we write: a table of field numbers and one encoder for each message.
// In: plain records of models, nodes and tensors. Out: bytes. Knows nothing of the graph IR.
// Invariants: tensors travel as raw_data, little-endian as ONNX asks (every platform with these runtimes is little-endian);
//   large tensors are copied once, by the writer's finish.
// Source: onnx.proto (the numbers are the wire format's, fixed for ever by its compatibility rule).
import protobuf from "protobufjs/minimal.js";

/** Field numbers by message. */
const FIELD = {
  model: { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8, metadata: 14 },
  opset: { domain: 1, version: 2 },
  entry: { key: 1, value: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, s: 4, floats: 7, ints: 8, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9 },
  valueInfo: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elemType: 1, shape: 2 },
  shape: { dim: 1 },
  dimension: { value: 1 },
} as const;

/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;
/** TensorProto.DataType. */
export const DATA_TYPE = { float: 1, int64: 7, bool: 9 } as const;

const WIRE = { varint: 0, bytes: 2, fixed32: 5 } as const;

export type AttributeValue =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "ints"; readonly value: readonly number[] };

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A float32 input or output with static dimensions. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dims: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

export interface OnnxModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: OnnxGraph;
}

type Writer = protobuf.Writer;

/**
 * The bytes of a ModelProto.
 *
 * Errors   none; that the model makes sense is the caller's business.
 * Owns     the result; `initializers` are read, not kept.
 */
export function encodeModel(model: OnnxModelProto): Uint8Array<ArrayBuffer> {
  const w = protobuf.Writer.create();
  int(w, FIELD.model.irVersion, model.irVersion);
  text(w, FIELD.model.producerName, model.producerName);
  message(w, FIELD.model.graph, () => writeGraph(w, model.graph));
  for (const opset of model.opsets) {
    message(w, FIELD.model.opsetImport, () => {
      text(w, FIELD.opset.domain, opset.domain);
      int(w, FIELD.opset.version, opset.version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    message(w, FIELD.model.metadata, () => {
      text(w, FIELD.entry.key, key);
      text(w, FIELD.entry.value, value);
    });
  }
  // A plain Uint8Array: in Node the writer hands back a Buffer, which other runtimes do not have.
  const bytes = w.finish();
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

function writeGraph(w: Writer, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(w, FIELD.graph.node, () => writeNode(w, node));
  text(w, FIELD.graph.name, graph.name);
  for (const tensor of graph.initializers) message(w, FIELD.graph.initializer, () => writeTensor(w, tensor));
  for (const value of graph.inputs) message(w, FIELD.graph.input, () => writeValueInfo(w, value));
  for (const value of graph.outputs) message(w, FIELD.graph.output, () => writeValueInfo(w, value));
}

function writeNode(w: Writer, node: OnnxNode): void {
  for (const name of node.inputs) text(w, FIELD.node.input, name);
  for (const name of node.outputs) text(w, FIELD.node.output, name);
  text(w, FIELD.node.opType, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(w, FIELD.node.attribute, () => writeAttribute(w, name, value));
  }
  if (node.domain !== "") text(w, FIELD.node.domain, node.domain);
}

function writeAttribute(w: Writer, name: string, value: AttributeValue): void {
  text(w, FIELD.attribute.name, name);
  switch (value.kind) {
    case "float":
      float(w, FIELD.attribute.f, value.value);
      break;
    case "int":
      int(w, FIELD.attribute.i, value.value);
      break;
    case "string":
      text(w, FIELD.attribute.s, value.value);
      break;
    case "floats":
      for (const x of value.value) float(w, FIELD.attribute.floats, x);
      break;
    case "ints":
      for (const x of value.value) int(w, FIELD.attribute.ints, x);
      break;
  }
  int(w, FIELD.attribute.type, ATTRIBUTE_TYPE[value.kind]);
}

function writeTensor(w: Writer, tensor: OnnxTensor): void {
  for (const dim of tensor.dims) int(w, FIELD.tensor.dims, dim);
  int(w, FIELD.tensor.dataType, tensor.data instanceof Float32Array ? DATA_TYPE.float : DATA_TYPE.int64);
  text(w, FIELD.tensor.name, tensor.name);
  const { buffer, byteOffset, byteLength } = tensor.data;
  w.uint32(tag(FIELD.tensor.rawData, WIRE.bytes)).bytes(new Uint8Array(buffer, byteOffset, byteLength));
}

function writeValueInfo(w: Writer, value: OnnxValueInfo): void {
  text(w, FIELD.valueInfo.name, value.name);
  message(w, FIELD.valueInfo.type, () =>
    message(w, FIELD.type.tensor, () => {
      int(w, FIELD.tensorType.elemType, DATA_TYPE.float);
      // A scalar has a shape without dimensions, so the (empty) message must be there.
      message(w, FIELD.tensorType.shape, () => {
        for (const dim of value.dims) message(w, FIELD.shape.dim, () => int(w, FIELD.dimension.value, dim));
      });
    }),
  );
}

function tag(field: number, wire: number): number {
  return (field << 3) | wire;
}

function message(w: Writer, field: number, body: () => void): void {
  w.uint32(tag(field, WIRE.bytes)).fork();
  body();
  w.ldelim();
}

function text(w: Writer, field: number, value: string): void {
  w.uint32(tag(field, WIRE.bytes)).string(value);
}

function int(w: Writer, field: number, value: number): void {
  w.uint32(tag(field, WIRE.varint)).int64(value);
}

function float(w: Writer, field: number, value: number): void {
  w.uint32(tag(field, WIRE.fixed32)).float(value);
}
