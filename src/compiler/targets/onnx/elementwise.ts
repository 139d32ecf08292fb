// Elementwise functions of the IR as ONNX nodes: in as few nodes as keep their relative accuracy in float32.
// In: names of lowered operands. Out: the name of the result.
// Invariants: what is small stays accurate (log1p, expm1, softplus, sigmoid, log1mexp do not cancel); runtimes' own Sigmoid and
//   Softplus are not used, since they are accurate only absolutely and energies are logarithms of such values.
import { unreachable } from "../../../source/internal-error.js";
import { LOG1MEXP_GUARD } from "../../graph/graph.js";
import type { BinaryKind, LeakyRelu, UnaryKind } from "../../graph/graph.js";
import { DATA_TYPE } from "./proto.js";
import { int, real } from "./builder.js";
import type { OnnxBuilder } from "./builder.js";
import { ATANH, TANH } from "../rational.js";
import type { Rational } from "../rational.js";

/** One elementwise function of one operand. `detach` is the operand itself. */
export function lowerUnary(b: OnnxBuilder, fn: UnaryKind, x: string): string {
  switch (fn) {
    case "neg":
      return b.op("Neg", [x]);
    case "exp":
      return b.op("Exp", [x]);
    case "log":
      return b.op("Log", [x]);
    case "log1p":
      return log1p(b, x);
    case "expm1":
      return expm1(b, x);
    case "sqrt":
      return b.op("Sqrt", [x]);
    case "rsqrt":
      return b.op("Reciprocal", [b.op("Sqrt", [x])]);
    case "square":
      return b.op("Mul", [x, x]);
    case "abs":
      return b.op("Abs", [x]);
    case "reciprocal":
      return b.op("Reciprocal", [x]);
    case "sin":
      return b.op("Sin", [x]);
    case "sigmoid":
      return b.op("Reciprocal", [plus(b, b.op("Exp", [b.op("Neg", [x])]), 1)]);
    case "softplus":
      return softplus(b, x);
    case "log1mexp":
      return log1mexp(b, x);
    case "step":
      return asFloat(b, positive(b, x));
    case "sign":
      return b.op("Sign", [x]);
    case "floor":
      return b.op("Floor", [x]);
    case "detach":
      return x;
    default:
      return unreachable(fn);
  }
}

const ARITHMETIC = { add: "Add", sub: "Sub", mul: "Mul", div: "Div", max: "Max", min: "Min" } as const;

/** One elementwise function of two operands, broadcasting. */
export function lowerBinary(b: OnnxBuilder, fn: BinaryKind, x: string, y: string): string {
  return fn === "greater" ? asFloat(b, b.op("Greater", [x, y])) : b.op(ARITHMETIC[fn], [x, y]);
}

/** gain * (x > 0 ? x : slope * x). */
export function lowerLeakyRelu(b: OnnxBuilder, activation: LeakyRelu, x: string): string {
  return times(b, rectify(b, activation.slope, x), activation.gain);
}

/** The same of arithmetic, which no runtime fuses with what comes before: max(x, slope x), of slopes up to 1. */
export function lowerLeakyReluApart(b: OnnxBuilder, activation: LeakyRelu, x: string): string {
  const { slope, gain } = activation;
  if (slope > 1) return lowerLeakyRelu(b, activation, x);
  return times(b, b.op("Max", [x, times(b, x, slope)]), gain);
}

/** x > 0 ? x : slope * x, without the gain. */
export function rectify(b: OnnxBuilder, slope: number, x: string): string {
  if (slope === 1) return x;
  return slope === 0 ? b.op("Relu", [x]) : b.op("LeakyRelu", [x], { alpha: real(slope) });
}

/** The Boolean tensor x > 0. */
export function positive(b: OnnxBuilder, x: string): string {
  return b.op("Greater", [x, b.scalar(0)]);
}

/** A Boolean tensor as 0 and 1. */
function asFloat(b: OnnxBuilder, condition: string): string {
  return b.op("Cast", [condition], { to: int(DATA_TYPE.float) });
}

/** The Boolean tensor x != 0. */
export function asCondition(b: OnnxBuilder, x: string): string {
  return b.op("Cast", [x], { to: int(DATA_TYPE.bool) });
}

/** x * factor; x itself for factor 1. */
export function times(b: OnnxBuilder, x: string, factor: number): string {
  return factor === 1 ? x : b.op("Mul", [x, b.scalar(factor)]);
}

function plus(b: OnnxBuilder, x: string, addend: number): string {
  return b.op("Add", [x, b.scalar(addend)]);
}

/** tanh(x/2) (exp(x) + 1): no cancellation near 0. */
function expm1(b: OnnxBuilder, x: string): string {
  const e = b.op("Exp", [x]);
  const near = b.op("Mul", [tanh(b, times(b, x, 0.5)), plus(b, e, 1)]);
  if (!b.traits.coarse) return near;
  const isNear = b.op("Less", [b.op("Abs", [x]), b.scalar(Math.LN2)]);
  return b.op("Where", [isNear, near, b.op("Sub", [e, b.scalar(1)])]);
}

/**
 * log(1 + x), corrected by the rounding error of 1 + x (Kahan). The divisor is kept off 0, so that log1p(-1) is -inf.
 * With coarse functions near 0: 2 atanh(x / (2 + x)).
 */
function log1p(b: OnnxBuilder, x: string): string {
  const u = plus(b, x, 1);
  if (b.traits.coarse) {
    const near = times(b, atanh(b, b.op("Div", [x, plus(b, x, 2)])), 2);
    const isNear = b.op("Less", [b.op("Abs", [x]), b.scalar(0.5)]);
    return b.op("Where", [isNear, near, b.op("Log", [u])]);
  }
  const error = b.op("Sub", [b.op("Sub", [u, b.scalar(1)]), x]);
  const divisor = b.op("Max", [u, b.scalar(1e-30)]);
  return b.op("Sub", [b.op("Log", [u]), b.op("Div", [error, divisor])]);
}

/** max(x, 0) + log1p(exp(-|x|)); the second term as 2 atanh(e / (2 + e)), whose argument is at most 1/3. */
function softplus(b: OnnxBuilder, x: string): string {
  const e = b.op("Exp", [b.op("Neg", [b.op("Abs", [x])])]);
  const ratio = b.op("Div", [e, plus(b, e, 2)]);
  return b.op("Add", [b.op("Relu", [x]), times(b, atanh(b, ratio), 2)]);
}

/**
 * log(1 - exp(y)) with y = min(x, -guard). Near 0 it is log(-expm1(y)), below -log 2 it is log1p(-exp(y)) = -2 atanh(e / (2 - e)):
 * each form loses the other's digits.
 */
function log1mexp(b: OnnxBuilder, x: string): string {
  const y = b.op("Min", [x, b.scalar(-LOG1MEXP_GUARD)]);
  const e = b.op("Exp", [y]);
  const complement = b.op("Mul", [tanh(b, times(b, y, -0.5)), plus(b, e, 1)]);
  const near = b.op("Log", [complement]);
  const far = times(b, atanh(b, b.op("Div", [e, b.op("Sub", [b.scalar(2), e])])), -2);
  return b.op("Where", [b.op("Greater", [y, b.scalar(-Math.LN2)]), near, far]);
}

/** tanh; with coarse functions only for |x| <= log(2) / 2. */
function tanh(b: OnnxBuilder, x: string): string {
  return b.traits.coarse ? quotient(b, TANH, x) : b.op("Tanh", [x]);
}

/** atanh; with coarse functions only for |x| <= 1/3. */
function atanh(b: OnnxBuilder, x: string): string {
  return b.traits.coarse ? quotient(b, ATANH, x) : b.op("Atanh", [x]);
}

function quotient(b: OnnxBuilder, { numerator, denominator }: Rational, x: string): string {
  const q = b.op("Mul", [x, x]);
  const polynomial = ([c0, c1, c2]: readonly [number, number, number]): string =>
    plus(b, b.op("Mul", [q, plus(b, times(b, q, c2), c1)]), c0);
  return b.op("Mul", [x, b.op("Div", [polynomial(numerator), polynomial(denominator)])]);
}
