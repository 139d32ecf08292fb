// Products of the IR (matmul, dense) as ONNX nodes, in the forms that runtimes pack and fuse.
// In: IR nodes whose operands are lowered. Out: the name of the result.
// Invariants: a two-dimensional dense layer is Gemm followed by LeakyRelu, nothing between, which onnxruntime makes one FusedGemm;
//   so the activation's gain goes into the product (it is positive: gain * leaky(x) = leaky(gain * x)).
import { InternalError } from "../../../source/internal-error.js";
import type { LeakyRelu, Node, NodeId, Shape } from "../../graph/graph.js";
import { int, real } from "./builder.js";
import type { OnnxBuilder } from "./builder.js";
import { lowerLeakyRelu, rectify, times } from "./elementwise.js";

/** [..., M, K] x [..., K, N], broadcasting. */
export function lowerMatmul(b: OnnxBuilder, inputs: readonly NodeId[]): string {
  const [x, weight] = pair(inputs);
  return b.op("MatMul", [b.value(x), b.value(weight)]);
}

/** matmul, bias and activation. */
export function lowerDense(b: OnnxBuilder, node: Node, hasBias: boolean, activation: LeakyRelu | undefined): string {
  const [x, weight] = pair(node.inputs);
  const bias = hasBias ? node.inputs[2] : undefined;
  const weightShape = b.node(weight).shape;
  if (weightShape.length !== 2) return batchedDense(b, node, activation);
  const [k = 0, n = 0] = weightShape;
  const xShape = b.node(x).shape;
  const flat = xShape.length === 2 ? b.value(x) : reshape(b, b.value(x), [product(xShape.slice(0, -1)), k]);
  if (bias !== undefined && product(b.node(bias).shape) !== n) return batchedDense(b, node, activation);
  const y = gemm(b, flat, b.value(weight), bias, n, activation);
  return node.shape.length === 2 ? y : reshape(b, y, node.shape);
}

/** A new shape for the same numbers. */
export function reshape(b: OnnxBuilder, x: string, shape: Shape): string {
  return b.op("Reshape", [x, b.int64s(shape)]);
}

export function product(shape: Shape): number {
  return shape.reduce((a, n) => a * n, 1);
}

function gemm(
  b: OnnxBuilder,
  x: string,
  weight: string,
  bias: NodeId | undefined,
  n: number,
  activation: LeakyRelu | undefined,
): string {
  const foldable = activation !== undefined && activation.gain > 0;
  const gain = foldable ? activation.gain : 1;
  const inputs = [x, weight];
  if (bias !== undefined) inputs.push(scaledBias(b, bias, n, gain));
  const attributes = gain === 1 ? {} : { alpha: real(gain), beta: real(1) };
  const y = b.op("Gemm", inputs, { ...attributes, transA: int(0), transB: int(0) });
  if (activation === undefined) return y;
  return foldable ? rectify(b, activation.slope, y) : lowerLeakyRelu(b, activation, y);
}

/** gain * bias as [n]: a new constant if the bias is one. */
function scaledBias(b: OnnxBuilder, bias: NodeId, n: number, gain: number): string {
  const data = b.constantData(bias);
  if (data !== undefined && gain !== 1)
    return b.floats(
      data.map((v) => v * gain),
      [n],
    );
  const flat = b.node(bias).shape.length === 1 ? b.value(bias) : reshape(b, b.value(bias), [n]);
  return times(b, flat, gain);
}

function batchedDense(b: OnnxBuilder, node: Node, activation: LeakyRelu | undefined): string {
  const [x, weight] = pair(node.inputs);
  const bias = node.inputs[2];
  const y = b.op("MatMul", [b.value(x), b.value(weight)]);
  const shifted = bias === undefined ? y : b.op("Add", [y, b.value(bias)]);
  return activation === undefined ? shifted : lowerLeakyRelu(b, activation, shifted);
}

function pair(inputs: readonly NodeId[]): [NodeId, NodeId] {
  const [x, weight] = inputs;
  if (x === undefined || weight === undefined) throw new InternalError("a product has two operands");
  return [x, weight];
}
