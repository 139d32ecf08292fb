// An ONNX decoder that never ends: a loop of 2^62 rounds before the picture. For tests of what can stop it.
// In: nothing. Out: the bytes of the file: z [1, 4] -> img [1, 3, 8, 8]. By protobufjs' own reflection.
import protobuf from "protobufjs";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Model { int64 ir = 1; Graph graph = 7; repeated Opset opset = 8; }
  message Opset { string domain = 1; int64 version = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
  message Node { repeated string input = 1; repeated string output = 2; string op = 4; repeated Attribute attribute = 5; }
  message Attribute { string name = 1; Graph g = 6; int32 type = 20; }
  message Tensor { repeated int64 dims = 1; int32 type = 2; string name = 8; bytes raw = 9; }
  message Value { string name = 1; Type type = 2; }
  message Type { TensorType tensor = 1; }
  message TensorType { int32 elem = 1; Shape shape = 2; }
  message Shape { repeated Dim dim = 1; }
  message Dim { int64 value = 1; }
`);

const [FLOAT, INT64, BOOL, GRAPH] = [1, 7, 9, 5];
const value = (name: string, elem: number, dims: readonly number[]): object => ({
  name,
  type: { tensor: { elem, shape: { dim: dims.map((d) => ({ value: d })) } } },
});
const tensor = (name: string, type: number, dims: readonly number[], raw: ArrayBuffer): object => ({
  ...{ name, type, dims },
  raw: new Uint8Array(raw),
});

export function endlessOnnx(): Uint8Array {
  const body = {
    name: "body",
    node: [
      { op: "Identity", input: ["go"], output: ["on"] },
      { op: "Neg", input: ["v"], output: ["next"] },
    ],
    input: [value("i", INT64, []), value("go", BOOL, []), value("v", FLOAT, [1, 4])],
    output: [value("on", BOOL, []), value("next", FLOAT, [1, 4])],
  };
  const graph = {
    name: "endless",
    node: [
      {
        op: "Loop",
        input: ["rounds", "yes", "z"],
        output: ["last"],
        attribute: [{ name: "body", type: GRAPH, g: body }],
      },
      { op: "MatMul", input: ["last", "weight"], output: ["flat"] },
      { op: "Reshape", input: ["flat", "shape"], output: ["img"] },
    ],
    initializer: [
      tensor("rounds", INT64, [], BigInt64Array.of(2n ** 62n).buffer),
      tensor("yes", BOOL, [], Uint8Array.of(1).buffer),
      tensor("weight", FLOAT, [4, 192], new Float32Array(4 * 192).buffer),
      tensor("shape", INT64, [4], BigInt64Array.of(1n, 3n, 8n, 8n).buffer),
    ],
    input: [value("z", FLOAT, [1, 4])],
    output: [value("img", FLOAT, [1, 3, 8, 8])],
  };
  const type = root.lookupType("Model");
  return new Uint8Array(type.encode(type.fromObject({ ir: 8, graph, opset: [{ domain: "", version: 17 }] })).finish());
}
