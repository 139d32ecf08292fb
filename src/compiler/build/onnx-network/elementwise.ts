// ONNX operations that work entry by entry.
import { scalar } from "../../graph/builder.js";
import type { NodeId } from "../../graph/graph.js";
import { ONNX_TYPES } from "../../onnx-network.js";
import { isWhole, Untranslatable, type OnnxCall, type OnnxOperand, type Translate } from "./translation.js";

type Unary = (c: OnnxCall, x: NodeId) => NodeId;
const unary =
  (act: Unary): Translate =>
  (c) => [c.t.map(c.input(0), (x) => act(c, x))];

/** Associative ones take any number of inputs. */
const folded =
  (fn: "add" | "sub" | "mul" | "max" | "min"): Translate =>
  (c) => {
    const [first, ...rest] = c.inputs;
    if (first === undefined) throw new Untranslatable("it has no input");
    return [rest.reduce((a, b) => c.t.combine(a, b, (x, y) => c.b.binary(fn, x, y)), first)];
  };

const tanh: Unary = ({ b }, x) => b.sub(b.mul(scalar(2), b.sigmoid(b.mul(scalar(2), x))), scalar(1));
/**
 * The nearest whole number, of two the even one. Its derivative is taken for that of x: quantised networks are trained so, and have no slope otherwise.
 * Source   Bengio, Leonard, Courville 2013 (arXiv 1308.3432), the straight-through estimator.
 */
export const round = ({ b }: OnnxCall, x: NodeId): NodeId => {
  const up = b.floor(b.add(x, scalar(0.5)));
  const isTie = b.sub(scalar(1), b.sign(b.abs(b.sub(b.add(x, scalar(0.5)), up))));
  const odd = b.sub(up, b.mul(b.floor(b.mul(up, scalar(0.5))), scalar(2)));
  return b.add(x, b.detach(b.sub(b.sub(up, b.mul(isTie, odd)), x)));
};
const truncated = ({ b }: OnnxCall, x: NodeId): NodeId => b.mul(b.sign(x), b.floor(b.abs(x)));
/** 1 where a value is not 0. */
const isThere = ({ b }: OnnxCall, x: NodeId): NodeId => b.abs(b.sign(x));
const opposite = ({ b }: OnnxCall, x: NodeId): NodeId => b.sub(scalar(1), x);
const two = (c: OnnxCall, act: (a: NodeId, b: NodeId) => NodeId): OnnxOperand =>
  c.t.combine(c.input(0), c.input(1), act);
/** A comparison: 1 or 0, without a gradient. */
const compared =
  (act: (c: OnnxCall, a: NodeId, b: NodeId) => NodeId): Translate =>
  (c) => [{ ...two(c, (a, b) => act(c, a, b)), type: "bool" }];

/** Of whole numbers the whole quotient, towards 0. */
const div: Translate = (c) => {
  const quotient = two(c, (a, b) => c.b.div(a, b));
  return [isWhole(c.input(0)) && isWhole(c.input(1)) ? c.t.map(quotient, (x) => truncated(c, x)) : quotient];
};

/** The remainder, of the divisor's sign, or with `fmod` of the dividend's. */
const mod: Translate = (c) => {
  const whole = (x: NodeId): NodeId => (c.int("fmod", 0) === 0 ? c.b.floor(x) : truncated(c, x));
  return [two(c, (a, b) => c.b.sub(a, c.b.mul(b, whole(c.b.div(a, b)))))];
};

const mean: Translate = (c) => {
  const [sum] = folded("add")(c);
  return sum === undefined ? [] : [c.t.map(sum, (x) => c.b.mul(x, scalar(1 / c.inputs.length)))];
};

/** To whole numbers by leaving out what is behind the point, to truth by what is not 0; precision is that of the engine. */
const cast: Translate = (c) => {
  const x = c.input(0);
  const type = c.file.opType === "CastLike" ? (c.input(1).type ?? "float32") : ONNX_TYPES.get(c.int("to", 1));
  if (type === undefined) throw new Untranslatable("it casts to a type that is not read");
  if (type === "bool") return [{ ...c.t.map(x, (n) => isThere(c, n)), type }];
  const to = { ...x, type };
  if (!isWhole(to)) return [to];
  return [isWhole(x) || x.type === "bool" ? to : { ...c.t.map(x, (n) => truncated(c, n)), type }];
};

/** In training it would draw noise. */
const dropout: Translate = (c) => {
  if ((c.optional(2)?.known?.[0] ?? 0) !== 0 || (c.optional(2) !== undefined && c.optional(2)?.known === undefined))
    throw new Untranslatable("it drops out at random, as in training");
  const x = c.input(0);
  return [x, { ...c.t.map(x, (n) => c.b.add(c.b.mul(n, scalar(0)), scalar(1))), type: "bool" }];
};

const gelu: Translate = unary((c, x) => {
  const { b } = c;
  const half = b.mul(x, scalar(0.5));
  if (c.text("approximate", "none") === "none")
    return b.mul(half, b.add(erf(c, b.mul(x, scalar(Math.SQRT1_2))), scalar(1)));
  const cubed = b.add(x, b.mul(b.mul(x, b.square(x)), scalar(0.044715)));
  return b.mul(half, b.add(tanh(c, b.mul(cubed, scalar(Math.sqrt(2 / Math.PI)))), scalar(1)));
});

const shrink: Translate = unary((c, x) => {
  const { b } = c;
  const [bias, lambda] = [scalar(c.float("bias", 0)), scalar(c.float("lambd", 0.5))];
  const [above, below] = [b.greater(x, lambda), b.greater(b.neg(x), lambda)];
  return b.add(b.mul(above, b.sub(x, bias)), b.mul(below, b.add(x, bias)));
});

const hardSigmoid = (c: OnnxCall, x: NodeId, alpha: number, beta: number): NodeId =>
  c.b.clip(c.b.add(c.b.mul(x, scalar(alpha)), scalar(beta)), 0, 1);

/** Coefficients of t^5 ... t. */
const ERF = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];

/** erf by Abramowitz and Stegun 7.1.26: within 1.5e-7. */
const erf: Unary = ({ b }, x) => {
  const size = b.abs(x);
  const t = b.reciprocal(b.add(b.mul(size, scalar(0.3275911)), scalar(1)));
  const [first = 0, ...others] = ERF;
  const poly = others.reduce((sum, k) => b.add(b.mul(sum, t), scalar(k)), b.add(b.mul(t, scalar(0)), scalar(first)));
  const value = b.sub(scalar(1), b.mul(b.mul(poly, t), b.exp(b.neg(b.square(x)))));
  return b.mul(b.sign(x), value);
};

const elu = ({ b }: OnnxCall, x: NodeId, alpha: number): NodeId =>
  b.add(b.max(x, scalar(0)), b.mul(scalar(alpha), b.expm1(b.min(x, scalar(0)))));

/** Powers by a number: squares and roots by their own operations; those by several, or by what depends on the data, of positive numbers alone unless all are whole. */
const pow: Translate = (c) => {
  const given = c.input(1).known;
  const k = given?.[0] ?? 1;
  if (given === undefined || !given.every((e) => e === k)) {
    const isOdd = given?.every(Number.isInteger) === true ? given.map((e) => Math.abs(e % 2)) : undefined;
    const odd = isOdd && c.t.of(c.b.constant(isOdd, c.input(1).shape));
    const size = two(c, (x, e) => c.b.exp(c.b.mul(e, c.b.log(odd === undefined ? x : c.b.abs(x)))));
    if (odd === undefined) return [size];
    const sign = c.t.combine(c.input(0), odd, (x, o) => c.b.add(opposite(c, o), c.b.mul(o, c.b.sign(x))));
    return [c.t.combine(size, sign, (a, b) => c.b.mul(a, b))];
  }
  return [
    c.t.map(c.input(0), (x) => {
      if (k === 2) return c.b.square(x);
      if (k === 1) return x;
      if (k === 0.5) return c.b.sqrt(x);
      if (k === -0.5) return c.b.rsqrt(x);
      if (k === -1) return c.b.reciprocal(x);
      if (Number.isInteger(k) && Math.abs(k) <= MOST_FACTORS) return wholePower(c, x, k);
      return c.b.exp(c.b.mul(scalar(k), c.b.log(x)));
    }),
  ];
};

/** Factors of a power that are multiplied one by one, so that negative numbers have one. */
const MOST_FACTORS = 64;

function wholePower(c: OnnxCall, x: NodeId, k: number): NodeId {
  if (k < 0) return c.b.reciprocal(wholePower(c, x, -k));
  if (k === 0) return c.b.add(c.b.mul(x, scalar(0)), scalar(1));
  if (k === 1) return x;
  const half = c.b.square(wholePower(c, x, Math.floor(k / 2)));
  return k % 2 === 0 ? half : c.b.mul(half, x);
}

const clip: Translate = (c) => {
  const bounds = [c.optional(1), c.optional(2)];
  if (bounds.some((bound) => bound !== undefined && bound.known === undefined)) {
    const [low, high] = bounds;
    let x = c.input(0);
    if (low !== undefined) x = c.t.combine(x, low, (a, b) => c.b.max(a, b));
    return [high === undefined ? x : c.t.combine(x, high, (a, b) => c.b.min(a, b))];
  }
  const bound = (name: string, i: number, otherwise: number): number =>
    c.attribute(name)?.f ?? c.numbers(i)?.[0] ?? otherwise;
  const [low, high] = [bound("min", 1, -Infinity), bound("max", 2, Infinity)];
  return [c.t.map(c.input(0), (x) => c.b.clip(x, Math.max(low, -3.4e38), Math.min(high, 3.4e38)))];
};

/** Slopes as they are broadcast: a list that does not fit the last axis has one for each channel. */
function slopeOf(c: OnnxCall): OnnxOperand {
  const [x, slope] = [c.input(0), c.input(1)];
  const [count] = slope.shape;
  if (slope.shape.length !== 1 || count === undefined || count === 1) return slope;
  if (count === x.shape.at(-1) || count !== x.shape[1]) return slope;
  return c.t.of(c.b.reshape(c.t.node(slope), [count, ...x.shape.slice(2).map(() => 1)]));
}

/** The slope is a channel's own. */
const prelu: Translate = (c) => {
  const x = c.input(0);
  const positive = c.t.map(x, (n) => c.b.max(n, scalar(0)));
  const negative = c.t.map(x, (n) => c.b.min(n, scalar(0)));
  const scaled = c.t.combine(negative, slopeOf(c), (a, b) => c.b.mul(a, b));
  return [c.t.combine(positive, scaled, (a, b) => c.b.add(a, b))];
};

const where: Translate = (c) => {
  const [condition, a, b] = [c.t.node(c.input(0)), c.t.node(c.input(1)), c.t.node(c.input(2))];
  return [c.t.of(c.b.select(condition, a, b))];
};

const same: Translate = (c) => [c.input(0)];

export const ELEMENTWISE: Readonly<Record<string, Translate>> = {
  Identity: same,
  Dropout: dropout,
  Cast: cast,
  CastLike: cast,
  Relu: unary((c, x) => c.b.leakyRelu(x, 0)),
  LeakyRelu: unary((c, x) => c.b.leakyRelu(x, c.float("alpha", 0.01))),
  PRelu: prelu,
  Elu: unary((c, x) => elu(c, x, c.float("alpha", 1))),
  Selu: unary((c, x) =>
    c.b.mul(scalar(c.float("gamma", 1.0507009873554805)), elu(c, x, c.float("alpha", 1.6732632423543772))),
  ),
  Sigmoid: unary((c, x) => c.b.sigmoid(x)),
  HardSigmoid: unary((c, x) => hardSigmoid(c, x, c.float("alpha", 0.2), c.float("beta", 0.5))),
  HardSwish: unary((c, x) => c.b.mul(x, hardSigmoid(c, x, 1 / 6, 0.5))),
  Tanh: unary(tanh),
  Softplus: unary((c, x) => c.b.softplus(x)),
  Softsign: unary((c, x) => c.b.div(x, c.b.add(c.b.abs(x), scalar(1)))),
  Erf: unary(erf),
  Gelu: gelu,
  Celu: unary((c, x) => {
    const alpha = c.float("alpha", 1);
    return c.b.add(
      c.b.max(x, scalar(0)),
      c.b.mul(scalar(alpha), c.b.expm1(c.b.min(c.b.mul(x, scalar(1 / alpha)), scalar(0)))),
    );
  }),
  Mish: unary((c, x) => c.b.mul(x, tanh(c, c.b.softplus(x)))),
  ThresholdedRelu: unary((c, x) => c.b.mul(x, c.b.greater(x, scalar(c.float("alpha", 1))))),
  Shrink: shrink,
  Sin: unary((c, x) => c.b.sin(x)),
  Cos: unary((c, x) => c.b.sin(c.b.add(x, scalar(Math.PI / 2)))),
  Exp: unary((c, x) => c.b.exp(x)),
  Log: unary((c, x) => c.b.log(x)),
  Sqrt: unary((c, x) => c.b.sqrt(x)),
  Neg: unary((c, x) => c.b.neg(x)),
  Abs: unary((c, x) => c.b.abs(x)),
  Sign: unary((c, x) => c.b.sign(x)),
  Floor: unary((c, x) => c.b.floor(x)),
  Ceil: unary((c, x) => c.b.neg(c.b.floor(c.b.neg(x)))),
  Round: unary(round),
  Reciprocal: unary((c, x) => c.b.reciprocal(x)),
  Clip: clip,
  Pow: pow,
  Where: where,
  Add: folded("add"),
  Sum: folded("add"),
  Sub: folded("sub"),
  Mul: folded("mul"),
  Div: div,
  Mod: mod,
  Mean: mean,
  Max: folded("max"),
  Min: folded("min"),
  Greater: compared((c, a, b) => c.b.greater(a, b)),
  Less: compared((c, a, b) => c.b.greater(b, a)),
  GreaterOrEqual: compared((c, a, b) => opposite(c, c.b.greater(b, a))),
  LessOrEqual: compared((c, a, b) => opposite(c, c.b.greater(a, b))),
  Equal: compared((c, a, b) => opposite(c, isThere(c, c.b.sub(a, b)))),
  And: compared((c, a, b) => c.b.mul(a, b)),
  Or: compared((c, a, b) => c.b.max(a, b)),
  Xor: compared((c, a, b) => c.b.abs(c.b.sub(a, b))),
  Not: (c) => [{ ...c.t.map(c.input(0), (x) => opposite(c, x)), type: "bool" }],
};
