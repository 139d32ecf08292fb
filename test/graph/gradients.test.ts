import { describe, expect, test } from "vitest";
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { BinaryKind, Graph, NodeId, UnaryKind } from "../../src/compiler/graph/graph.js";
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { optimize, simplify } from "../../src/compiler/passes/optimize.js";
import { expectClose } from "../support/close.js";
import { randomArray, randomGraph } from "../support/random-graph.js";
import { random } from "../support/random.js";

const STEP = 1e-5;
const DIFFERENCED = { abs: 2e-8, rel: 2e-6 };

type Inputs = Record<string, Float64Array>;

/** Central differences of the sum of an output in one input. */
function differences(graph: Graph, of: string, inputs: Inputs, by: string): Float64Array {
  const run = prepare(graph);
  const value = (x: Float64Array): number => run({ ...inputs, [by]: x })[of]!.reduce((sum, v) => sum + v, 0);
  return inputs[by]!.map((_, i) => {
    const [high, low] = [inputs[by]!.slice(), inputs[by]!.slice()];
    high[i]! += STEP;
    low[i]! -= STEP;
    return (value(high) - value(low)) / (2 * STEP);
  });
}

/** Checks the gradient of "out" in every input, as differentiated and as optimized. */
function checkGradients(graph: Graph, inputs: Inputs): void {
  const wrt = Object.fromEntries(Object.keys(inputs).map((name) => [name, `d${name}`]));
  const raw = differentiate(graph, { of: "out", wrt });
  for (const gradient of [raw, optimize(raw), differentiate(simplify(graph), { of: "out", wrt })]) {
    const values = interpret(gradient, inputs);
    for (const name of Object.keys(inputs)) {
      expectClose(values[`d${name}`]!, differences(graph, "out", inputs, name), DIFFERENCED);
    }
  }
}

/** A graph of one operation, its result weighted entry by entry so that no symmetry hides a mistake. */
function weighed(
  shapes: Record<string, readonly number[]>,
  build: (b: GraphBuilder, ...inputs: NodeId[]) => NodeId,
  draw: (name: string, shape: readonly number[]) => Float64Array = (_, shape) =>
    randomArray(random(shape.length + 3), shape),
): [Graph, Inputs] {
  const b = new GraphBuilder();
  const nodes = Object.entries(shapes).map(([name, shape]) => b.input(name, shape));
  const y = build(b, ...nodes);
  const weights = b.constant(randomArray(random(17), b.shape(y)), b.shape(y));
  const graph = b.finish({ outputs: { out: b.sum(b.mul(y, weights)), value: y } });
  return [
    graph,
    Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, draw(`${name}${i}`, shape)])),
  ];
}

const positive = (_: string, shape: readonly number[]): Float64Array =>
  randomArray(random(4), shape).map((x) => Math.abs(x) + 0.3);
const negative = (name: string, shape: readonly number[]): Float64Array => positive(name, shape).map((x) => -x);

describe("the gradient agrees with central differences", () => {
  const anywhere: UnaryKind[] = ["neg", "exp", "expm1", "square", "abs", "sin", "sigmoid", "softplus"];
  test.each(anywhere)("%s", (fn) => checkGradients(...weighed({ x: [3, 4] }, (b, x) => b.unary(fn, x))));
  const above: UnaryKind[] = ["log", "log1p", "sqrt", "rsqrt", "reciprocal"];
  test.each(above)("%s", (fn) => checkGradients(...weighed({ x: [3, 4] }, (b, x) => b.unary(fn, x), positive)));
  test("log1mexp", () => checkGradients(...weighed({ x: [3, 4] }, (b, x) => b.log1mexp(x), negative)));

  const flat: UnaryKind[] = ["step", "sign", "floor", "detach"];
  test.each(flat)("%s has none", (fn) => {
    const [graph, inputs] = weighed({ x: [3, 4] }, (b, x) => b.unary(fn, x));
    const { dx } = interpret(differentiate(graph, { of: "out", wrt: { x: "dx" } }), inputs);
    expect([...dx!]).toEqual(new Array(12).fill(0));
  });

  const binary: BinaryKind[] = ["add", "sub", "mul", "div", "max", "min", "greater"];
  const shapes: [readonly number[], readonly number[]][] = [
    [
      [3, 4],
      [3, 4],
    ],
    [[3, 4], [4]],
    [
      [3, 1],
      [2, 1, 4],
    ],
    [[], [2, 3]],
  ];
  test.each(binary.flatMap((fn) => shapes.map(([x, y]) => ({ fn, x, y }))))("$fn of $x and $y", ({ fn, x, y }) => {
    const draw = (name: string, shape: readonly number[]): Float64Array =>
      randomArray(random(name.startsWith("x") ? 5 : 6), shape).map((v) => v + Math.sign(v) * 0.5);
    checkGradients(...weighed({ x, y }, (b, p, q) => b.binary(fn, p, q), draw));
  });

  test("max and min share the gradient of a tie", () => {
    for (const fn of ["max", "min"] as const) {
      const b = new GraphBuilder();
      const [x, y] = [b.input("x", [1]), b.input("y", [1])];
      const graph = differentiate(b.finish({ outputs: { out: b.binary(fn, x, y) } }), {
        of: "out",
        wrt: { x: "dx", y: "dy" },
      });
      const { dx, dy } = interpret(graph, { x: [2], y: [2] });
      expect([dx![0], dy![0]]).toEqual([0.5, 0.5]);
    }
  });

  test("clip", () => checkGradients(...weighed({ x: [3, 4] }, (b, x) => b.clip(x, -0.5, 0.8))));
  test.each([
    [0.2, 1],
    [0.2, Math.SQRT2],
    [0, 1],
    [1.5, 2],
    [0.3, -1.2],
  ])("leakyRelu of slope %f and gain %f", (slope, gain) =>
    checkGradients(...weighed({ x: [3, 4] }, (b, x) => b.leakyRelu(x, slope, gain))),
  );
  test("select, in both branches", () =>
    checkGradients(
      ...weighed(
        { c: [3, 4], x: [3, 1], y: [4] },
        (b, c, x, y) => b.select(b.greater(c, scalar(0.1)), x, y),
        (name, shape) => randomArray(random(name.length + shape.length), shape),
      ),
    ));

  test.each([
    [
      [3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
    [
      [3, 4],
      [2, 4, 5],
    ],
    [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
  ])("matmul of %j and %j, both sides", (x, w) => checkGradients(...weighed({ x, w }, (b, p, q) => b.matmul(p, q))));
  test("dense with bias and activation", () =>
    checkGradients(
      ...weighed({ x: [3, 4], w: [4, 2], c: [2] }, (b, x, w, c) => b.dense(x, w, c, { slope: 0.2, gain: 1.4 })),
    ));

  const reductions = ["sum", "mean", "max", "logSumExp"] as const;
  const axes = [[0], [1], [0, 2], [0, 1, 2]];
  test.each(reductions.flatMap((fn) => axes.map((a) => ({ fn, a }))))("$fn over axes $a", ({ fn, a }) => {
    for (const keep of [true, false]) checkGradients(...weighed({ x: [2, 3, 4] }, (b, x) => b.reduce(fn, x, a, keep)));
  });

  test("reshape, transpose, broadcast, slice, pad and concat", () => {
    checkGradients(...weighed({ x: [2, 6] }, (b, x) => b.reshape(x, [3, 4])));
    checkGradients(...weighed({ x: [2, 3, 4] }, (b, x) => b.transpose(x, [2, 0, 1])));
    checkGradients(...weighed({ x: [3, 1] }, (b, x) => b.broadcast(x, [2, 3, 4])));
    checkGradients(...weighed({ x: [3, 5] }, (b, x) => b.slice(x, [1, 2], [2, 3])));
    checkGradients(...weighed({ x: [3, 5] }, (b, x) => b.pad(x, [1, -2], [0, 3])));
    checkGradients(...weighed({ x: [3, 2], y: [3, 4] }, (b, x, y) => b.concat([x, y, x], 1)));
  });

  const layouts = ["nchw", "nhwc"] as const;
  const images = { nchw: [2, 3, 6, 5], nhwc: [2, 6, 5, 3] };
  const convolutions = [
    { stride: 1, pad: 1 },
    { stride: 1, pad: 0 },
    { stride: 2, pad: 1 }, // 6 rows: one is left unread
    { stride: 2, pad: 0 },
    { stride: 3, pad: 2 },
  ];
  test.each(layouts.flatMap((layout) => convolutions.map((c) => ({ layout, ...c }))))(
    "conv2d $layout stride $stride pad $pad: image, weight and bias",
    ({ layout, stride, pad }) =>
      checkGradients(
        ...weighed({ x: images[layout], w: [4, 3, 3, 3], c: [4] }, (b, x, w, bias) =>
          b.conv2d(x, w, { layout, stride, pad, bias, activation: { slope: 0.2, gain: 1.1 } }),
        ),
      ),
  );
  test.each(layouts.flatMap((layout) => [1, 2, 3].map((stride) => ({ layout, stride }))))(
    "convTranspose2d $layout stride $stride: image and weight",
    ({ layout, stride }) =>
      checkGradients(
        ...weighed({ x: images[layout], w: [3, 2, 3, 4] }, (b, x, w) =>
          b.convTranspose2d(x, w, { layout, stride, pad: 1 }),
        ),
      ),
  );
  const resamplings = [
    { up: 2, down: 1, pads: [2, 1, 2, 1] as const },
    { up: 1, down: 2, pads: [1, 1, 1, 1] as const },
    { up: 2, down: 3, pads: [3, 0, -1, 2] as const },
  ];
  test.each(layouts.flatMap((layout) => resamplings.map((s) => ({ layout, ...s }))))(
    "upfirdn2d $layout up $up down $down pads $pads",
    ({ layout, up, down, pads }) =>
      checkGradients(
        ...weighed({ x: images[layout] }, (b, x) =>
          b.upfirdn2d(x, { kernel: [1, 3, 2, 0.5], gain: 1.7, up, down, pads, layout }),
        ),
      ),
  );

  test.each(layouts)("upfirdn2d %s with a kernel that is no outer product", (layout) =>
    checkGradients(
      ...weighed({ x: images[layout] }, (b, x) =>
        b.upfirdn2d(x, {
          kernel: [
            [1, -2, 0.5],
            [0.25, 3, 1],
          ],
          up: 2,
          pads: [1, 2, 2, 1],
          layout,
        }),
      ),
    ),
  );

  test("random graphs", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { graph, inputs } = randomGraph(1000 + seed, 14);
      // detach makes the difference quotient see what the gradient must not.
      if (graph.nodes.some(({ op }) => op.kind === "unary" && op.fn === "detach")) continue;
      try {
        checkGradients(graph, inputs);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  });
});

test("the gradient near certainty of log1mexp is large but finite, and points the right way", () => {
  const b = new GraphBuilder();
  const graph = differentiate(b.finish({ outputs: { out: b.log1mexp(b.input("x", [3])) } }), {
    of: "out",
    wrt: { x: "dx" },
  });
  const { out, dx } = interpret(graph, { x: [0, -1e-9, -50] });
  expectClose(out!, [Math.log(1e-6), Math.log(1e-6), -Math.exp(-50)], { abs: 0, rel: 1e-6 });
  expectClose(dx!, [-1e6, -1e6, -Math.exp(-50)], { abs: 0, rel: 1e-5 });
});

test("an input that the output does not depend on has a gradient of zeros", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2]);
  b.input("unused", [3]);
  const graph = differentiate(b.finish({ outputs: { out: b.sum(x) } }), { of: "out", wrt: { unused: "du" } });
  expect([...interpret(optimize(graph), { x: [1, 2], unused: [1, 2, 3] })["du"]!]).toEqual([0, 0, 0]);
});
