// Networks of the kinds that people bring, small and with seeded weights: as graphs of ours beside onnxruntime, and their gradients beside central differences.
import { describe, expect, it } from "vitest";
import { onnxGraph } from "../../src/compiler/build/onnx-network/onnx-graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import {
  encodeModel,
  type AttributeValue,
  type OnnxNode,
  type OnnxTensor,
} from "../../src/compiler/targets/onnx/proto.js";
import { readOnnxModel } from "../../src/models/formats/onnx-model.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { expectClose } from "../support/close.js";
import { slopes, STRAIGHT_THROUGH } from "../support/onnx-slopes.js";
import { random } from "../support/random.js";

type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>;

/** Writes a network node by node; every method gives the name of what it made. */
class Net {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #r = random(11);

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string {
    return this.ops(opType, inputs, attributes, outputs)[0]!;
  }
  ops(opType: string, inputs: readonly string[], attributes: Attributes, count: number): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `n${this.nodes.length}_${i}`);
    const values = Object.entries(attributes).map(([name, v]): [string, AttributeValue] => {
      if (typeof v === "string") return [name, { kind: "string", value: v }];
      if (typeof v === "number") return [name, { kind: "int", value: v }];
      return [name, "float" in v ? { kind: "float", value: v.float } : { kind: "ints", value: v }];
    });
    this.nodes.push({ opType, domain: "", inputs, outputs, attributes: Object.fromEntries(values) });
    return outputs;
  }
  weight(dims: readonly number[], deviation = 1, mean = 0): string {
    const size = dims.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, () => mean + deviation * this.#r.normal());
    return this.#push(dims, data);
  }
  floats(...values: number[]): string {
    return this.#push(values.length === 1 ? [] : [values.length], Float32Array.from(values));
  }
  ints(...values: number[]): string {
    return this.#push([values.length], BigInt64Array.from(values, BigInt));
  }
  int(value: number): string {
    return this.#push([], BigInt64Array.of(BigInt(value)));
  }
  #push(dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const name = `w${this.tensors.length}`;
    this.tensors.push({ name, dims: [...dims], data });
    return name;
  }

  conv(x: string, from: number, to: number, k: number, more: Attributes = {}): string {
    const group = typeof more["group"] === "number" ? more["group"] : 1;
    const fan = (from / group) * k * k;
    const pads = Array.from({ length: 4 }, () => Math.floor(k / 2));
    return this.op("Conv", [x, this.weight([to, from / group, k, k], Math.sqrt(2 / fan)), this.weight([to], 0.1)], {
      kernel_shape: [k, k],
      pads,
      ...more,
    });
  }
  norm(x: string, channels: number): string {
    const variance = this.#push(
      [channels],
      Float32Array.from({ length: channels }, (_, i) => 0.6 + 0.1 * (i % 7)),
    );
    const [scale, shift] = [this.weight([channels], 0.1, 1), this.weight([channels], 0.1)];
    return this.op("BatchNormalization", [x, scale, shift, this.weight([channels], 0.1), variance]);
  }
  relu(x: string): string {
    return this.op("Relu", [x]);
  }
  gemm(x: string, from: number, to: number): string {
    const weight = this.weight([to, from], 1 / Math.sqrt(from));
    return this.op("Gemm", [x, weight, this.weight([to], 0.1)], { transB: 1 });
  }
  pooled(x: string): string {
    return this.op("Flatten", [this.op("GlobalAveragePool", [x])], { axis: 1 });
  }
  /** Squeeze and excitation. */
  excited(x: string, channels: number, gate: string): string {
    const small = this.relu(this.conv(this.op("GlobalAveragePool", [x]), channels, 4, 1));
    return this.op("Mul", [x, this.op(gate, [this.conv(small, 4, channels, 1)])]);
  }

  bytes(y: string, input: readonly number[], opset: number): Uint8Array {
    return encodeModel({
      irVersion: 8,
      producerName: "test",
      opsets: [{ domain: "", version: opset }],
      metadata: {},
      graph: {
        name: "g",
        nodes: [...this.nodes, { opType: "Identity", domain: "", inputs: [y], outputs: ["y"], attributes: {} }],
        initializers: this.tensors,
        inputs: [{ name: "x", dims: input }],
        outputs: [{ name: "y", dims: [] }],
      },
    });
  }
}

interface Case {
  readonly build: (n: Net) => string;
  readonly input?: readonly number[];
  readonly opset?: number;
}

/** As quantize_dynamic writes it. */
function quantizedGemm(n: Net, x: string, from: number, to: number): string {
  const [q, scale, zero] = n.ops("DynamicQuantizeLinear", [x], {}, 3);
  const [weight, weightScale, weightZero] = n.ops("DynamicQuantizeLinear", [n.weight([from, to], 0.3)], {}, 3);
  const product = n.op("Cast", [n.op("MatMulInteger", [q!, weight!, zero!, weightZero!])], { to: 1 });
  return n.op("Add", [n.op("Mul", [product, n.op("Mul", [scale!, weightScale!])]), n.weight([to], 0.1)]);
}

function layerNorm(n: Net, x: string, width: number): string {
  const centred = n.op("Sub", [x, n.op("ReduceMean", [x], { axes: [-1] })]);
  const variance = n.op("ReduceMean", [n.op("Pow", [centred, n.floats(2)])], { axes: [-1] });
  const y = n.op("Div", [centred, n.op("Sqrt", [n.op("Add", [variance, n.floats(1e-5)])])]);
  return n.op("Add", [n.op("Mul", [y, n.weight([width], 0.1, 1)]), n.weight([width], 0.1)]);
}

/** As PyTorch exports it: sizes are asked for and computed with. */
function attention(n: Net, x: string, width: number, heads: number): string {
  const sizeAt = (of: string, d: number): string => n.op("Gather", [n.op("Shape", [of]), n.int(d)], { axis: 0 });
  const whole = n.op("Add", [n.op("MatMul", [x, n.weight([width, 3 * width], 0.2)]), n.weight([3 * width], 0.1)]);
  const each = n.op("Div", [sizeAt(x, 2), n.int(heads)]);
  const parts = n.ops("Split", [whole, n.ints(width, width, width)], { axis: 2 }, 3);
  const one = (d: string): string => n.op("Unsqueeze", [d, n.ints(0)]);
  const split = (part: string): string => {
    const shape = n.op("Concat", [one(sizeAt(x, 0)), one(sizeAt(x, 1)), n.ints(heads), one(each)], { axis: 0 });
    return n.op("Transpose", [n.op("Reshape", [part, shape])], { perm: [0, 2, 1, 3] });
  };
  const [q, k, v] = parts.map(split);
  const size = n.op("Sqrt", [n.op("Cast", [each], { to: 1 })]);
  const scores = n.op("Div", [n.op("MatMul", [q!, n.op("Transpose", [k!], { perm: [0, 1, 3, 2] })]), size]);
  const mixed = n.op("MatMul", [n.op("Softmax", [scores], { axis: -1 }), v!]);
  const back = n.op("Reshape", [n.op("Transpose", [mixed], { perm: [0, 2, 1, 3] }), n.ints(0, -1, width)]);
  return n.op("Add", [n.op("MatMul", [back, n.weight([width, width], 0.3)]), n.weight([width], 0.1)]);
}

function vit(n: Net, x: string, activation: (x: string) => string): string {
  const width = 16;
  const patches = n.op("Conv", [x, n.weight([width, 3, 8, 8], 0.1)], { kernel_shape: [8, 8], strides: [8, 8] });
  const tokens = n.op("Transpose", [n.op("Reshape", [patches, n.ints(0, width, -1)])], { perm: [0, 2, 1] });
  const shape = n.op("Concat", [n.op("Slice", [n.op("Shape", [x]), n.ints(0), n.ints(1)]), n.ints(-1, -1)], {
    axis: 0,
  });
  const isOpen = n.op("Equal", [shape, n.ints(-1, -1, -1)]);
  const sizes = n.op("Where", [isOpen, n.ints(1, 1, 1), shape]);
  const first = n.op("Expand", [
    n.weight([1, 1, width], 0.5),
    n.op("Max", [n.op("Cast", [sizes], { to: 7 }), n.ints(1, 1, 1)]),
  ]);
  let y = n.op("Add", [
    n.op("Concat", [first, tokens], { axis: 1 }),
    n.op("Gather", [n.weight([20, width], 0.2), n.ints(...Array.from({ length: 17 }, (_, i) => i))], { axis: 0 }),
  ]);
  for (let layer = 0; layer < 2; layer++) {
    y = n.op("Add", [y, attention(n, layerNorm(n, y, width), width, 4)]);
    const wide = n.op("Add", [
      n.op("MatMul", [layerNorm(n, y, width), n.weight([width, 32], 0.3)]),
      n.weight([32], 0.1),
    ]);
    y = n.op("Add", [y, n.op("MatMul", [activation(wide), n.weight([32, width], 0.2)])]);
  }
  return layerNorm(n, n.op("Gather", [y, n.int(0)], { axis: 1 }), width);
}

const NETWORKS: Readonly<Record<string, Case>> = {
  ResNet: {
    build: (n) => {
      let y = n.op("MaxPool", [n.relu(n.norm(n.conv("x", 3, 8, 7, { strides: [2, 2] }), 8))], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
      });
      for (const stride of [1, 2]) {
        const inner = n.relu(
          n.norm(n.conv(n.relu(n.norm(n.conv(y, 8, 4, 1), 4)), 4, 4, 3, { strides: [stride, stride] }), 4),
        );
        const beside = stride === 1 ? y : n.norm(n.conv(y, 8, 8, 1, { strides: [2, 2] }), 8);
        y = n.relu(n.op("Add", [n.norm(n.conv(inner, 4, 8, 1), 8), beside]));
      }
      return n.gemm(n.pooled(y), 8, 5);
    },
  },
  "MobileNet V2": {
    build: (n) => {
      const relu6 = (x: string): string => n.op("Clip", [x, n.floats(0), n.floats(6)]);
      let y = relu6(n.norm(n.conv("x", 3, 8, 3, { strides: [2, 2] }), 8));
      for (const stride of [1, 2]) {
        const wide = relu6(n.norm(n.conv(y, 8, 24, 1), 24));
        const thin = n.norm(
          n.conv(relu6(n.norm(n.conv(wide, 24, 24, 3, { group: 24, strides: [stride, stride] }), 24)), 24, 8, 1),
          8,
        );
        y = stride === 1 ? n.op("Add", [y, thin]) : thin;
      }
      return n.gemm(n.op("ReduceMean", [y], { axes: [2, 3], keepdims: 0 }), 8, 5);
    },
  },
  "MobileNet V3": {
    build: (n) => {
      const y = n.op("HardSwish", [n.norm(n.conv("x", 3, 8, 3, { strides: [2, 2] }), 8)]);
      const deep = n.excited(n.op("HardSwish", [n.norm(n.conv(y, 8, 8, 5, { group: 8 }), 8)]), 8, "HardSigmoid");
      const flat = n.pooled(n.op("Add", [y, n.norm(n.conv(deep, 8, 8, 1), 8)]));
      return n.gemm(n.op("HardSwish", [n.gemm(flat, 8, 12)]), 12, 5);
    },
  },
  "EfficientNet-lite": {
    build: (n) => {
      const relu6 = (x: string): string => n.op("Clip", [x, n.floats(0), n.floats(6)]);
      const y = relu6(n.op("Conv", ["x", n.weight([8, 3, 3, 3], 0.3)], { strides: [2, 2], pads: [0, 0, 1, 1] }));
      const deep = relu6(
        n.conv(relu6(n.conv(y, 8, 16, 1)), 16, 16, 5, { group: 16, strides: [2, 2], pads: [1, 1, 2, 2] }),
      );
      return n.gemm(n.op("Squeeze", [n.op("GlobalAveragePool", [n.conv(deep, 16, 8, 1)]), n.ints(2, 3)]), 8, 5);
    },
  },
  EfficientNet: {
    build: (n) => {
      const swish = (x: string): string => n.op("Mul", [x, n.op("Sigmoid", [x])]);
      const y = swish(n.op("Conv", ["x", n.weight([8, 3, 3, 3], 0.3)], { strides: [2, 2], auto_pad: "SAME_UPPER" }));
      const deep = n.excited(
        swish(n.norm(n.conv(swish(n.norm(n.conv(y, 8, 16, 1), 16)), 16, 16, 3, { group: 16 }), 16)),
        16,
        "Sigmoid",
      );
      return n.gemm(n.pooled(n.op("Add", [y, n.norm(n.conv(deep, 16, 8, 1), 8)])), 8, 5);
    },
  },
  VGG: {
    build: (n) => {
      let y = "x";
      for (const [from, to] of [
        [3, 8],
        [8, 8],
      ] as const) {
        y = n.relu(n.conv(n.relu(n.conv(y, from, to, 3)), to, to, 3));
        y = n.op("MaxPool", [y], { kernel_shape: [2, 2], strides: [2, 2] });
      }
      const flat = n.op("Dropout", [n.relu(n.gemm(n.op("Flatten", [y]), 512, 16))]);
      return n.op("Softmax", [n.gemm(flat, 16, 5)], { axis: 1 });
    },
  },
  SqueezeNet: {
    opset: 11,
    build: (n) => {
      let y = n.relu(n.conv("x", 3, 8, 3, { strides: [2, 2], pads: [0, 0, 0, 0] }));
      for (let k = 0; k < 2; k++) {
        y = n.op("MaxPool", [y], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 });
        const thin = n.relu(n.conv(y, 8, 4, 1));
        y = n.op("Concat", [n.relu(n.conv(thin, 4, 4, 1)), n.relu(n.conv(thin, 4, 4, 3))], { axis: 1 });
      }
      return n.op("Softmax", [n.op("GlobalAveragePool", [n.relu(n.conv(y, 8, 5, 1))])]);
    },
  },
  Inception: {
    build: (n) => {
      const y = n.op("LRN", [n.relu(n.conv("x", 3, 8, 5, { strides: [2, 2] }))], { size: 5, alpha: { float: 0.1 } });
      const pool = n.op("AveragePool", [y], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      const long = n.relu(
        n.op(
          "Conv",
          [n.op("Conv", [y, n.weight([4, 8, 1, 7], 0.2)], { pads: [0, 3, 0, 3] }), n.weight([4, 4, 7, 1], 0.2)],
          { pads: [3, 0, 3, 0] },
        ),
      );
      const joined = n.op("Concat", [n.relu(n.conv(y, 8, 4, 1)), long, n.relu(n.conv(pool, 8, 4, 1))], { axis: 1 });
      return n.gemm(n.pooled(joined), 12, 5);
    },
  },
  DenseNet: {
    build: (n) => {
      let [y, channels] = [n.conv("x", 3, 8, 3, { strides: [2, 2] }), 8];
      for (let k = 0; k < 3; k++) {
        y = n.op("Concat", [y, n.conv(n.relu(n.norm(y, channels)), channels, 4, 3)], { axis: 1 });
        channels += 4;
      }
      const halved = n.op("AveragePool", [n.conv(n.relu(n.norm(y, channels)), channels, 8, 1)], {
        kernel_shape: [2, 2],
        strides: [2, 2],
      });
      return n.gemm(n.pooled(n.relu(n.norm(halved, 8))), 8, 5);
    },
  },
  ShuffleNet: {
    build: (n) => {
      const y = n.relu(n.norm(n.conv("x", 3, 8, 3, { strides: [2, 2] }), 8));
      const inner = n.relu(n.norm(n.conv(y, 8, 8, 1, { group: 2 }), 8));
      const [, , height] = [0, 0, 16];
      const apart = n.op("Reshape", [inner, n.ints(-1, 2, 4, height, height)]);
      const shuffled = n.op("Reshape", [
        n.op("Transpose", [apart], { perm: [0, 2, 1, 3, 4] }),
        n.ints(-1, 8, height, height),
      ]);
      const [left, right] = n.ops(
        "Split",
        [n.norm(n.conv(shuffled, 8, 8, 3, { group: 8, strides: [2, 2] }), 8), n.ints(4, 4)],
        { axis: 1 },
        2,
      );
      return n.gemm(n.pooled(n.op("Concat", [n.relu(n.conv(right!, 4, 4, 1)), left!], { axis: 1 })), 8, 5);
    },
  },
  "ArcFace's IR-SE": {
    build: (n) => {
      const y = n.op("PRelu", [n.norm(n.conv("x", 3, 8, 3, { strides: [2, 2] }), 8), n.weight([8, 1, 1], 0.1, 0.25)]);
      const inner = n.op("PRelu", [n.conv(n.norm(y, 8), 8, 8, 3), n.weight([8, 1, 1], 0.1, 0.25)]);
      const out = n.op("Add", [
        n.excited(n.norm(n.conv(inner, 8, 8, 3, { strides: [2, 2] }), 8), 8, "Sigmoid"),
        n.op("MaxPool", [y], { kernel_shape: [1, 1], strides: [2, 2] }),
      ]);
      const features = n.norm(n.gemm(n.op("Flatten", [n.norm(out, 8)]), 512, 12), 12);
      return n.op("Div", [features, n.op("ReduceL2", [features], { axes: [1], keepdims: 1 })]);
    },
  },
  "U-Net": {
    build: (n) => {
      const swish = (x: string): string => n.op("Mul", [x, n.op("Sigmoid", [x])]);
      const y = swish(n.op("InstanceNormalization", [n.conv("x", 3, 8, 3), n.weight([8], 0.1, 1), n.weight([8], 0.1)]));
      const down = swish(n.conv(y, 8, 8, 3, { strides: [2, 2] }));
      const up = n.op("ConvTranspose", [down, n.weight([8, 4, 3, 3], 0.2)], {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
      });
      const wide = n.op("Resize", [n.conv(down, 8, 4, 1), "", n.floats(1, 1, 2, 2)], {
        mode: "linear",
        coordinate_transformation_mode: "half_pixel",
      });
      return n.op("Tanh", [n.conv(n.op("Concat", [y, up, wide], { axis: 1 }), 16, 3, 3)]);
    },
  },
  "ViT-B/32 of CLIP": {
    opset: 14,
    build: (n) => vit(n, "x", (x) => n.op("Mul", [x, n.op("Sigmoid", [n.op("Mul", [x, n.floats(1.702)])])])),
  },
  ViT: {
    opset: 14,
    build: (n) => {
      const gelu = (x: string): string => {
        const half = n.op("Add", [n.op("Erf", [n.op("Div", [x, n.floats(Math.SQRT2)])]), n.floats(1)]);
        return n.op("Mul", [n.op("Mul", [x, half]), n.floats(0.5)]);
      };
      return n.gemm(vit(n, "x", gelu), 16, 5);
    },
  },
  "a network quantised while it runs": {
    input: [1, 3, 32, 32],
    build: (n) => quantizedGemm(n, n.relu(quantizedGemm(n, n.pooled(n.relu(n.conv("x", 3, 8, 3))), 8, 12)), 12, 5),
  },
  "a network with weights as bytes": {
    build: (n) => {
      const [weight, scale, zero] = n.ops("DynamicQuantizeLinear", [n.weight([8, 3, 3, 3], 0.3)], {}, 3);
      const y = n.op("Conv", ["x", n.op("DequantizeLinear", [weight!, scale!, zero!])], { pads: [1, 1, 1, 1] });
      return n.gemm(n.pooled(n.relu(y)), 8, 5);
    },
  },
  "a network over lines": {
    input: [2, 3, 40],
    build: (n) => {
      const conv = (x: string, dims: readonly number[], more: Attributes): string =>
        n.relu(n.op("Conv", [x, n.weight(dims, 0.4), n.weight([dims[0]!], 0.1)], more));
      let x = conv("x", [8, 3, 5], { pads: [2, 1], strides: [2] });
      x = n.op("MaxPool", [x], { kernel_shape: [3], pads: [1, 1], strides: [2], ceil_mode: 1 });
      x = conv(x, [8, 2, 3], { pads: [2, 2], dilations: [2], group: 4 });
      x = conv(x, [8, 1, 3], { auto_pad: "SAME_UPPER", group: 8 });
      x = n.op("AveragePool", [x], { kernel_shape: [3], pads: [1, 1], strides: [1] });
      x = n.op("ConvTranspose", [x, n.weight([8, 6, 4], 0.3), n.weight([6], 0.1)], { strides: [2], pads: [1, 1] });
      return n.gemm(n.op("Flatten", [n.op("GlobalAveragePool", [n.relu(x)])]), 6, 5);
    },
  },
  "a network over volumes": {
    input: [2, 2, 9, 10, 11],
    build: (n) => {
      const conv = (x: string, dims: readonly number[], more: Attributes): string =>
        n.relu(n.op("Conv", [x, n.weight(dims, 0.3), n.weight([dims[0]!], 0.1)], more));
      let x = conv("x", [6, 2, 3, 3, 2], { pads: [1, 1, 0, 2, 1, 1] });
      x = n.op("MaxPool", [x], { kernel_shape: [3, 2, 3], pads: [1, 0, 1, 1, 1, 1], strides: [2, 1, 2], ceil_mode: 1 });
      x = conv(x, [6, 3, 2, 3, 1], { strides: [2, 1, 2], dilations: [2, 1, 1], group: 2, pads: [1, 1, 0, 1, 1, 0] });
      x = n.op("AveragePool", [x], { kernel_shape: [2, 3, 2], pads: [1, 1, 0, 0, 1, 1], strides: [1, 2, 1] });
      const most = n.op("Flatten", [n.op("GlobalMaxPool", [x])]);
      return n.gemm(n.op("Add", [most, n.op("Flatten", [n.op("GlobalAveragePool", [x])])]), 6, 5);
    },
  },
};

describe("networks as graphs", () => {
  it.each(Object.keys(NETWORKS))("%s: forward as onnxruntime, backward as differences", async (name) => {
    const { build, input = [2, 3, 32, 32], opset = 17 } = NETWORKS[name]!;
    const net = new Net();
    const bytes = net.bytes(build(net), input, opset);
    const data = Float32Array.from(
      { length: input.reduce((a, b) => a * b, 1) },
      (_, i) => Math.sin(1.7 * i) * Math.cos(0.013 * i),
    );
    const theirs = await openOnnxModel(bytes);
    const want = (await theirs.run({ x: { data, dims: input } }))["y"]!;
    await theirs.dispose();
    expect(new Set(want.data).size).toBeGreaterThan(2);
    for (const layout of ["nchw", "nhwc"] as const) {
      const graph = onnxGraph(readOnnxModel(bytes), { inputs: { x: input }, layout });
      expectClose(interpret(graph, { x: data })["y"]!, want.data, { abs: 1e-4, rel: 1e-4 });
    }
    if (net.nodes.some((n) => STRAIGHT_THROUGH.includes(n.opType) && n.inputs[0]!.startsWith("n"))) return;
    const [own, differences] = slopes({
      graph: onnxGraph(readOnnxModel(bytes), { inputs: { x: input }, layout: "nchw" }),
      inputs: { x: data },
    });
    expect(Math.abs(own - differences) / (1 + Math.abs(differences))).toBeLessThan(1e-4);
  });
});
