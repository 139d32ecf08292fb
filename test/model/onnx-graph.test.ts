import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { inline } from "../../src/compiler/graph/copy.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { encodeModel, type AttributeValue, type OnnxTensor } from "../../src/compiler/targets/onnx/proto.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { onnxGraph } from "../../src/compiler/build/onnx-network/onnx-graph.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { expectClose } from "../support/close.js";
import { slopes, STRAIGHT_THROUGH } from "../support/onnx-slopes.js";

type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>;

interface Case {
  readonly op: string;
  readonly attributes?: Attributes;
  /** Of the input `x`. */
  readonly x: readonly number[];
  /** Further inputs, constants: floats by shape and seed, or whole numbers. */
  readonly constants?: readonly (
    readonly number[] | { readonly ints: readonly number[] } | { readonly floats: readonly number[] } | null
  )[];
  readonly outputs?: number;
  /** Positive inputs only. */
  readonly positive?: boolean;
  /** Default 17. */
  readonly opset?: number;
}

function attribute(value: Attributes[string]): AttributeValue {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") return { kind: "int", value };
  if ("float" in value) return { kind: "float", value: value.float };
  return { kind: "ints", value };
}

/** Numbers of no pattern between -2 and 2. */
function numbers(count: number, seed: number, positive = false): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const v = 2 * Math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1));
    return positive ? Math.abs(v) + 0.1 : v;
  });
}
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A model of one node. */
function modelOf({ op, attributes = {}, x, constants = [], outputs = 1, positive, opset = 17 }: Case): Uint8Array {
  const tensors = constants.map((of, i): OnnxTensor | undefined => {
    const name = `c${i}`;
    if (of === null) return undefined;
    if ("ints" in of) return { name, dims: [of.ints.length], data: BigInt64Array.from(of.ints, BigInt) };
    if ("floats" in of)
      return { name, dims: of.floats.length === 1 ? [] : [of.floats.length], data: Float32Array.from(of.floats) };
    return { name, dims: [...of], data: numbers(sizeOf(of), i + 1, positive) };
  });
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  return encodeModel({
    irVersion: 8,
    producerName: "test",
    opsets: [{ domain: "", version: opset }],
    metadata: {},
    graph: {
      name: "g",
      nodes: [
        {
          opType: op,
          domain: "",
          inputs: ["x", ...tensors.map((t) => t?.name ?? "")],
          outputs: results,
          attributes: Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, attribute(v)])),
        },
      ],
      initializers: tensors.filter((t) => t !== undefined),
      inputs: [{ name: "x", dims: x }],
      outputs: results.map((name) => ({ name, dims: [] })),
    },
  });
}

const image = [2, 3, 6, 5];
const CASES: readonly Case[] = [
  ...["Identity", "Relu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Softsign", "Erf"].map((op) => ({
    op,
    x: image,
  })),
  ...["Exp", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Reciprocal", "Elu", "Selu", "LeakyRelu"].map((op) => ({
    op,
    x: image,
  })),
  ...["Log", "Sqrt"].map((op) => ({ op, x: image, positive: true })),
  { op: "LeakyRelu", attributes: { alpha: { float: 0.3 } }, x: image },
  { op: "Clip", x: image, constants: [{ floats: [-0.5] }, { floats: [1] }] },
  { op: "Pow", x: image, constants: [{ floats: [2] }] },
  { op: "Pow", x: image, constants: [{ floats: [1.5] }], positive: true },
  ...["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"].map((op) => ({ op, x: image, constants: [[3, 1, 1]] })),
  { op: "Add", x: image, constants: [image] },
  { op: "PRelu", x: image, constants: [[3, 1, 1]] },
  { op: "MatMul", x: [2, 4, 3], constants: [[3, 5]] },
  {
    op: "Gemm",
    attributes: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
    x: [4, 3],
    constants: [[5, 3], [5]],
  },
  { op: "Gemm", attributes: { transA: 1 }, x: [3, 4], constants: [[3, 5]] },
  { op: "Conv", x: image, constants: [[4, 3, 3, 3], [4]], attributes: { pads: [1, 1, 1, 1], strides: [2, 2] } },
  { op: "Conv", x: image, constants: [[4, 3, 3, 2]], attributes: { pads: [1, 0, 2, 1] } },
  { op: "Conv", x: image, constants: [[4, 3, 2, 2]], attributes: { dilations: [2, 2] } },
  { op: "Conv", x: [1, 4, 6, 6], constants: [[6, 2, 3, 3], [6]], attributes: { group: 2, pads: [1, 1, 1, 1] } },
  {
    op: "Conv",
    x: [1, 4, 7, 6],
    constants: [[4, 1, 3, 3], [4]],
    attributes: { group: 4, pads: [1, 1, 1, 1], strides: [2, 2] },
  },
  { op: "Conv", x: image, constants: [[4, 3, 3, 3]], attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] } },
  {
    op: "ConvTranspose",
    x: image,
    constants: [[3, 2, 4, 4], [2]],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  { op: "MaxPool", x: image, attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] } },
  { op: "MaxPool", x: image, attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { op: "AveragePool", x: image, attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { op: "AveragePool", x: image, attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 } },
  { op: "GlobalAveragePool", x: image },
  { op: "GlobalMaxPool", x: image },
  { op: "InstanceNormalization", x: image, constants: [[3], [3]] },
  { op: "LayerNormalization", x: [2, 3, 8], constants: [[8], [8]], attributes: { axis: -1 } },
  { op: "BatchNormalization", x: image, constants: [[3], [3], [3], [3]], positive: true },
  ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"].map(
    (op) => ({
      ...{ op, x: image, attributes: { axes: [2, 3], keepdims: 0 } },
    }),
  ),
  { op: "ReduceSum", x: image, constants: [{ ints: [1] }], attributes: { keepdims: 1 } },
  { op: "Softmax", x: [3, 5], attributes: { axis: -1 } },
  { op: "LogSoftmax", x: [3, 5], attributes: { axis: 1 } },
  { op: "Reshape", x: image, constants: [{ ints: [0, -1, 5] }] },
  { op: "Flatten", x: image },
  { op: "Squeeze", x: [2, 1, 3, 1], constants: [{ ints: [1, -1] }] },
  { op: "Unsqueeze", x: [2, 3], constants: [{ ints: [0, 3] }] },
  { op: "Transpose", x: image, attributes: { perm: [0, 3, 1, 2] } },
  { op: "Split", x: [2, 6], attributes: { axis: 1 }, constants: [{ ints: [2, 4] }], outputs: 2 },
  { op: "Slice", x: image, constants: [{ ints: [1, -3] }, { ints: [6, 100] }, { ints: [2, 3] }] },
  { op: "Gather", x: image, attributes: { axis: 1 }, constants: [{ ints: [2, 0, -1] }] },
  { op: "Expand", x: [3, 1], constants: [{ ints: [2, 3, 4] }] },
  { op: "Pad", x: image, constants: [{ ints: [0, 0, 1, 2, 0, 0, 0, 1] }] },
  { op: "Concat", x: image, attributes: { axis: 1 }, constants: [[2, 2, 6, 5]] },
  { op: "Resize", x: image, attributes: { mode: "nearest" }, constants: [null, { floats: [1, 1, 2, 3] }] },
  ...["linear", "cubic"].flatMap((mode) =>
    ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"].map((to) => ({
      ...{ op: "Resize", x: image, attributes: { mode, coordinate_transformation_mode: to } },
      constants: [null, null, { ints: [2, 3, 9, 4] }],
    })),
  ),
  { op: "Gelu", x: image, opset: 20 },
  { op: "Gelu", x: image, opset: 20, attributes: { approximate: "tanh" } },
  { op: "Mish", x: image, opset: 18 },
  { op: "GroupNormalization", x: [2, 6, 4, 5], opset: 21, attributes: { num_groups: 3 }, constants: [[6], [6]] },
  { op: "LpNormalization", x: image, attributes: { axis: 1, p: 2 } },
  {
    op: "LRN",
    x: [1, 7, 3, 4],
    attributes: { size: 5, alpha: { float: 0.3 }, beta: { float: 0.7 }, bias: { float: 1.5 } },
  },
  // Before opset 13 over all axes from the second on.
  { op: "Softmax", x: [2, 4, 1, 1], opset: 11 },
  { op: "Softmax", x: [2, 3, 2, 2], opset: 11, attributes: { axis: 2 } },
  { op: "LogSoftmax", x: [2, 4, 1, 1], opset: 12 },
  { op: "Pow", x: image, constants: [{ floats: [4] }] },
  { op: "Pow", x: image, constants: [{ floats: [-3] }] },
  ...[0, 1].map((ceil_mode) => ({
    ...{ op: "MaxPool", x: [1, 2, 7, 8], attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode } },
  })),
  ...[0, 1].flatMap((count_include_pad) =>
    [0, 1].map((ceil_mode) => ({
      op: "AveragePool",
      x: [1, 2, 7, 8],
      attributes: { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 0, 1, 1], ceil_mode, count_include_pad },
    })),
  ),
  { op: "AveragePool", x: image, attributes: { kernel_shape: [6, 5] } },
  { op: "Conv", x: [1, 3, 8, 9], constants: [[4, 3, 3, 3], [4]], attributes: { strides: [2, 1], pads: [1, 1, 1, 1] } },
  {
    op: "ConvTranspose",
    x: [1, 4, 5, 6],
    constants: [[4, 3, 3, 3], [6]],
    attributes: { group: 2, strides: [2, 2], pads: [1, 0, 0, 1], output_padding: [1, 1] },
  },
  { op: "ConvTranspose", x: image, constants: [[3, 2, 3, 3]], attributes: { dilations: [2, 2] } },
  { op: "Pad", x: image, attributes: { mode: "reflect" }, constants: [{ ints: [0, 0, 2, 1, 0, 0, 1, 3] }] },
  { op: "Pad", x: image, attributes: { mode: "edge" }, constants: [{ ints: [0, 0, 2, 1, 0, 0, 1, 3] }] },
  { op: "Pad", x: image, constants: [{ ints: [0, 0, 2, 1, 0, 0, 1, 3] }, { floats: [0.7] }] },
  { op: "Slice", x: image, constants: [{ ints: [5, 0] }, { ints: [-100, 5] }, { ints: [2, 3] }, { ints: [-2, 2] }] },
  { op: "Einsum", x: [2, 3, 4], attributes: { equation: "bij,jk->bik" }, constants: [[4, 5]] },
];

describe("ONNX operations as graphs of ours say what onnxruntime says", () => {
  it.each(CASES.map((c) => [c.op, JSON.stringify(c.attributes ?? {}), c] as const))("%s %s", async (_, __, c) => {
    const bytes = modelOf(c);
    const data = numbers(sizeOf(c.x), 0, c.positive);
    const theirs = await openOnnxModel(bytes);
    const want = await theirs.run({ x: { data, dims: c.x } });
    await theirs.dispose();
    for (const layout of ["nchw", "nhwc"] as const) {
      const graph = onnxGraph(readOnnxModel(bytes), { inputs: { x: c.x }, layout });
      const got = interpret(graph, { x: data });
      for (const [name, { data: values, dims }] of Object.entries(want)) {
        expect(graph.nodes[graph.outputs.find((o) => o.name === name)!.node]!.shape).toEqual(dims);
        expectClose(got[name]!, values, { abs: 2e-5, rel: 2e-5 });
      }
    }
  });

  it("Round takes the even one of two, and hands gradients on as quantised networks are trained", () => {
    const x = [4];
    const graph = onnxGraph(readOnnxModel(modelOf({ op: "Round", x })), { inputs: { x }, layout: "nchw" });
    const [output] = graph.outputs;
    const { [output!.name]: rounded } = interpret(graph, { x: Float32Array.from([0.5, 1.5, -2.5, 2.6]) });
    expect([...rounded!].map((v) => v + 0)).toEqual([0, 2, -2, 3]);
    const b = new GraphBuilder();
    const inlined = inline(b, graph, { x: b.input("x", x) })[output!.name]!;
    const slopes = differentiate(b.finish({ outputs: { sum: b.sum(inlined) } }), { of: "sum", wrt: { x: "g" } });
    expect([...interpret(slopes, { x: Float32Array.from([0.5, 1.5, -2.5, 2.6]) })["g"]!]).toEqual([1, 1, 1, 1]);
  });

  it.each(
    CASES.filter((c) => !STRAIGHT_THROUGH.includes(c.op)).map(
      (c) => [c.op, JSON.stringify(c.attributes ?? {}), c] as const,
    ),
  )("the gradient of %s %s is central differences in float64", (_, __, c) => {
    const graph = onnxGraph(readOnnxModel(modelOf(c)), { inputs: { x: c.x }, layout: "nchw" });
    const [own, differences] = slopes({ graph, inputs: { x: numbers(sizeOf(c.x), 0, c.positive) } });
    expect(Math.abs(own - differences) / (1 + Math.abs(differences))).toBeLessThan(2e-5);
  });
});

describe("ONNX networks", () => {
  it("the embedded labeller sees what it sees on onnxruntime", async () => {
    const bytes = readFileSync(fileURLToPath(new URL("../../models/avatar-labeller.onnx", import.meta.url)));
    const dims = [2, 3, 128, 128];
    const data = numbers(sizeOf(dims), 3).map((v) => v / 2);
    const theirs = await openOnnxModel(bytes);
    const want = await theirs.run({ image: { data, dims } });
    await theirs.dispose();
    const graph = onnxGraph(readOnnxModel(bytes), { inputs: { image: dims }, layout: "nhwc" });
    const got = interpret(graph, { image: data });
    expect(Object.keys(want).sort()).toEqual(["features", "logits", "unclear"]);
    for (const [name, { data: values }] of Object.entries(want))
      expectClose(got[name]!, values, { abs: 1e-4, rel: 1e-4 });
  });

  it("run where onnxruntime is not installed, batch by batch", async () => {
    const bytes = modelOf({ op: "Conv", x: image, constants: [[4, 3, 3, 3], [4]], attributes: { pads: [1, 1, 1, 1] } });
    const theirs = await openOnnxModel(bytes);
    const ours = await openOnnxModel(bytes, { loadOrt: () => Promise.reject(new Error("not installed")) });
    expect(ours.inputs).toEqual(theirs.inputs);
    for (const rows of [2, 2, 1]) {
      const dims = [rows, 3, 6, 5];
      const x = { data: numbers(sizeOf(dims), rows), dims };
      const [want, got] = [rows === 2 ? await theirs.run({ x }) : undefined, await ours.run({ x })];
      expect(got["y0"]!.dims).toEqual([rows, 4, 6, 5]);
      if (want !== undefined) expectClose(got["y0"]!.data, want["y0"]!.data, { abs: 1e-5, rel: 1e-5 });
    }
    await theirs.dispose();
    await ours.dispose();
  });

  it.each([
    [{ op: "TopK", x: [2, 2] }, /L5204.*\(TopK\) cannot be read: the operation is not one that lacec knows/],
    [{ op: "Einsum", x: [2, 2], attributes: { equation: "ii->i" } }, /L5204.*\(Einsum\).*a product of two/],
    [
      { op: "Resize", x: image, attributes: { mode: "sinc" }, constants: [null, { floats: [1, 1, 2, 2] }] },
      /L5204.*\(Resize\).*by 'sinc'/,
    ],
    [{ op: "Conv", x: [1, 2, 8], constants: [[3, 2, 1, 2]] }, /L5204.*\(Conv\).*not over one axis/],
    [{ op: "MaxPool", x: [1, 2, 8], attributes: { kernel_shape: [2, 2] } }, /L5204.*\(MaxPool\).*not over one axis/],
    [{ op: "Conv", x: [1, 2, 4, 4, 4], constants: [[3, 2, 2, 2]] }, /L5204.*\(Conv\).*no constant \[o, i, d, h, w\]/],
    [{ op: "AveragePool", x: [1, 2, 4, 4, 4], attributes: { kernel_shape: [2, 2] } }, /L5204.*not over three axes/],
    [
      { op: "MaxPool", x: image, attributes: { kernel_shape: [100_000, 1], pads: [50_000, 0, 50_000, 0] } },
      /L5204.*very large/,
    ],
    [
      { op: "BatchNormalization", x: image, constants: [[3], [3], [3], [3]], attributes: { training_mode: 1 } },
      /as in training/,
    ],
    [{ op: "MatMul", x: [2, 4], constants: [[3, 5]] }, /L5204.*\(MatMul\)/],
    [{ op: "Reshape", x: [2, 4], constants: [{ ints: [3, 3] }] }, /L5204.*\(Reshape\)/],
  ] as const)("what cannot be read is named: %j", (c, said) => {
    expect(() => onnxGraph(readOnnxModel(modelOf(c)), { inputs: { x: c.x }, layout: "nchw" })).toThrow(said);
  });
});
