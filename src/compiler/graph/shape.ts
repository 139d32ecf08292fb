// Shape inference: what every operation of the graph IR makes of the shapes of its operands.
// In: an op and its operands' shapes. Out: the result's shape, or an InternalError that says what does not fit.
// Invariants: pure; the only definition of shapes (builder, passes and targets ask here); leaves carry their own shape.
import { InternalError, unreachable } from "../../source/internal-error.js";
import type { ImageLayout, Op, Shape } from "./graph.js";

/** Number of entries of a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** Row-major strides, in entries. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = at(strides, i + 1) * at(shape, i + 1);
  return strides;
}

/** Entry `i` of a list, counted from the end if negative; an InternalError where there is none. */
export function at<T>(list: readonly T[], i: number): T {
  const value = list[i < 0 ? list.length + i : i]; // much faster than list.at(i), and passes ask millions of times
  if (value === undefined) throw new InternalError(`no entry ${i} in a list of ${list.length}`);
  return value;
}

/** NumPy broadcasting of any number of shapes. Errors: InternalError if they do not fit. */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 1; i <= shape.length; i++) {
      const n = at(shape, -i);
      if (n === 1) continue;
      const have = at(result, -i);
      if (have !== 1 && have !== n) fail("broadcast", `${shapes.map(printShape).join(" and ")} do not fit`);
      result[rank - i] = n;
    }
  }
  return result;
}

export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Sizes of an image batch, whatever its layout. */
export interface ImageSizes {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export function imageSizes(shape: Shape, layout: ImageLayout): ImageSizes {
  if (shape.length !== 4) fail("image", `rank 4 needed, not ${printShape(shape)}`);
  const [a, b, c, d] = [at(shape, 0), at(shape, 1), at(shape, 2), at(shape, 3)];
  return layout === "nchw"
    ? { batch: a, channels: b, height: c, width: d }
    : { batch: a, channels: d, height: b, width: c };
}

export function imageShape(sizes: ImageSizes, layout: ImageLayout): Shape {
  const { batch, channels, height, width } = sizes;
  return layout === "nchw" ? [batch, channels, height, width] : [batch, height, width, channels];
}

/**
 * The shape of an operation's result.
 *
 * Shapes   those of the operands, in the order that `Op` documents.
 * Errors   InternalError if the operands do not fit, and for `input` and `constant`, whose shapes are given, not inferred.
 */
export function inferShape(op: Op, inputs: readonly Shape[]): Shape {
  const operand = (i: number): Shape => {
    const shape = inputs[i];
    return shape ?? fail(op.kind, `operand ${i} is missing`);
  };
  const count = (n: number): void => {
    if (inputs.length !== n) fail(op.kind, `${n} operands needed, not ${inputs.length}`);
  };
  switch (op.kind) {
    case "input":
    case "constant":
      return fail(op.kind, "its shape is given, not inferred");
    case "unary":
    case "leakyRelu":
      count(1);
      return operand(0);
    case "clip":
      count(1);
      if (!(op.min <= op.max)) fail(op.kind, `${op.min} exceeds ${op.max}`);
      return operand(0);
    case "binary":
      count(2);
      return broadcastShapes(operand(0), operand(1));
    case "select":
      count(3);
      return broadcastShapes(operand(0), operand(1), operand(2));
    case "matmul":
      count(2);
      return matmulShape(operand(0), operand(1));
    case "dense": {
      count(op.hasBias ? 3 : 2);
      const result = matmulShape(operand(0), operand(1));
      if (op.hasBias && !sameShape(broadcastShapes(result, operand(2)), result))
        fail(op.kind, `bias ${printShape(operand(2))} does not fit ${printShape(result)}`);
      return result;
    }
    case "reduce":
      count(1);
      return reduceShape(op.axes, op.keepDims, operand(0));
    case "reshape":
      count(1);
      if (sizeOf(op.to) !== sizeOf(operand(0))) fail(op.kind, `${printShape(operand(0))} to ${printShape(op.to)}`);
      return op.to;
    case "transpose": {
      count(1);
      const x = operand(0);
      if ([...op.permutation].sort((a, b) => a - b).some((p, i) => p !== i) || op.permutation.length !== x.length)
        fail(op.kind, `${printShape(op.permutation)} does not permute ${printShape(x)}`);
      return op.permutation.map((p) => at(x, p));
    }
    case "broadcast":
      count(1);
      if (!sameShape(broadcastShapes(operand(0), op.to), op.to))
        fail(op.kind, `${printShape(operand(0))} to ${printShape(op.to)}`);
      return op.to;
    case "slice": {
      count(1);
      const x = operand(0);
      if (op.start.length !== x.length || op.size.length !== x.length) fail(op.kind, `rank of ${printShape(x)}`);
      x.forEach((n, i) => {
        const [start, size] = [at(op.start, i), at(op.size, i)];
        if (start < 0 || size < 1 || start + size > n) fail(op.kind, `${start}+${size} of ${n} on axis ${i}`);
      });
      return op.size;
    }
    case "pad": {
      count(1);
      const x = operand(0);
      if (op.before.length !== x.length || op.after.length !== x.length) fail(op.kind, `rank of ${printShape(x)}`);
      return x.map((n, i) => positive(op.kind, n + at(op.before, i) + at(op.after, i)));
    }
    case "concat":
      return concatShape(op.axis, inputs);
    case "conv2d": {
      count(op.hasBias ? 3 : 2);
      const x = imageSizes(operand(0), op.layout);
      const w = imageSizes(operand(1), "nchw");
      if (w.channels !== x.channels) fail(op.kind, `${w.channels} weight channels for ${x.channels}`);
      if (op.hasBias && !sameShape(operand(2), [w.batch])) fail(op.kind, `bias ${printShape(operand(2))}`);
      const height = positive(op.kind, Math.floor((x.height + 2 * op.pad - w.height) / op.stride) + 1);
      const width = positive(op.kind, Math.floor((x.width + 2 * op.pad - w.width) / op.stride) + 1);
      return imageShape({ batch: x.batch, channels: w.batch, height, width }, op.layout);
    }
    case "convTranspose2d": {
      count(2);
      const x = imageSizes(operand(0), op.layout);
      const w = imageSizes(operand(1), "nchw");
      if (w.batch !== x.channels) fail(op.kind, `${w.batch} weight channels for ${x.channels}`);
      const height = positive(op.kind, (x.height - 1) * op.stride + w.height - 2 * op.pad);
      const width = positive(op.kind, (x.width - 1) * op.stride + w.width - 2 * op.pad);
      return imageShape({ batch: x.batch, channels: w.channels, height, width }, op.layout);
    }
    case "upfirdn2d": {
      count(1);
      const x = imageSizes(operand(0), op.layout);
      const [rows, columns] = [op.kernel.length, at(op.kernel, 0).length];
      if (columns === 0 || op.kernel.some((row) => row.length !== columns)) fail(op.kind, "a kernel of ragged rows");
      const [top, bottom, left, right] = op.pads;
      const out = (n: number, before: number, after: number, taps: number): number =>
        positive(op.kind, Math.floor((n * op.up + before + after - taps) / op.down) + 1);
      return imageShape(
        { ...x, height: out(x.height, top, bottom, rows), width: out(x.width, left, right, columns) },
        op.layout,
      );
    }
    default:
      return unreachable(op);
  }
}

function matmulShape(a: Shape, b: Shape): Shape {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2))
    return fail("matmul", `${printShape(a)} by ${printShape(b)}`);
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), at(a, -2), at(b, -1)];
}

function reduceShape(axes: readonly number[], keepDims: boolean, x: Shape): Shape {
  if (new Set(axes).size !== axes.length || axes.some((a) => !Number.isInteger(a) || a < 0 || a >= x.length))
    fail("reduce", `axes ${printShape(axes)} of ${printShape(x)}`);
  return keepDims ? x.map((n, i) => (axes.includes(i) ? 1 : n)) : x.filter((_, i) => !axes.includes(i));
}

function concatShape(axis: number, inputs: readonly Shape[]): Shape {
  const first = inputs[0] ?? fail("concat", "no operands");
  if (axis < 0 || axis >= first.length) fail("concat", `axis ${axis} of ${printShape(first)}`);
  for (const shape of inputs) {
    if (shape.length !== first.length || shape.some((n, i) => i !== axis && n !== first[i]))
      fail("concat", `${printShape(shape)} beside ${printShape(first)} on axis ${axis}`);
  }
  return first.map((n, i) => (i === axis ? inputs.reduce((sum, s) => sum + at(s, axis), 0) : n));
}

function positive(kind: string, n: number): number {
  return n >= 1 ? n : fail(kind, `a size of ${n}`);
}

function fail(kind: string, detail: string): never {
  throw new InternalError(`shapes of ${kind}: ${detail}`);
}
