// Small ONNX decoders with more than z in and more than a picture out, in the forms that exporters write, and the same sums in plain numbers.
// In: which form. Out: the bytes of an ONNX file; its pictures. The picture is tanh(z W psi + table[c] + noise), [n, 3, 4, 4].
// Invariant: nothing here is taken from the code under test but the encoder of ONNX files.
import protobuf from "protobufjs";
import { encodeModel, type AttributeValue, type OnnxNode } from "../../src/compiler/targets/onnx/proto.js";
import { random } from "./random.js";

export const Z_DIM = 4;
export const CLASSES = 3;
const SIZE = 48;
const r = random(21);
const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, () => r.normal());
const weight = numbers(Z_DIM * SIZE);
const table = numbers(CLASSES * SIZE);

export interface ConditionalOptions {
  /** How the class goes in; default: one-hot numbers [n, 3]. */
  readonly classes?: "one-hot" | "index";
  /** Shape of psi; default []. */
  readonly psi?: readonly (number | "n")[];
  /** Of z and the picture. */
  readonly type?: "float32" | "float16" | "uint8";
  /** A second output that could be the picture as well as the first. */
  readonly twins?: boolean;
  /** Images of a run, where the file fixes it. */
  readonly batch?: number;
}

/** Values of z, in its place in the file: TensorProto.DataType. */
const TYPE = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;

export function conditionalDecoder(options: ConditionalOptions = {}): Uint8Array {
  const { classes = "one-hot", psi = [], type = "float32", twins = false, batch = "n" } = options;
  const node = (
    opType: string,
    inputs: string[],
    output: string,
    attributes: Record<string, AttributeValue> = {},
  ): OnnxNode => ({
    ...{ opType, domain: "", inputs, outputs: [output], attributes },
  });
  const cast = (from: string, to: string, into: keyof typeof TYPE): OnnxNode =>
    node("Cast", [from], to, { to: { kind: "int", value: TYPE[into] } });
  const nodes = [
    type === "float16" ? cast("z", "z32", "float32") : node("Identity", ["z"], "z32"),
    node("MatMul", ["z32", "weight"], "features"),
    node("Mul", ["features", "psi"], "scaled"),
    classes === "index" ? node("Gather", ["table", "c"], "row") : node("MatMul", ["c", "table"], "row"),
    node("Add", ["scaled", "row"], "asked"),
    node("Add", ["asked", "noise"], "noisy"),
    node("Tanh", ["noisy"], "flat"),
    node("Reshape", ["flat", "shape"], "planes"),
    ...(type === "uint8"
      ? [
          node("Mul", ["planes", "half"], "scaled255"),
          node("Add", ["scaled255", "half"], "shifted"),
          cast("shifted", "bytes", "uint8"),
          node("Transpose", ["bytes"], "img", { perm: { kind: "ints", value: [0, 2, 3, 1] } }),
        ]
      : [type === "float16" ? cast("planes", "img", "float16") : node("Identity", ["planes"], "img")]),
    ...(twins ? [node("Neg", ["planes"], "negative")] : []),
  ];
  const model = encodeModel({
    irVersion: 8,
    producerName: "test",
    opsets: [{ domain: "", version: 17 }],
    metadata: {},
    graph: {
      name: "decoder",
      nodes,
      initializers: [
        { name: "weight", dims: [Z_DIM, SIZE], data: weight },
        { name: "table", dims: [CLASSES, SIZE], data: table },
        { name: "shape", dims: [4], data: BigInt64Array.from([-1n, 3n, 4n, 4n]) },
        { name: "half", dims: [], data: Float32Array.of(127.5) },
      ],
      inputs: ["z", "c", "psi", "noise"].map((name) => ({ name, dims: [] })),
      outputs: ["features", ...(twins ? ["negative"] : []), "img"].map((name) => ({ name, dims: [] })),
    },
  });
  const layout = type === "uint8" ? [batch, 4, 4, 3] : [batch, 3, 4, 4];
  return declared(model, {
    z: [type === "float16" ? "float16" : "float32", [batch, Z_DIM]],
    c: classes === "index" ? ["int64", [batch]] : ["float32", [batch, CLASSES]],
    psi: ["float32", psi],
    noise: ["float32", [1, SIZE]],
    features: ["float32", [batch, SIZE]],
    negative: ["float32", [batch, 3, 4, 4]],
    img: [type, layout],
  });
}

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Model { int64 ir = 1; string producer = 2; Graph graph = 7; repeated bytes opset = 8; repeated bytes metadata = 14; }
  message Graph { repeated bytes node = 1; string name = 2; repeated bytes initializer = 5; repeated Value input = 11; repeated Value output = 12; }
  message Value { string name = 1; Type type = 2; }
  message Type { Tensor tensor = 1; }
  message Tensor { int32 elem = 1; Shape shape = 2; }
  message Shape { repeated Dim dim = 1; }
  message Dim { oneof is { int64 value = 1; string name = 2; } }
`);

/** The model with types and dimensions that the encoder does not write: it knows float32 of sizes that are fixed. */
function declared(
  model: Uint8Array,
  values: Readonly<Record<string, readonly [keyof typeof TYPE, readonly (number | string)[]]>>,
): Uint8Array {
  const type = root.lookupType("Model");
  const message = type.decode(model) as unknown as {
    graph: Record<"input" | "output", { name: string; type: object }[]>;
  };
  for (const value of [...message.graph.input, ...message.graph.output]) {
    const [elem, dims] = values[value.name] ?? (["float32", []] as const);
    const dim = dims.map((n) => (typeof n === "number" ? { value: n } : { name: n }));
    value.type = { tensor: { elem: TYPE[elem], shape: { dim } } };
  }
  return new Uint8Array(type.encode(type.fromObject(message)).finish());
}

/** The picture of one z as bytes, [4, 4, 3]. */
export function pictureOf(z: ArrayLike<number>, index: number, psi: number, noise = 0): Uint8Array {
  return Uint8Array.from({ length: SIZE }, (_, i) => {
    const at = (i % 3) * 16 + Math.floor(i / 3);
    let sum = (table[index * SIZE + at] ?? NaN) + noise;
    for (let k = 0; k < Z_DIM; k++) sum += (z[k] ?? NaN) * (weight[k * SIZE + at] ?? NaN) * psi;
    return Math.round(127.5 * (Math.tanh(sum) + 1));
  });
}
