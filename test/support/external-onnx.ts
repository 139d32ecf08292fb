// Moves the weights of an ONNX file into a file beside it, as PyTorch writes large models.
// In: the bytes of a model with initializers. Out: the model that names the other file, and that file. By protobufjs' own reflection.
import protobuf from "protobufjs";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Model { int64 ir = 1; string producer = 2; Graph graph = 7; repeated bytes opset = 8; repeated bytes metadata = 14; }
  message Graph { repeated bytes node = 1; string name = 2; repeated Tensor initializer = 5; repeated bytes input = 11; repeated bytes output = 12; }
  message Tensor { repeated int64 dims = 1; int32 type = 2; string name = 8; bytes raw = 9; repeated Entry external = 13; int32 location = 14; }
  message Entry { string key = 1; string value = 2; }
`);

interface Tensor {
  raw: Uint8Array;
  external: { key: string; value: string }[];
  location: number;
}

export interface ExternalOptions {
  /** What the model calls the other file. */
  readonly location: string;
  /** Changes what a tensor says of its numbers. */
  readonly edit?: (entries: Record<string, string>) => void;
}

export function externalOnnx(model: Uint8Array, options: ExternalOptions): { onnx: Uint8Array; data: Uint8Array } {
  const type = root.lookupType("Model");
  const message = type.decode(model) as unknown as { graph: { initializer: Tensor[] } };
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of message.graph.initializer) {
    const entries: Record<string, string> = {
      location: options.location,
      offset: String(offset),
      length: String(tensor.raw.byteLength),
    };
    options.edit?.(entries);
    data.push(tensor.raw);
    offset += tensor.raw.byteLength;
    tensor.raw = new Uint8Array(0);
    tensor.external = Object.entries(entries).map(([key, value]) => ({ key, value }));
    tensor.location = 1;
  }
  return { onnx: new Uint8Array(type.encode(message).finish()), data: new Uint8Array(Buffer.concat(data)) };
}
