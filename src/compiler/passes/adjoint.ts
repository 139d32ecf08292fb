// The gradient of every operation: what differentiate does at one node. Image operations are beside.
// In: a node's operands, its value, its adjoint and the builder. Out: an adjoint for each operand that needs one.
// Invariants: forms are chosen to be few and cheap at run time, reusing the node's value where that saves work.
import { unreachable } from "../../source/internal-error.js";
import type { GraphBuilder } from "../graph/builder.js";
import { scalar } from "../graph/builder.js";
import {
  LOG1MEXP_GUARD,
  type BinaryKind,
  type LeakyRelu,
  type NodeId,
  type Op,
  type UnaryKind,
} from "../graph/graph.js";
import { at, sizeOf } from "../graph/shape.js";
import { sumTo, type AdjointSite } from "./adjoint-site.js";
import { conv2dAdjoints, convTranspose2dAdjoints, upfirdn2dAdjoint } from "./adjoint-image.js";

/** Adjoints of the operands, in their order; undefined for those that need none or have none. */
export function adjointsOf(site: AdjointSite): readonly (NodeId | undefined)[] {
  const { b, op, inputs, output: y, gradient: g, needs } = site;
  const x = inputs[0] ?? y;
  const when = (i: number, build: () => NodeId): NodeId | undefined => (needs[i] === true ? build() : undefined);
  switch (op.kind) {
    case "input":
    case "constant":
      return [];
    case "unary":
      return [unaryAdjoint(b, op.fn, x, y, g)];
    case "clip":
      return [b.mul(g, b.mul(b.greater(x, scalar(op.min)), b.greater(scalar(op.max), x)))];
    case "leakyRelu":
      return [leakyReluAdjoint(b, op.activation, y, g)];
    case "binary":
      return binaryAdjoints(b, op.fn, x, at(inputs, 1), y, g).map((build, i) =>
        when(i, () => sumTo(b, build(), b.shape(at(inputs, i)))),
      );
    case "select": {
      const zero = b.scalar(0);
      return [
        undefined,
        when(1, () => sumTo(b, b.select(x, g, zero), b.shape(at(inputs, 1)))),
        when(2, () => sumTo(b, b.select(x, zero, g), b.shape(at(inputs, 2)))),
      ];
    }
    case "matmul":
      return matmulAdjoints(b, x, at(inputs, 1), g).map((build, i) => when(i, build));
    case "dense": {
      const inner = op.activation ? leakyReluAdjoint(b, op.activation, y, g) : g;
      return [
        ...matmulAdjoints(b, x, at(inputs, 1), inner).map((build, i) => when(i, build)),
        ...(op.hasBias ? [when(2, () => sumTo(b, inner, b.shape(at(inputs, 2))))] : []),
      ];
    }
    case "reduce":
      return [reduceAdjoint(b, op, x, y, g)];
    case "reshape":
      return [b.reshape(g, b.shape(x))];
    case "transpose": {
      const inverse = op.permutation.map((_, i) => op.permutation.indexOf(i));
      return [b.transpose(g, inverse)];
    }
    case "broadcast":
      return [sumTo(b, g, b.shape(x))];
    case "slice": {
      const after = b.shape(x).map((n, i) => n - at(op.start, i) - at(op.size, i));
      return [b.pad(g, op.start, after)];
    }
    case "pad":
      return [
        b.pad(
          g,
          op.before.map((n) => -n),
          op.after.map((n) => -n),
        ),
      ];
    case "concat": {
      let start = 0;
      return inputs.map((input, i) => {
        const size = at(b.shape(input), op.axis);
        start += size;
        return when(i, () => b.sliceAxis(g, op.axis, start - size, size));
      });
    }
    case "conv2d": {
      const inner = op.activation ? leakyReluAdjoint(b, op.activation, y, g) : g;
      return conv2dAdjoints({ ...site, gradient: inner }, op);
    }
    case "convTranspose2d":
      return convTranspose2dAdjoints(site, op);
    case "upfirdn2d":
      return [upfirdn2dAdjoint(site, op)];
    default:
      return unreachable(op);
  }
}

/**
 * How near to zero a leaky ReLU's value may come and still count as positive, as a power of two: see leakyReluAdjoint.
 * Small beside any activation that matters, and large enough that a gradient times it stays a normal float32.
 */
const KINK = 2 ** -40;

/**
 * Leaky ReLU from its value alone, so that the pre-activation need not be kept: with y = gain (x or slope x), a clip of y to
 * [slope k, k] is k times the slope at x, up to values below k. Two cheap operations, and the factor gain / k is a power
 * of two that the fold pass moves into the next weight.
 */
function leakyReluAdjoint(b: GraphBuilder, { slope, gain }: LeakyRelu, y: NodeId, g: NodeId): NodeId {
  if (gain > 0 && slope >= 0 && slope < 1) return b.mul(b.mul(g, b.clip(y, slope * KINK, KINK)), scalar(gain / KINK));
  const positive = b.greater(gain > 0 ? y : b.neg(y), scalar(0));
  return b.mul(g, b.select(positive, scalar(gain), scalar(gain * slope)));
}

function unaryAdjoint(b: GraphBuilder, fn: UnaryKind, x: NodeId, y: NodeId, g: NodeId): NodeId | undefined {
  switch (fn) {
    case "neg":
      return b.neg(g);
    case "exp":
      return b.mul(g, y);
    case "log":
      return b.div(g, x);
    case "log1p":
      return b.div(g, b.add(x, scalar(1)));
    case "expm1":
      return b.mul(g, b.add(y, scalar(1)));
    case "sqrt":
      return b.mul(b.div(g, y), scalar(0.5));
    case "rsqrt":
      return b.mul(b.mul(g, b.div(y, x)), scalar(-0.5));
    case "square":
      return b.mul(b.mul(g, x), scalar(2));
    case "abs":
      return b.mul(g, b.sign(x));
    case "reciprocal":
      return b.neg(b.mul(g, b.square(y)));
    case "sin":
      // The cosine, a quarter of a turn ahead.
      return b.mul(g, b.sin(b.add(x, scalar(Math.PI / 2))));
    case "sigmoid":
      return b.mul(g, b.mul(y, b.sub(scalar(1), y)));
    case "softplus":
      return b.mul(g, b.sigmoid(x));
    case "log1mexp":
      // d/dx log(1 - e^x) = -1 / (e^-x - 1), at the guard where x is nearer to 0: large there, but finite.
      return b.neg(b.div(g, b.expm1(b.neg(b.min(x, scalar(-LOG1MEXP_GUARD))))));
    case "step":
    case "sign":
    case "floor":
    case "detach":
      return undefined;
    default:
      return unreachable(fn);
  }
}

/** Adjoints before what was broadcast is summed. */
function binaryAdjoints(
  b: GraphBuilder,
  fn: BinaryKind,
  x1: NodeId,
  x2: NodeId,
  y: NodeId,
  g: NodeId,
): readonly (() => NodeId)[] {
  switch (fn) {
    case "add":
      return [() => g, () => g];
    case "sub":
      return [() => g, () => b.neg(g)];
    case "mul":
      return [() => b.mul(g, x2), () => b.mul(g, x1)];
    case "div":
      return [() => b.div(g, x2), () => b.neg(b.mul(g, b.div(y, x2)))];
    case "max":
    case "min": {
      // Share of the first operand: 1, 0, or a half at a tie.
      const [high, low] = fn === "max" ? [x1, x2] : [x2, x1];
      const share = (): NodeId => b.mul(b.add(b.sign(b.sub(high, low)), scalar(1)), scalar(0.5));
      return [() => b.mul(g, share()), () => b.mul(g, b.sub(scalar(1), share()))];
    }
    case "greater":
      return [];
    default:
      return unreachable(fn);
  }
}

function matmulAdjoints(b: GraphBuilder, x: NodeId, w: NodeId, g: NodeId): readonly (() => NodeId)[] {
  return [
    () => sumTo(b, b.matmul(g, transposeLast(b, w)), b.shape(x)),
    () => {
      // One product over all leading rows where the weight has no batch of its own.
      const [rank, wRank] = [b.shape(x).length, b.shape(w).length];
      if (wRank > 2 || rank === 2) return sumTo(b, b.matmul(transposeLast(b, x), g), b.shape(w));
      const flat = (t: NodeId): NodeId => {
        const columns = at(b.shape(t), -1);
        return b.reshape(t, [sizeOf(b.shape(t)) / columns, columns]);
      };
      return b.matmul(transposeLast(b, flat(x)), flat(g));
    },
  ];
}

function transposeLast(b: GraphBuilder, x: NodeId): NodeId {
  const rank = b.shape(x).length;
  const permutation = Array.from({ length: rank }, (_, i) => i);
  return b.transpose(x, [...permutation.slice(0, -2), rank - 1, rank - 2]);
}

function reduceAdjoint(b: GraphBuilder, op: Extract<Op, { kind: "reduce" }>, x: NodeId, y: NodeId, g: NodeId): NodeId {
  const shape = b.shape(x);
  const kept = shape.map((n, i) => (op.axes.includes(i) ? 1 : n));
  const wide = b.reshape(g, kept);
  switch (op.fn) {
    case "sum":
      return b.broadcast(wide, shape);
    case "mean":
      return b.broadcast(b.mul(wide, scalar(sizeOf(kept) / sizeOf(shape))), shape);
    case "logSumExp":
      return b.mul(b.exp(b.sub(x, b.reshape(y, kept))), wide);
    case "max": {
      const isLargest = b.sub(scalar(1), b.greater(b.reshape(y, kept), x));
      return b.mul(isLargest, b.div(wide, b.sum(isLargest, op.axes, true)));
    }
    default:
      return unreachable(op.fn);
  }
}
