// ONNX operations on quantised numbers, as operations on the numbers that they stand for.
// Invariants: q stands for (q - zero) scale; what is rounded has the derivative of what is not (the straight-through estimator), and none where it is cut off;
// weights are dequantised while the network is read.
import { scalar } from "../../graph/builder.js";
import type { NodeId } from "../../graph/graph.js";
import { round } from "./elementwise.js";
import { LINEAR } from "./linear.js";
import { Untranslatable, type OnnxCall, type OnnxOperand, type Translate } from "./translation.js";
import { WINDOWS } from "./windows.js";

/** Least and largest number of a type. */
const RANGES: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["uint8", [0, 255]],
  ["int8", [-128, 127]],
  ["uint16", [0, 65535]],
  ["int16", [-32768, 32767]],
]);

/** A parameter of one number, or of one for each entry of an axis, to be broadcast over a value of a rank. */
function along(c: OnnxCall, parameter: OnnxOperand, rank: number, axis: number): NodeId {
  const node = c.t.node(parameter);
  const count = parameter.shape.reduce((a, b) => a * b, 1);
  if (count === 1) return c.b.reshape(node, []);
  if (parameter.shape.length !== 1) throw new Untranslatable("it is quantised in blocks");
  return c.b.reshape(
    node,
    Array.from({ length: rank }, (_, d) => (d === axis ? count : 1)),
  );
}

function dequantized(c: OnnxCall, [x, scale, zero]: readonly (OnnxOperand | undefined)[], axis: number): OnnxOperand {
  if (x === undefined) throw new Untranslatable("its input is missing");
  const rank = x.shape.length;
  const whole = zero === undefined ? c.t.node(x) : c.b.sub(c.t.node(x), along(c, zero, rank, axis));
  return c.t.of(scale === undefined ? whole : c.b.mul(whole, along(c, scale, rank, axis)));
}

/** round(x / scale) + zero within what the type holds. */
function quantized(
  c: OnnxCall,
  [x, scale, zero]: readonly (OnnxOperand | undefined)[],
  axis: number,
  otherwise = "uint8",
): OnnxOperand {
  if (x === undefined || scale === undefined) throw new Untranslatable("its scale is missing");
  const type = zero?.type ?? otherwise;
  const range = RANGES.get(type);
  if (range === undefined) throw new Untranslatable(`it quantises to ${type}`);
  const rank = x.shape.length;
  const steps = round(c, c.b.div(c.t.node(x), along(c, scale, rank, axis)));
  const moved = zero === undefined ? steps : c.b.add(steps, along(c, zero, rank, axis));
  return { ...c.t.of(c.b.clip(moved, ...range)), type };
}

const axisOf = (c: OnnxCall): number => {
  if (c.int("block_size", 0) !== 0) throw new Untranslatable("it is quantised in blocks");
  return c.axis(1, c.input(0).shape.length);
};

/** Scale and zero are those that the numbers themselves call for, which include 0. */
const dynamic: Translate = (c) => {
  const x = c.t.node(c.input(0));
  const { b } = c;
  const high = b.max(b.reduceMax(x), scalar(0));
  const low = b.min(b.neg(b.reduceMax(b.neg(x))), scalar(0));
  const scale = b.mul(b.max(b.sub(high, low), scalar(LEAST_SPAN)), scalar(1 / 255));
  const zero = b.clip(round(c, b.neg(b.div(low, scale))), 0, 255);
  const made = { scale: c.t.of(scale), zero: { ...c.t.of(zero), type: "uint8" } };
  return [quantized(c, [c.input(0), made.scale, made.zero], 0), made.scale, made.zero];
};
const LEAST_SPAN = 1e-20;

/** The weight as numbers, which convolutions want to know. */
function weightOf(c: OnnxCall, i: number, scale: OnnxOperand | undefined, zero: OnnxOperand | undefined): OnnxOperand {
  const weight = c.input(i);
  const parameters = [scale, zero];
  if (weight.known === undefined || parameters.some((p) => p !== undefined && p.known === undefined))
    throw new Untranslatable("its weight is no constant");
  const size = weight.known.length / (weight.shape[0] ?? 1);
  const of = (p: OnnxOperand | undefined, k: number, otherwise: number): number =>
    p?.known === undefined ? otherwise : (p.known[p.known.length === 1 ? 0 : Math.floor(k / size)] ?? NaN);
  return { shape: weight.shape, known: weight.known.map((q, k) => (q - of(zero, k, 0)) * of(scale, k, 1)) };
}

function act(operations: Readonly<Record<string, Translate>>, name: string, c: OnnxCall): OnnxOperand {
  const [made] = operations[name]?.(c) ?? [];
  if (made === undefined) throw new Untranslatable(`${name} gives nothing`);
  return made;
}

/** Zero points of rows of the first, and of columns of the second. */
function product(c: OnnxCall, a: OnnxOperand, b: OnnxOperand): OnnxOperand {
  return act(LINEAR, "MatMul", c.with([a, b]));
}

const lastOf = (c: OnnxCall, i: number, back: number): number => c.input(i).shape.length - back;

const matMulInteger: Translate = (c) => {
  const a = dequantized(c, [c.input(0), undefined, c.optional(2)], lastOf(c, 0, 2));
  const b = dequantized(c, [c.input(1), undefined, c.optional(3)], lastOf(c, 1, 1));
  return [{ ...product(c, a, b), type: "int32" }];
};

const convInteger: Translate = (c) => {
  const x = dequantized(c, [c.input(0), undefined, c.optional(2)], 1);
  return [{ ...act(WINDOWS, "Conv", c.with([x, weightOf(c, 1, undefined, c.optional(3))])), type: "int32" }];
};

const qLinearMatMul: Translate = (c) => {
  const a = dequantized(c, [c.input(0), c.input(1), c.optional(2)], lastOf(c, 0, 2));
  const b = dequantized(c, [c.input(3), c.input(4), c.optional(5)], lastOf(c, 3, 1));
  return [quantized(c, [product(c, a, b), c.input(6), c.optional(7)], 1)];
};

const qLinearConv: Translate = (c) => {
  const x = dequantized(c, [c.input(0), c.input(1), c.optional(2)], 1);
  const [scale, bias] = [c.input(4), c.optional(8)];
  const weight = weightOf(c, 3, scale, c.optional(5));
  // A bias is counted in products of both scales.
  const unit = bias && c.t.combine(c.input(1), scale, (p, q) => c.b.mul(p, q));
  const shift = bias && unit && c.t.combine(bias, unit, (p, q) => c.b.mul(p, q));
  const y = act(WINDOWS, "Conv", c.with([x, weight, shift]));
  return [quantized(c, [y, c.input(6), c.optional(7)], 1)];
};

export const QUANTIZED: Readonly<Record<string, Translate>> = {
  QuantizeLinear: (c) => [quantized(c, [c.input(0), c.input(1), c.optional(2)], axisOf(c))],
  DequantizeLinear: (c) => [dequantized(c, [c.input(0), c.input(1), c.optional(2)], axisOf(c))],
  DynamicQuantizeLinear: dynamic,
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
  QLinearMatMul: qLinearMatMul,
  QLinearConv: qLinearConv,
};
