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
  const [left, right] = [a.shape.length === 1, b.shape.length === 1];
  const [x, y] = [c.t.node(a), c.t.node(b)];
  const product = c.b.matmul(left ? c.b.reshape(x, [1, ...a.shape]) : x, right ? c.b.reshape(y, [...b.shape, 1]) : y);
  const shape = c.b.shape(product);
  const kept = shape.filter((_, d) => !(left && d === shape.length - 2) && !(right && d === shape.length - 1));
  return [c.t.of(left || right ? c.b.reshape(product, kept) : product)];
};

/** Products of two by letters: axes that both have and the result has not are summed over. */
const einsum: Translate = (c) => {
  const [from = "", to] = c.text("equation", "").replaceAll(" ", "").split("->");
  const terms = from.split(",");
  const letters = terms.map((term) => Array.from(term));
  const [p = [], q = []] = letters;
  const all = [...new Set(letters.flat())];
  const wanted =
    to === undefined ? all.filter((l) => letters.flat().filter((m) => m === l).length === 1).sort() : Array.from(to);
  const plain = letters.every(
    (own, i) =>
      own.every((l) => /[a-zA-Z]/.test(l)) &&
      new Set(own).size === own.length &&
      own.length === c.input(i).shape.length,
  );
  if (!plain || terms.length > 2 || c.inputs.length !== terms.length || wanted.some((l) => !all.includes(l)))
    throw new Untranslatable("its equation is not one of a product of two");
  const arranged = (
    i: number,
    own: readonly string[],
    order: readonly string[],
  ): { readonly x: NodeId; readonly left: readonly string[] } => {
    const summed = own.filter((l) => !wanted.includes(l) && !(terms.length === 2 && p.includes(l) && q.includes(l)));
    const left = own.filter((l) => !summed.includes(l));
    const node = c.t.node(c.input(i));
    const x =
      summed.length === 0
        ? node
        : c.b.sum(
            node,
            summed.map((l) => own.indexOf(l)),
          );
    const sorted = [...left].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    return {
      x: c.b.transpose(
        x,
        sorted.map((l) => left.indexOf(l)),
      ),
      left: sorted,
    };
  };
  if (terms.length === 1) return [c.t.of(arranged(0, p, wanted).x)];
  const shared = p.filter((l) => q.includes(l));
  const [batch, inner] = [shared.filter((l) => wanted.includes(l)), shared.filter((l) => !wanted.includes(l))];
  const own = (letters: readonly string[]): string[] =>
    letters.filter((l) => !shared.includes(l) && wanted.includes(l));
  const [rows, columns] = [own(p), own(q)];
  const a = arranged(0, p, [...batch, ...rows, ...inner]);
  const b = arranged(1, q, [...batch, ...inner, ...columns]);
  const size = (l: string): number => c.input(p.includes(l) ? 0 : 1).shape[(p.includes(l) ? p : q).indexOf(l)] ?? 1;
  const product = (of: readonly string[]): number => of.reduce((n, l) => n * size(l), 1);
  const x = c.b.reshape(a.x, [product(batch), product(rows), product(inner)]);
  const y = c.b.reshape(b.x, [product(batch), product(inner), product(columns)]);
  const made = [...batch, ...rows, ...columns];
  return [
    c.t.of(
      c.b.transpose(
        c.b.reshape(c.b.matmul(x, y), made.map(size)),
        wanted.map((l) => made.indexOf(l)),
      ),
    ),
  ];
};

/** A parameter a channel, to be broadcast over [n, c, ...]. */
function channelwise(c: OnnxCall, value: OnnxOperand, rank: number): OnnxOperand {
  return c.t.of(c.b.reshape(c.t.node(value), [value.shape[0] ?? 1, ...Array.from({ length: rank - 2 }, () => 1)]));
}

const batchNormalization: Translate = (c) => {
  const x = c.input(0);
  if (c.int("training_mode", 0) !== 0) throw new Untranslatable("it takes its statistics of the batch, as in training");
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
  const node = c.t.node(x);
  const average = c.b.mean(node, axes, true);
  const centred = c.b.sub(node, average);
  const inverse = c.b.rsqrt(c.b.add(c.b.mean(c.b.square(centred), axes, true), scalar(c.float("epsilon", 1e-5))));
  const y = c.b.mul(c.b.mul(centred, inverse), c.t.node(c.input(1)));
  const shift = c.optional(2);
  return [shift === undefined ? y : c.b.add(y, c.t.node(shift)), average, inverse].map((n) => c.t.of(n));
};

/** As instance normalization over groups of channels; parameters are a channel's, before opset 21 a group's. */
const groupNormalization: Translate = (c) => {
  const x = c.input(0);
  const groups = c.int("num_groups", 1);
  const [n = 1, channels = 1, ...rest] = x.shape;
  const split = c.b.reshape(c.t.node(x), [n, groups, channels / groups, ...rest]);
  const axes = c.b
    .shape(split)
    .map((_, d) => d)
    .slice(2);
  const y = standardized(c, split, axes, c.float("epsilon", 1e-5));
  const parameter = (i: number): NodeId => {
    const own = c.input(i);
    const byGroup = own.shape[0] !== channels;
    const shape = byGroup ? [groups, 1] : [groups, channels / groups];
    return c.b.reshape(c.t.node(own), [1, ...shape, ...rest.map(() => 1)]);
  };
  return [c.t.of(c.b.reshape(c.b.add(c.b.mul(y, parameter(1)), parameter(2)), x.shape))];
};

/** x over the power of a mean of squares over neighbouring channels. Source: Krizhevsky et al. 2012, section 3.3. */
const localResponse: Translate = (c) => {
  const x = c.input(0);
  const [size, channels] = [c.int("size", 1), x.shape[1] ?? 1];
  const node = c.t.node(x);
  const before = Math.floor((size - 1) / 2);
  const ends = (count: number): number[] => x.shape.map((_, d) => (d === 1 ? count : 0));
  const square = c.b.pad(c.b.square(node), ends(before), ends(size - 1 - before));
  const sum = Array.from({ length: size }, (_, i) => c.b.sliceAxis(square, 1, i, channels)).reduce((a, b) =>
    c.b.add(a, b),
  );
  const base = c.b.add(c.b.mul(sum, scalar(c.float("alpha", 1e-4) / size)), scalar(c.float("bias", 1)));
  return [c.t.of(c.b.mul(node, c.b.exp(c.b.mul(c.b.log(base), scalar(-c.float("beta", 0.75))))))];
};

/** x over its length along an axis. */
const lpNormalization: Translate = (c) => {
  const x = c.input(0);
  const axis = [c.axis(-1, x.shape.length)];
  const node = c.t.node(x);
  const length =
    c.int("p", 2) === 1 ? c.b.sum(c.b.abs(node), axis, true) : c.b.sqrt(c.b.sum(c.b.square(node), axis, true));
  return [c.t.of(c.b.div(node, length))];
};

/** The product along axes, one factor after the other. */
const reduceProd = ({ b }: OnnxCall, x: NodeId, axes: readonly number[], keep: boolean): NodeId => {
  let y = x;
  for (const axis of axes) {
    const size = b.shape(y)[axis] ?? 1;
    if (size > MOST_PRODUCT_FACTORS) throw new Untranslatable("it multiplies very many numbers");
    y = Array.from({ length: size }, (_, i) => b.sliceAxis(y, axis, i, 1)).reduce((p, q) => b.mul(p, q));
  }
  return keep
    ? y
    : b.reshape(
        y,
        b.shape(x).filter((_, d) => !axes.includes(d)),
      );
};
const MOST_PRODUCT_FACTORS = 1024;

const reduced =
  (fn: (c: OnnxCall, x: NodeId, axes: readonly number[], keep: boolean) => NodeId): Translate =>
  (c) => {
    const x = c.input(0);
    const given = c.axes(1, x.shape.length) ?? [];
    if (given.length === 0 && c.int("noop_with_empty_axes", 0) !== 0) return [x];
    const axes = given.length === 0 ? x.shape.map((_, d) => d) : given;
    return [c.t.of(fn(c, c.t.node(x), axes, c.int("keepdims", 1) !== 0))];
  };

/** log softmax along the axis; before opset 13 along all axes from it on, the second where none is named. */
function logSoftmax(c: OnnxCall): NodeId {
  const x = c.input(0);
  const [isOld, rank] = [c.opset < 13, x.shape.length];
  const axis = c.axis(isOld ? 1 : -1, rank);
  const axes = isOld ? x.shape.map((_, d) => d).slice(axis) : [axis];
  const node = c.t.node(x);
  return c.b.sub(node, c.b.logSumExp(node, axes, true));
}

export const LINEAR: Readonly<Record<string, Translate>> = {
  Gemm: gemm,
  MatMul: matmul,
  Einsum: einsum,
  GroupNormalization: groupNormalization,
  LRN: localResponse,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: (c) => {
    const x = c.input(0);
    return [c.t.of(standardized(c, c.t.node(x), c.axes(1, x.shape.length) ?? [0, 2, 3], 1e-9))];
  },
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
  ReduceLogSum: reduced(({ b }, x, axes, keep) => b.log(b.sum(x, axes, keep))),
  ReduceProd: reduced(reduceProd),
  ReduceLogSumExp: reduced(({ b }, x, axes, keep) => b.logSumExp(x, axes, keep)),
  Softmax: (c) => [c.t.of(c.b.exp(logSoftmax(c)))],
  LogSoftmax: (c) => [c.t.of(logSoftmax(c))],
};
