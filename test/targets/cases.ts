// Small graphs, one for each form that an operation takes, with their inputs: what every target is compared on.
// In: a layout. Out: named cases, the same on every call (seeded).
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph, ImageLayout, NodeId, Shape } from "../../src/compiler/graph/graph.js";

export interface Case {
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: Record<string, Float32Array>;
}

/** Numbers in (-1, 1), the same for a seed (a 32-bit xorshift: tests need no better). */
export function randomNumbers(seed: number): () => number {
  let x = (seed * 2654435761) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return (x / 4294967296) * 2 - 1;
  };
}

export function randomArray(length: number, seed: number, scale = 1): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => next() * scale);
}

/** Builds a case: inputs are made by `x`, in order, filled with random numbers unless values are given. */
class CaseBuilder {
  readonly b = new GraphBuilder();
  readonly inputs: Record<string, Float32Array> = {};
  #count = 0;

  x(shape: Shape, values?: readonly number[] | number): NodeId {
    const name = `x${this.#count++}`;
    const size = shape.reduce((a, n) => a * n, 1);
    this.inputs[name] =
      typeof values === "object" ? Float32Array.from(values) : randomArray(size, 17 + this.#count, values ?? 2);
    return this.b.input(name, shape);
  }
  c(shape: Shape, scale = 1): NodeId {
    const size = shape.reduce((a, n) => a * n, 1);
    return this.b.constant(randomArray(size, 101 + this.#count++, scale), shape);
  }
}

function make(name: string, build: (c: CaseBuilder) => NodeId): Case {
  const c = new CaseBuilder();
  const y = build(c);
  return { name, graph: c.b.finish({ outputs: { y } }), inputs: c.inputs };
}

const POSITIVE = [1e-6, 0.3, 1, 2.5, 80, 1e4];
const ANY = [-90, -20, -9, -1.5, -1e-3, -1e-6, 0, 1e-6, 1e-3, 0.7, 3, 9, 20];
const NEGATIVE = [-80, -20, -9, -2, -0.7, -0.69, -0.1, -1e-3, -1e-5, -1e-6, -1e-8, 0];

/** Elementwise, product, reduction and movement operations. */
export function denseCases(): Case[] {
  const unary = (fn: Parameters<GraphBuilder["unary"]>[0], values: readonly number[]): Case =>
    make(`unary ${fn}`, (c) => c.b.unary(fn, c.x([values.length], values)));
  return [
    unary("neg", ANY),
    unary("exp", ANY),
    unary("log", POSITIVE),
    unary("log1p", [-0.999, -0.5, -1e-5, -1e-7, 0, 1e-7, 1e-4, 0.5, 3, 1e4]),
    unary("expm1", ANY),
    unary("sqrt", POSITIVE),
    unary("rsqrt", POSITIVE),
    unary("square", ANY),
    unary("abs", ANY),
    unary("reciprocal", POSITIVE),
    unary("sin", ANY),
    unary("sigmoid", ANY),
    unary("softplus", ANY),
    unary("log1mexp", NEGATIVE),
    unary("step", ANY),
    unary("sign", ANY),
    unary("floor", ANY),
    unary("detach", ANY),
    ...(["add", "sub", "mul", "div", "max", "min", "greater"] as const).flatMap((fn) => [
      make(`binary ${fn}`, (c) => c.b.binary(fn, c.x([3, 4]), c.x([3, 4]))),
      make(`binary ${fn}, broadcasting a row and a column`, (c) => c.b.binary(fn, c.x([3, 1]), c.x([2, 1, 4]))),
      make(`binary ${fn} with a scalar constant`, (c) => c.b.binary(fn, c.x([3, 4]), scalar(0.75))),
    ]),
    make("greater with equal operands", (c) => c.b.greater(c.x([3], [1, 2, 3]), c.x([3], [1, 2.5, 2]))),
    make("leaky ReLU with gain", (c) => c.b.leakyRelu(c.x([ANY.length], ANY), 0.2, Math.SQRT2)),
    make("leaky ReLU of slope 0 (a ReLU)", (c) => c.b.leakyRelu(c.x([ANY.length], ANY), 0)),
    make("clip", (c) => c.b.clip(c.x([ANY.length], ANY), -1, 2.5)),
    make("clip on one side", (c) => c.b.clip(c.x([ANY.length], ANY), -Infinity, 2.5)),
    make("select by a comparison", (c) => {
      const [x, y] = [c.x([4, 5]), c.x([4, 5])];
      return c.b.select(c.b.greater(x, y), x, c.b.mul(y, scalar(3)));
    }),
    make("select by a step, which is an operand as well", (c) => {
      const x = c.x([4, 5]);
      const step = c.b.step(x);
      return c.b.add(c.b.select(step, x, scalar(-1)), step);
    }),
    make("select by numbers, broadcasting all three", (c) =>
      c.b.select(c.x([3, 1], [0, 2, -0.5]), c.x([4]), c.x([2, 1, 1])),
    ),
    make("the gradient of a leaky ReLU", (c) => {
      const [x, dy] = [c.x([4, 6]), c.x([4, 6])];
      return c.b.mul(dy, c.b.select(c.b.step(x), scalar(1), scalar(0.2)));
    }),
    make("matmul", (c) => c.b.matmul(c.x([3, 5]), c.x([5, 4]))),
    make("matmul by a constant", (c) => c.b.matmul(c.x([16, 40]), c.c([40, 24]))),
    make("matmul of one row", (c) => c.b.matmul(c.x([1, 40]), c.c([40, 24]))),
    make("matmul in batches", (c) => c.b.matmul(c.x([2, 3, 5]), c.x([2, 5, 4]))),
    make("matmul of one left side by a batch of weights", (c) => c.b.matmul(c.x([1, 3, 5]), c.c([4, 5, 6]))),
    make("matmul of a batch by one right side", (c) => c.b.matmul(c.x([2, 3, 5]), c.c([5, 4]))),
    make("dense without bias", (c) => c.b.dense(c.x([7, 12]), c.c([12, 9]))),
    make("dense with bias", (c) => c.b.dense(c.x([7, 12]), c.c([12, 9]), c.c([9]))),
    make("dense with bias [1, N] and leaky ReLU with gain", (c) =>
      c.b.dense(c.x([7, 12]), c.c([12, 9]), c.c([1, 9]), { slope: 0.2, gain: Math.SQRT2 }),
    ),
    make("dense with weights that are inputs", (c) =>
      c.b.dense(c.x([7, 12]), c.x([12, 9]), c.x([9]), { slope: 0.2, gain: 1.5 }),
    ),
    make("dense with a bias that is computed and reshaped", (c) =>
      c.b.dense(c.x([7, 12]), c.c([12, 9]), c.b.reshape(c.b.unary("exp", c.x([3, 3])), [9])),
    ),
    make("dense with a negative gain", (c) =>
      c.b.dense(c.x([7, 12]), c.c([12, 9]), c.c([9]), { slope: 0.2, gain: -1 }),
    ),
    make("dense on three dimensions", (c) =>
      c.b.dense(c.x([2, 3, 12]), c.c([12, 9]), c.c([9]), { slope: 0.2, gain: 1 }),
    ),
    make("dense for stacked heads", (c) =>
      c.b.dense(c.x([1, 4, 12]), c.c([3, 12, 9]), c.c([3, 1, 9]), { slope: 0.2, gain: 1 }),
    ),
    ...(["sum", "max", "mean", "logSumExp"] as const).flatMap((fn) => [
      make(`reduce ${fn} over the last axis`, (c) => c.b.reduce(fn, c.x([3, 5]), [1])),
      make(`reduce ${fn} over two axes, kept`, (c) => c.b.reduce(fn, c.x([3, 5, 2]), [0, 2], true)),
      make(`reduce ${fn} over all axes`, (c) => c.b.reduce(fn, c.x([3, 5]))),
      make(`reduce ${fn} over no axis`, (c) => c.b.reduce(fn, c.x([3, 5]), [])),
    ]),
    make("logSumExp of large numbers", (c) => c.b.logSumExp(c.x([2, 3], [300, 301, 299, -400, -401, -400]), [1])),
    make("reshape", (c) => c.b.reshape(c.x([3, 4]), [2, 6])),
    make("reshape to a scalar", (c) => c.b.reshape(c.x([1, 1]), [])),
    make("transpose", (c) => c.b.transpose(c.x([2, 3, 4]), [2, 0, 1])),
    make("broadcast", (c) => c.b.broadcast(c.x([3, 1]), [2, 3, 4])),
    make("slice", (c) => c.b.slice(c.x([4, 5]), [1, 2], [2, 3])),
    make("pad", (c) => c.b.pad(c.x([2, 3]), [1, 0], [0, 2])),
    make("pad that crops and grows", (c) => c.b.pad(c.x([4, 5]), [-1, 2], [1, -3])),
    make("concat", (c) => c.b.concat([c.x([2, 3]), c.x([2, 1]), c.c([2, 2])], 1)),
    make("a diamond that uses a value twice", (c) => {
      const x = c.x([3, 4]);
      const y = c.b.exp(x);
      return c.b.mul(c.b.add(y, x), y);
    }),
  ];
}

/** Image operations. */
export function imageCases(layout: ImageLayout): Case[] {
  const image = (n: number, ch: number, h: number, w: number): Shape =>
    layout === "nchw" ? [n, ch, h, w] : [n, h, w, ch];
  const smooth = [1, 3, 3, 1].map((v) => v / 8);
  const skew = [0.1, 0.5, 0.3];
  const uneven = [
    [0.1, 0.5, -0.3, 0.2],
    [0.4, -0.6, 0.2, 0.1],
  ];
  return [
    make("conv 3x3", (c) => c.b.conv2d(c.x(image(2, 3, 6, 5)), c.c([4, 3, 3, 3]), { pad: 1, layout })),
    make("conv 1x1 with bias", (c) =>
      c.b.conv2d(c.x(image(2, 3, 6, 5)), c.c([4, 3, 1, 1]), { bias: c.c([4]), layout }),
    ),
    make("conv with stride, bias and leaky ReLU with gain", (c) =>
      c.b.conv2d(c.x(image(1, 16, 9, 8)), c.c([16, 16, 3, 3], 0.1), {
        stride: 2,
        pad: 1,
        bias: c.c([16]),
        activation: { slope: 0.2, gain: Math.SQRT2 },
        layout,
      }),
    ),
    make("conv with weights that are inputs and a leaky ReLU with gain", (c) =>
      c.b.conv2d(c.x(image(1, 3, 4, 5)), c.x([2, 3, 3, 3]), {
        pad: 1,
        activation: { slope: 0.2, gain: Math.SQRT2 },
        layout,
      }),
    ),
    make("transposed conv with stride 2", (c) =>
      c.b.convTranspose2d(c.x(image(2, 3, 4, 5)), c.c([3, 6, 3, 3]), { stride: 2, layout }),
    ),
    make("transposed conv with stride 2 and pad", (c) =>
      c.b.convTranspose2d(c.x(image(1, 3, 4, 4)), c.c([3, 2, 4, 4]), { stride: 2, pad: 1, layout }),
    ),
    make("transposed conv with stride 3 and a kernel that is no multiple of it", (c) =>
      c.b.convTranspose2d(c.x(image(2, 2, 3, 4)), c.c([2, 3, 4, 5]), { stride: 3, layout }),
    ),
    make("transposed conv with a kernel smaller than its stride", (c) =>
      c.b.convTranspose2d(c.x(image(1, 2, 3, 4)), c.c([2, 3, 1, 1]), { stride: 2, layout }),
    ),
    make("transposed conv with weights that are inputs", (c) =>
      c.b.convTranspose2d(c.x(image(1, 3, 4, 5)), c.x([3, 2, 3, 3]), { stride: 2, layout }),
    ),
    make("transposed conv and FIR behind it", (c) => {
      const y = c.b.convTranspose2d(c.x(image(2, 3, 4, 5)), c.c([3, 4, 3, 3]), { stride: 2, layout });
      return c.b.upfirdn2d(y, { kernel: smooth, gain: 4, pads: [1, 1, 1, 1], layout });
    }),
    make("transposed conv with FIR of few pads, and another use", (c) => {
      const y = c.b.convTranspose2d(c.x(image(1, 3, 4, 5)), c.c([3, 4, 3, 3]), { stride: 2, layout });
      const fir = c.b.upfirdn2d(y, { kernel: skew, pads: [1, 1, 2, 0], layout });
      return c.b.add(fir, c.b.upfirdn2d(c.b.square(y), { kernel: skew, pads: [1, 1, 1, 1], layout }));
    }),
    make("FIR smoothing", (c) =>
      c.b.upfirdn2d(c.x(image(2, 3, 7, 6)), { kernel: smooth, gain: 4, pads: [1, 1, 1, 1], layout }),
    ),
    make("FIR and leaky ReLU behind it", (c) => {
      const fir = c.b.upfirdn2d(c.x(image(1, 8, 9, 9)), { kernel: [[0.1], [0.9], [0.3]], pads: [1, 1, 0, 0], layout });
      return c.b.leakyRelu(fir, 0.2, 1.5);
    }),
    make("FIR with pads that differ, a crop and a skew kernel", (c) =>
      c.b.upfirdn2d(c.x(image(1, 2, 7, 6)), { kernel: skew, pads: [2, 0, -1, 1], layout }),
    ),
    make("FIR upsampling by 2", (c) =>
      c.b.upfirdn2d(c.x(image(2, 3, 5, 4)), { kernel: smooth, gain: 4, up: 2, pads: [2, 1, 2, 1], layout }),
    ),
    make("FIR upsampling by 2 with a skew kernel and odd sizes", (c) =>
      c.b.upfirdn2d(c.x(image(1, 3, 5, 4)), { kernel: skew, up: 2, pads: [0, 3, 2, -1], layout }),
    ),
    make("FIR with a kernel that is no outer product", (c) =>
      c.b.upfirdn2d(c.x(image(1, 2, 7, 6)), { kernel: uneven, gain: 2, pads: [1, 0, 2, 1], layout }),
    ),
    make("FIR up by 2 with a kernel that is no outer product", (c) =>
      c.b.upfirdn2d(c.x(image(2, 2, 4, 5)), { kernel: uneven, up: 2, pads: [1, 2, 3, 1], layout }),
    ),
    make("FIR up and down by 2 along the rows alone", (c) =>
      c.b.upfirdn2d(c.x(image(1, 2, 5, 6)), { kernel: [skew], up: 2, down: 2, pads: [0, 0, 2, 1], layout }),
    ),
    make("FIR upsampling by 3", (c) =>
      c.b.upfirdn2d(c.x(image(1, 2, 3, 4)), { kernel: smooth, up: 3, pads: [1, 2, 2, 2], layout }),
    ),
    make("FIR downsampling by 2", (c) =>
      c.b.upfirdn2d(c.x(image(1, 3, 8, 6)), { kernel: smooth, down: 2, pads: [1, 1, 1, 1], layout }),
    ),
    make("FIR resampling by 3/2", (c) =>
      c.b.upfirdn2d(c.x(image(1, 2, 5, 6)), { kernel: smooth, up: 3, down: 2, pads: [2, 1, 2, 1], layout }),
    ),
  ];
}
