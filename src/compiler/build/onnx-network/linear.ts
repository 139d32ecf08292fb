// ONNX operations of linear algebra, statistics and normalisation.
import { scalar } from "../../graph/builder.js";
import type { NodeId } from "../../graph/graph.js";
import { Untranslatable, type OnnxCall, type Translate, type OnnxOperand } from "./translation.js";

const gemm: Translate = (c) => {
  const matrix = (i: number, name: string): NodeId => {
    const node = c.t.node(c.input(i));
    return c.int(name, 0) === 0 ? node : c.b.transpose(node, [1, 0]);
  };
  const product = c.b.matmul(matrix(0, "transA"), matrix(1, "transB"));
  const alpha = c.float("alpha", 1);
  const scaled = alpha === 1 ? product : c.b.mul(product, scalar(alpha));
  const bias = c.optional(2);
  if (bias === undefined) return [c.t.of(scaled)];
  const beta = c.float("beta", 1);
  const added = c.t.node(bias);
  return [c.t.of(c.b.add(scaled, beta === 1 ? added : c.b.mul(added, scalar(beta))))];
};

const matmul: Translate = (c) => {
  const [a, b] = [c.input(0), c.input(1)];
  if (a.shape.length < 2 || b.shape.length < 2) throw new Untranslatable("it multiplies a vector");
  return [c.t.of(c.b.matmul(c.t.node(a), c.t.node(b)))];
};

/** A parameter a channel, to be broadcast over [n, c, ...]. */
function channelwise(c: OnnxCall, value: OnnxOperand, rank: number): OnnxOperand {
  return c.t.of(c.b.reshape(c.t.node(value), [value.shape[0] ?? 1, ...Array.from({ length: rank - 2 }, () => 1)]));
}

const batchNormalization: Translate = (c) => {
  const x = c.input(0);
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) => channelwise(c, c.input(i), x.shape.length));
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined)
    throw new Untranslatable("it has no parameters");
  const inverse = c.b.rsqrt(c.b.add(c.t.node(variance), scalar(c.float("epsilon", 1e-5))));
  const slope = c.t.of(c.b.mul(c.t.node(scale), inverse));
  const centred = c.t.combine(x, mean, (a, b) => c.b.sub(a, b));
  const scaled = c.t.combine(centred, slope, (a, b) => c.b.mul(a, b));
  return [c.t.combine(scaled, shift, (a, b) => c.b.add(a, b))];
};

/** x less its mean, over its deviation, along axes. */
function standardized(c: OnnxCall, x: NodeId, axes: readonly number[], epsilon: number): NodeId {
  const centred = c.b.sub(x, c.b.mean(x, axes, true));
  return c.b.mul(centred, c.b.rsqrt(c.b.add(c.b.mean(c.b.square(centred), axes, true), scalar(epsilon))));
}

const instanceNormalization: Translate = (c) => {
  const x = c.input(0);
  const axes = x.shape.map((_, d) => d).slice(2);
  const y = c.t.of(standardized(c, c.t.node(x), axes, c.float("epsilon", 1e-5)));
  const scaled = c.t.combine(y, channelwise(c, c.input(1), x.shape.length), (a, b) => c.b.mul(a, b));
  return [c.t.combine(scaled, channelwise(c, c.input(2), x.shape.length), (a, b) => c.b.add(a, b))];
};

const layerNormalization: Translate = (c) => {
  const x = c.input(0);
  const first = c.axis(-1, x.shape.length);
  const axes = x.shape.map((_, d) => d).slice(first);
  const y = c.b.mul(standardized(c, c.t.node(x), axes, c.float("epsilon", 1e-5)), c.t.node(c.input(1)));
  const shift = c.optional(2);
  return [c.t.of(shift === undefined ? y : c.b.add(y, c.t.node(shift)))];
};

const reduced =
  (fn: (c: OnnxCall, x: NodeId, axes: readonly number[], keep: boolean) => NodeId): Translate =>
  (c) => {
    const x = c.input(0);
    const axes = c.axes(1, x.shape.length) ?? x.shape.map((_, d) => d);
    return [c.t.of(fn(c, c.t.node(x), axes, c.int("keepdims", 1) !== 0))];
  };

/** log softmax along the axis; before opset 13 along all axes from it on, which is the same where it is the last. */
function logSoftmax(c: OnnxCall): NodeId {
  const x = c.input(0);
  const axis = c.axis(-1, x.shape.length);
  const node = c.t.node(x);
  return c.b.sub(node, c.b.logSumExp(node, [axis], true));
}

export const LINEAR: Readonly<Record<string, Translate>> = {
  Gemm: gemm,
  MatMul: matmul,
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  ReduceMean: reduced(({ b }, x, axes, keep) => b.mean(x, axes, keep)),
  ReduceSum: reduced(({ b }, x, axes, keep) => b.sum(x, axes, keep)),
  ReduceMax: reduced(({ b }, x, axes, keep) => b.reduceMax(x, axes, keep)),
  ReduceMin: reduced(({ b }, x, axes, keep) => b.neg(b.reduceMax(b.neg(x), axes, keep))),
  ReduceSumSquare: reduced(({ b }, x, axes, keep) => b.sum(b.square(x), axes, keep)),
  ReduceL2: reduced(({ b }, x, axes, keep) => b.sqrt(b.sum(b.square(x), axes, keep))),
  ReduceL1: reduced(({ b }, x, axes, keep) => b.sum(b.abs(x), axes, keep)),
  ReduceLogSumExp: reduced(({ b }, x, axes, keep) => b.logSumExp(x, axes, keep)),
  Softmax: (c) => [c.t.of(c.b.exp(logSoftmax(c)))],
  LogSoftmax: (c) => [c.t.of(logSoftmax(c))],
};
