// What each operation of the graph IR computes, in float64: the elementwise, reducing and moving ones; products and images are beside.
// In: a node and its operands' shapes. Out: a function that writes the node's value, given its operands' values.
// Invariants: a kernel writes every entry of `out` and nothing else; index maps are made once, when the kernel is.
import { InternalError, unreachable } from "../../source/internal-error.js";
import {
  LOG1MEXP_GUARD,
  type BinaryKind,
  type LeakyRelu,
  type Node,
  type Op,
  type Shape,
  type UnaryKind,
} from "./graph.js";
import type { Kernel } from "./kernel.js";
import { convKernel, convTransposeKernel, upfirdnKernel } from "./kernels-image.js";
import { matmulKernel } from "./kernels-matmul.js";
import { at, sameShape, sizeOf, stridesOf } from "./shape.js";

/**
 * The kernel of a node.
 *
 * Errors   InternalError for inputs and constants, which have nothing to compute.
 */
export function kernelOf(node: Node, shapes: readonly Shape[]): Kernel {
  const { op, shape } = node;
  const x = shapes[0] ?? [];
  switch (op.kind) {
    case "input":
    case "constant":
      throw new InternalError(`${op.kind} is not computed`);
    case "unary":
      return mapKernel(unaryFunction(op.fn));
    case "clip":
      return mapKernel((v) => Math.min(Math.max(v, op.min), op.max));
    case "leakyRelu":
      return mapKernel(leakyReluFunction(op.activation));
    case "binary":
      return binaryKernel(binaryFunction(op.fn), x, at(shapes, 1), shape);
    case "select":
      return selectKernel(shapes, shape);
    case "matmul":
      return matmulKernel(x, at(shapes, 1), shape);
    case "dense":
      return denseKernel(op, shapes, shape);
    case "reduce":
      return reduceKernel(op, x, shape);
    case "reshape":
      return ([a], out) => out.set(given(a));
    case "transpose":
      if (x.length === 2 && op.permutation[0] === 1) return transposeKernel(at(x, 0), at(x, 1));
      return gatherKernel(
        shape,
        op.permutation.map((p) => at(stridesOf(x), p)),
        0,
      );
    case "broadcast":
      return gatherKernel(shape, broadcastStrides(x, shape), 0);
    case "slice": {
      const strides = stridesOf(x);
      return gatherKernel(
        shape,
        strides,
        strides.reduce((sum, s, i) => sum + s * at(op.start, i), 0),
      );
    }
    case "pad":
      return padKernel(op.before, x, shape);
    case "concat":
      return concatKernel(op.axis, shapes, shape);
    case "conv2d":
      return withActivation(convKernel(op, x, at(shapes, 1), shape), op.activation);
    case "convTranspose2d":
      return convTransposeKernel(op, x, at(shapes, 1), shape);
    case "upfirdn2d":
      return upfirdnKernel(op, x, shape);
    default:
      return unreachable(op);
  }
}

/** The scalar function of a unary op. */
export function unaryFunction(fn: UnaryKind): (x: number) => number {
  switch (fn) {
    case "neg":
      return (x) => -x;
    case "exp":
      return Math.exp;
    case "log":
      return Math.log;
    case "log1p":
      return Math.log1p;
    case "expm1":
      return Math.expm1;
    case "sqrt":
      return Math.sqrt;
    case "rsqrt":
      return (x) => 1 / Math.sqrt(x);
    case "square":
      return (x) => x * x;
    case "abs":
      return Math.abs;
    case "reciprocal":
      return (x) => 1 / x;
    case "sin":
      return Math.sin;
    case "sigmoid":
      return (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
    case "softplus":
      return (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    case "log1mexp":
      return log1mexp;
    case "step":
      return (x) => (x > 0 ? 1 : 0);
    case "sign":
      return Math.sign;
    case "floor":
      return Math.floor;
    case "detach":
      return (x) => x;
    default:
      return unreachable(fn);
  }
}

/** log(1 - exp(x)) for x <= 0, clamped at -LOG1MEXP_GUARD; the two branches meet where both are accurate (at -log 2). */
function log1mexp(x: number): number {
  const v = Math.min(x, -LOG1MEXP_GUARD);
  return v > -Math.LN2 ? Math.log(-Math.expm1(v)) : Math.log1p(-Math.exp(v));
}

/** The scalar function of a binary op. */
export function binaryFunction(fn: BinaryKind): (a: number, b: number) => number {
  switch (fn) {
    case "add":
      return (a, b) => a + b;
    case "sub":
      return (a, b) => a - b;
    case "mul":
      return (a, b) => a * b;
    case "div":
      return (a, b) => a / b;
    case "max":
      return Math.max;
    case "min":
      return Math.min;
    case "greater":
      return (a, b) => (a > b ? 1 : 0);
    default:
      return unreachable(fn);
  }
}

function leakyReluFunction({ slope, gain }: LeakyRelu): (x: number) => number {
  return (x) => (x > 0 ? gain * x : gain * slope * x);
}

function mapKernel(fn: (x: number) => number): Kernel {
  return ([a], out) => {
    const x = given(a);
    for (let i = 0; i < out.length; i++) out[i] = fn(x[i] ?? NaN);
  };
}

function binaryKernel(fn: (a: number, b: number) => number, a: Shape, b: Shape, shape: Shape): Kernel {
  if (sameShape(a, b)) {
    return ([x, y], out) => {
      const [p, q] = [given(x), given(y)];
      for (let i = 0; i < out.length; i++) out[i] = fn(p[i] ?? NaN, q[i] ?? NaN);
    };
  }
  if (sizeOf(b) === 1) {
    return ([x, y], out) => {
      const [p, q] = [given(x), given(y)[0] ?? NaN];
      for (let i = 0; i < out.length; i++) out[i] = fn(p[i] ?? NaN, q);
    };
  }
  const [mapA, mapB] = [broadcastMap(a, shape), broadcastMap(b, shape)];
  return ([x, y], out) => {
    const [p, q] = [given(x), given(y)];
    for (let i = 0; i < out.length; i++) out[i] = fn(p[mapA[i] ?? 0] ?? NaN, q[mapB[i] ?? 0] ?? NaN);
  };
}

function selectKernel(shapes: readonly Shape[], shape: Shape): Kernel {
  const [mapC, mapA, mapB] = [0, 1, 2].map((i) => broadcastMap(at(shapes, i), shape));
  return ([condition, a, b], out) => {
    const [c, p, q] = [given(condition), given(a), given(b)];
    for (let i = 0; i < out.length; i++) {
      out[i] = (c[mapC?.[i] ?? 0] !== 0 ? p[mapA?.[i] ?? 0] : q[mapB?.[i] ?? 0]) ?? NaN;
    }
  };
}

function denseKernel(op: Extract<Op, { kind: "dense" }>, shapes: readonly Shape[], shape: Shape): Kernel {
  const product = matmulKernel(at(shapes, 0), at(shapes, 1), shape);
  if (!op.hasBias) return withActivation(product, op.activation);
  const map = broadcastMap(at(shapes, 2), shape);
  return withActivation((operands, out) => {
    product(operands, out);
    const bias = given(operands[2]);
    for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? NaN) + (bias[map[i] ?? 0] ?? NaN);
  }, op.activation);
}

function withActivation(kernel: Kernel, activation: LeakyRelu | undefined): Kernel {
  if (activation === undefined) return kernel;
  const fn = leakyReluFunction(activation);
  return (operands, out) => {
    kernel(operands, out);
    for (let i = 0; i < out.length; i++) out[i] = fn(out[i] ?? NaN);
  };
}

function reduceKernel(op: Extract<Op, { kind: "reduce" }>, x: Shape, shape: Shape): Kernel {
  const kept = x.map((n, i) => (op.axes.includes(i) ? 1 : n));
  const target = broadcastMap(kept, x);
  const count = sizeOf(x) / sizeOf(shape);
  const max: Kernel = ([a], out) => {
    const v = given(a);
    out.fill(-Infinity);
    for (let i = 0; i < v.length; i++) {
      const t = target[i] ?? 0;
      out[t] = Math.max(out[t] ?? NaN, v[i] ?? NaN);
    }
  };
  const sum: Kernel = ([a], out) => {
    const v = given(a);
    out.fill(0);
    for (let i = 0; i < v.length; i++) {
      const t = target[i] ?? 0;
      out[t] = (out[t] ?? NaN) + (v[i] ?? NaN);
    }
  };
  switch (op.fn) {
    case "max":
      return max;
    case "sum":
      return sum;
    case "mean":
      return (operands, out) => {
        sum(operands, out);
        for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? NaN) / count;
      };
    case "logSumExp": {
      const largest = new Float64Array(sizeOf(shape));
      return (operands, out) => {
        max(operands, largest);
        const v = given(operands[0]);
        out.fill(0);
        for (let i = 0; i < v.length; i++) {
          const t = target[i] ?? 0;
          const top = largest[t] ?? NaN;
          // Where all are -Infinity the difference would be NaN, and the answer is -Infinity.
          if (top !== -Infinity) out[t] = (out[t] ?? NaN) + Math.exp((v[i] ?? NaN) - top);
        }
        for (let t = 0; t < out.length; t++) out[t] = Math.log(out[t] ?? NaN) + (largest[t] ?? NaN);
      };
    }
    default:
      return unreachable(op.fn);
  }
}

function padKernel(before: readonly number[], x: Shape, shape: Shape): Kernel {
  const strides = stridesOf(x);
  // Index of the source entry for each result entry, -1 in the padding.
  const map = new Int32Array(sizeOf(shape));
  eachIndex(shape, (index, i) => {
    let source = 0;
    for (let k = 0; k < index.length && source >= 0; k++) {
      const from = at(index, k) - at(before, k);
      source = from < 0 || from >= at(x, k) ? -1 : source + from * at(strides, k);
    }
    map[i] = source;
  });
  return ([a], out) => {
    const v = given(a);
    for (let i = 0; i < out.length; i++) {
      const source = map[i] ?? -1;
      out[i] = source < 0 ? 0 : (v[source] ?? NaN);
    }
  };
}

function concatKernel(axis: number, shapes: readonly Shape[], shape: Shape): Kernel {
  const outer = sizeOf(shape.slice(0, axis));
  const chunks = shapes.map((s) => sizeOf(s.slice(axis)));
  const total = sizeOf(shape.slice(axis));
  return (operands, out) => {
    let offset = 0;
    operands.forEach((v, k) => {
      const chunk = at(chunks, k);
      for (let o = 0; o < outer; o++) out.set(v.subarray(o * chunk, (o + 1) * chunk), o * total + offset);
      offset += chunk;
    });
  };
}

/** Transposes a matrix in blocks, since weights are large and a stride through them misses the cache at every step. */
function transposeKernel(rows: number, columns: number): Kernel {
  const block = 16;
  return ([a], out) => {
    const v = given(a);
    for (let top = 0; top < rows; top += block) {
      for (let left = 0; left < columns; left += block) {
        for (let i = top; i < Math.min(top + block, rows); i++) {
          for (let j = left; j < Math.min(left + block, columns); j++) out[j * rows + i] = v[i * columns + j] ?? NaN;
        }
      }
    }
  };
}

/** Copies entries by stride: transposes, broadcasts (stride 0) and slices. */
function gatherKernel(shape: Shape, strides: readonly number[], offset: number): Kernel {
  const map = stridedMap(shape, strides, offset);
  return ([a], out) => {
    const v = given(a);
    for (let i = 0; i < out.length; i++) out[i] = v[map[i] ?? 0] ?? NaN;
  };
}

function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || at(from, i - lead) === 1 ? 0 : at(strides, i - lead)));
}

/** For each entry of `to`, the index of the entry of `from` that broadcasts to it. */
function broadcastMap(from: Shape, to: Shape): Int32Array {
  return stridedMap(to, broadcastStrides(from, to), 0);
}

function stridedMap(shape: Shape, strides: readonly number[], offset: number): Int32Array {
  const map = new Int32Array(sizeOf(shape));
  // Built axis by axis from the last: `done` entries of the innermost axes repeat with the next axis' stride.
  map[0] = offset;
  let done = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const [n, stride] = [at(shape, axis), at(strides, axis)];
    for (let k = 1; k < n; k++) for (let i = 0; i < done; i++) map[k * done + i] = (map[i] ?? 0) + k * stride;
    done *= n;
  }
  return map;
}

/** Calls `visit` with each index of a shape in row-major order, and its place in that order. */
function eachIndex(shape: Shape, visit: (index: readonly number[], i: number) => void): void {
  const index = shape.map(() => 0);
  const total = sizeOf(shape);
  for (let i = 0; i < total; i++) {
    visit(index, i);
    for (let k = shape.length - 1; k >= 0; k--) {
      const next = at(index, k) + 1;
      index[k] = next < at(shape, k) ? next : 0;
      if (next < at(shape, k)) break;
    }
  }
}

function given(x: Float64Array | undefined): Float64Array {
  return x ?? fail();
}

function fail(): never {
  throw new InternalError("an operand's value is missing");
}
