// Elementwise functions, log-sum-exp and padding on TensorFlow.js, in forms that stay accurate in float32 on every backend.
// In: tensors. Out: a new tensor. Temporaries are left to the caller's tidy.
// Invariants: tf.softplus, tf.logSumExp and the like are not used where a backend loses small results (see ../onnx/elementwise.ts,
//   which has the same formulas).
import type { Tensor } from "@tensorflow/tfjs-core";
import { unreachable } from "../../../source/internal-error.js";
import { LOG1MEXP_GUARD } from "../../graph/graph.js";
import type { BinaryKind, LeakyRelu, UnaryKind } from "../../graph/graph.js";
import { ATANH, TANH } from "../rational.js";
import type { Rational } from "../rational.js";
import type { Tf } from "./emitter.js";

/** One elementwise function of one operand. `coarse`: the backend's expm1 and log1p lose small results, as WebGPU's do. */
export function unary(tf: Tf, fn: UnaryKind, x: Tensor, coarse: boolean): Tensor {
  switch (fn) {
    case "neg":
      return tf.neg(x);
    case "exp":
      return tf.exp(x);
    case "log":
      return tf.log(x);
    case "log1p":
      return log1p(tf, x, coarse);
    case "expm1":
      return expm1(tf, x, coarse);
    case "sqrt":
      return tf.sqrt(x);
    case "rsqrt":
      return tf.rsqrt(x);
    case "square":
      return tf.square(x);
    case "abs":
      return tf.abs(x);
    case "reciprocal":
      return tf.reciprocal(x);
    case "sin":
      return tf.sin(x);
    case "sigmoid":
      return tf.sigmoid(x);
    case "softplus":
      // max(x, 0) + log1p(exp(-|x|))
      return tf.add(tf.relu(x), log1p(tf, tf.exp(tf.neg(tf.abs(x))), coarse));
    case "log1mexp":
      return log1mexp(tf, x, coarse);
    case "step":
      return tf.step(x, 0);
    case "sign":
      return tf.sign(x);
    case "floor":
      return tf.floor(x);
    case "detach":
      return tf.clone(x);
    default:
      return unreachable(fn);
  }
}

/** One elementwise function of two operands, broadcasting. */
export function binary(tf: Tf, fn: BinaryKind, x: Tensor, y: Tensor): Tensor {
  switch (fn) {
    case "add":
      return tf.add(x, y);
    case "sub":
      return tf.sub(x, y);
    case "mul":
      return tf.mul(x, y);
    case "div":
      return tf.div(x, y);
    case "max":
      return tf.maximum(x, y);
    case "min":
      return tf.minimum(x, y);
    case "greater":
      return tf.cast(tf.greater(x, y), "float32");
    default:
      return unreachable(fn);
  }
}

/** gain * (x > 0 ? x : slope * x). */
export function leakyRelu(tf: Tf, { slope, gain }: LeakyRelu, x: Tensor): Tensor {
  const y = slope === 0 ? tf.relu(x) : tf.leakyRelu(x, slope);
  return gain === 1 ? y : tf.mul(y, gain);
}

/** log of the sum of exp over some axes. The maximum is kept finite, so that a row of -inf gives -inf. */
export function logSumExp(tf: Tf, x: Tensor, axes: number[], keepDims: boolean): Tensor {
  const top = tf.maximum(tf.max(x, axes, true), -3e38);
  const sum = tf.sum(tf.exp(tf.sub(x, top)), axes, true);
  const result = tf.add(tf.log(sum), top);
  return keepDims ? result : tf.squeeze(result, axes);
}

/** Pads with zeros; negative pads crop. */
export function pad(tf: Tf, x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  const cutBefore = before.map((p) => Math.max(-p, 0));
  const cutAfter = after.map((p) => Math.max(-p, 0));
  const size = x.shape.map((n, i) => n - (cutBefore[i] ?? 0) - (cutAfter[i] ?? 0));
  const isCropped = [...cutBefore, ...cutAfter].some((p) => p > 0);
  const cropped = isCropped ? tf.slice(x, cutBefore, size) : x;
  const pads = before.map((p, i): [number, number] => [Math.max(p, 0), Math.max(after[i] ?? 0, 0)]);
  if (pads.some(([a, b]) => a > 0 || b > 0)) return tf.pad(cropped, pads);
  return isCropped ? cropped : tf.clone(x);
}

/** log(1 - exp(y)), y = min(x, -guard): log(-expm1(y)) near 0, log1p(-exp(y)) below -log 2. */
function log1mexp(tf: Tf, x: Tensor, coarse: boolean): Tensor {
  const y = tf.minimum(x, -LOG1MEXP_GUARD);
  const near = tf.log(tf.neg(expm1(tf, y, coarse)));
  const far = log1p(tf, tf.neg(tf.exp(y)), coarse);
  return tf.where(tf.greater(y, -Math.LN2), near, far);
}

/** exp(x) - 1; near 0, where coarse, as tanh(x/2) (exp(x) + 1). */
function expm1(tf: Tf, x: Tensor, coarse: boolean): Tensor {
  if (!coarse) return tf.expm1(x);
  const e = tf.exp(x);
  const near = tf.mul(quotient(tf, TANH, tf.mul(x, 0.5)), tf.add(e, 1));
  return tf.where(tf.less(tf.abs(x), Math.LN2), near, tf.sub(e, 1));
}

/** log(1 + x); near 0, where coarse, as 2 atanh(x / (2 + x)). */
function log1p(tf: Tf, x: Tensor, coarse: boolean): Tensor {
  if (!coarse) return tf.log1p(x);
  const near = tf.mul(quotient(tf, ATANH, tf.div(x, tf.add(x, 2))), 2);
  return tf.where(tf.less(tf.abs(x), 0.5), near, tf.log(tf.add(x, 1)));
}

function quotient(tf: Tf, { numerator, denominator }: Rational, x: Tensor): Tensor {
  const q = tf.square(x);
  const polynomial = ([c0, c1, c2]: readonly [number, number, number]): Tensor =>
    tf.add(tf.mul(q, tf.add(tf.mul(q, c2), c1)), c0);
  return tf.mul(x, tf.div(polynomial(numerator), polynomial(denominator)));
}
