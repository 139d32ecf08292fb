// ONNX operations that work entry by entry.
import { scalar } from "../../graph/builder.js";
import type { NodeId } from "../../graph/graph.js";
import { Untranslatable, type OnnxCall, type Translate } from "./translation.js";

type Unary = (c: OnnxCall, x: NodeId) => NodeId;
const unary =
  (act: Unary): Translate =>
  (c) => [c.t.map(c.input(0), (x) => act(c, x))];

/** Associative ones take any number of inputs. */
const folded =
  (fn: "add" | "sub" | "mul" | "div" | "max" | "min"): Translate =>
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
const round = ({ b }: OnnxCall, x: NodeId): NodeId => {
  const up = b.floor(b.add(x, scalar(0.5)));
  const isTie = b.sub(scalar(1), b.sign(b.abs(b.sub(b.add(x, scalar(0.5)), up))));
  const odd = b.sub(up, b.mul(b.floor(b.mul(up, scalar(0.5))), scalar(2)));
  return b.add(x, b.detach(b.sub(b.sub(up, b.mul(isTie, odd)), x)));
};
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

/** Powers by a number: squares and roots by their own operations. */
const pow: Translate = (c) => {
  const exponent = c.input(1).known;
  if (exponent?.length !== 1) throw new Untranslatable("its exponent is no single number");
  const k = exponent[0] ?? 1;
  return [
    c.t.map(c.input(0), (x) => {
      if (k === 2) return c.b.square(x);
      if (k === 1) return x;
      if (k === 0.5) return c.b.sqrt(x);
      if (k === -0.5) return c.b.rsqrt(x);
      if (k === -1) return c.b.reciprocal(x);
      if (k === 3) return c.b.mul(x, c.b.square(x));
      return c.b.exp(c.b.mul(scalar(k), c.b.log(x)));
    }),
  ];
};

const clip: Translate = (c) => {
  const bound = (name: string, i: number, otherwise: number): number =>
    c.attribute(name)?.f ?? c.numbers(i)?.[0] ?? otherwise;
  const [low, high] = [bound("min", 1, -Infinity), bound("max", 2, Infinity)];
  return [c.t.map(c.input(0), (x) => c.b.clip(x, Math.max(low, -3.4e38), Math.min(high, 3.4e38)))];
};

/** The slope is a channel's own. */
const prelu: Translate = (c) => {
  const x = c.input(0);
  const positive = c.t.map(x, (n) => c.b.max(n, scalar(0)));
  const negative = c.t.map(x, (n) => c.b.min(n, scalar(0)));
  const scaled = c.t.combine(negative, c.input(1), (a, b) => c.b.mul(a, b));
  return [c.t.combine(positive, scaled, (a, b) => c.b.add(a, b))];
};

const where: Translate = (c) => {
  const [condition, a, b] = [c.t.node(c.input(0)), c.t.node(c.input(1)), c.t.node(c.input(2))];
  return [c.t.of(c.b.select(condition, a, b))];
};

const same: Translate = (c) => [c.input(0)];

export const ELEMENTWISE: Readonly<Record<string, Translate>> = {
  Identity: same,
  Dropout: same,
  Cast: same,
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
  Gelu: unary((c, x) => c.b.mul(c.b.mul(x, scalar(0.5)), c.b.add(erf(c, c.b.mul(x, scalar(Math.SQRT1_2))), scalar(1)))),
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
  Div: folded("div"),
  Max: folded("max"),
  Min: folded("min"),
  Greater: (c) => [c.t.combine(c.input(0), c.input(1), (a, b) => c.b.greater(a, b))],
  Less: (c) => [c.t.combine(c.input(0), c.input(1), (a, b) => c.b.greater(b, a))],
};
