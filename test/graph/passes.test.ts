import { describe, expect, test } from "vitest";
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import { countMultiplyAdds, countOps, printDot, printGraph } from "../../src/compiler/graph/print.js";
import { verify } from "../../src/compiler/graph/verify.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { fold } from "../../src/compiler/passes/fold.js";
import { fuse } from "../../src/compiler/passes/fuse.js";
import { hoist } from "../../src/compiler/passes/hoist.js";
import { optimize, simplify, toFixedPoint } from "../../src/compiler/passes/optimize.js";
import { prune } from "../../src/compiler/passes/prune.js";
import { share } from "../../src/compiler/passes/share.js";
import { stack } from "../../src/compiler/passes/stack.js";
import { widen } from "../../src/compiler/passes/widen.js";
import { expectClose } from "../support/close.js";
import { randomArray, randomGraph } from "../support/random-graph.js";
import { random } from "../support/random.js";

const SEEDS = Array.from({ length: 80 }, (_, i) => i + 1);
const ROUNDING = { abs: 1e-9, rel: 1e-9 };

const passes: Record<string, (graph: Graph) => Graph> = {
  fold,
  share,
  prune,
  fuse,
  "stack first layers": (g) => stack(simplify(g), "first"),
  "stack all layers": (g) => stack(simplify(g), "all"),
  simplify,
  optimize,
  "stack all, then optimize": (g) => optimize(stack(simplify(g), "all")),
};

/** That a pass's result is sound, and computes what the graph did. */
function expectSameValues(actual: Graph, wanted: Graph, inputs: Record<string, Float64Array>, what: string): void {
  expect(verify(actual), what).toEqual([]);
  const [a, w] = [interpret(actual, inputs), interpret(wanted, inputs)];
  expect(Object.keys(a), what).toEqual(Object.keys(w));
  for (const name of Object.keys(w)) {
    try {
      expectClose(a[name]!, w[name]!, ROUNDING);
    } catch (error) {
      throw new Error(
        `${what}, output ${name}: ${String(error)}\n${printGraph(wanted)}\nbecame\n${printGraph(actual)}`,
        { cause: error },
      );
    }
  }
}

describe.each(Object.entries(passes))("%s", (name, pass) => {
  test("keeps the values of random graphs", () => {
    let changed = 0;
    for (const seed of SEEDS) {
      const { graph, inputs } = randomGraph(seed);
      const after = pass(graph);
      if (after !== graph) changed++;
      expectSameValues(after, graph, inputs, `${name}, seed ${seed}`);
    }
    // A pass that never does anything would pass the test above.
    expect(changed).toBeGreaterThan(SEEDS.length / 4);
  });

  test("keeps the gradients of random graphs", () => {
    for (const seed of SEEDS.slice(0, 30)) {
      const { graph, inputs } = randomGraph(seed, 16);
      const wanted = differentiate(graph, { of: "out", wrt: { x: "dx", y: "dy" } });
      expectSameValues(pass(wanted), wanted, inputs, `${name} after differentiation, seed ${seed}`);
      if (name === "fuse" || name.includes("optimize")) continue; // these end differentiation: detach is gone
      const later = differentiate(pass(graph), { of: "out", wrt: { x: "dx", y: "dy" } });
      expectSameValues(later, wanted, inputs, `${name} before differentiation, seed ${seed}`);
    }
  });
});

test("hoisting, widening and differentiating leave random graphs sound", () => {
  for (const seed of SEEDS) {
    const { graph } = randomGraph(seed);
    const gradients = differentiate(graph, { of: "out", wrt: { x: "dx", y: "dy" } });
    for (const g of [gradients, hoist(gradients), widen(simplify(graph))])
      expect(verify(g), `seed ${seed}`).toEqual([]);
  }
});

test("the passes come to rest: optimizing twice is optimizing once", () => {
  for (const seed of SEEDS.slice(0, 40)) {
    const once = optimize(randomGraph(seed).graph);
    expect(optimize(once), `seed ${seed}`).toBe(once);
  }
});

test("passes make random graphs smaller, never larger in work", () => {
  for (const seed of SEEDS) {
    const { graph } = randomGraph(seed);
    const after = optimize(graph);
    expect(countMultiplyAdds(after), `seed ${seed}`).toBeLessThanOrEqual(countMultiplyAdds(graph));
    expect(after.nodes.length, `seed ${seed}`).toBeLessThanOrEqual(graph.nodes.length);
  }
});

function dense(b: GraphBuilder, x: number, columns: number, seed: number): number {
  const r = random(seed);
  const inner = b.shape(x).at(-1)!;
  const weight = b.mul(b.constant(randomArray(r, [columns, inner]), [columns, inner]), scalar(0.1));
  const bias = b.mul(b.constant(randomArray(r, [columns]), [columns]), scalar(0.3));
  return b.add(b.matmul(x, b.transpose(weight, [1, 0])), bias);
}

test("gains, transposes and a truncation vanish into weights and biases", () => {
  const b = new GraphBuilder();
  let x = b.input("z", [2, 8]);
  for (let i = 0; i < 3; i++) x = b.leakyRelu(dense(b, x, 8, i + 1), 0.2, Math.SQRT2);
  const average = b.constant(randomArray(random(9), [8]), [8]);
  const w = b.add(b.mul(b.sub(x, average), scalar(0.7)), average);
  const graph = b.finish({ outputs: { y: dense(b, w, 5, 7) } });
  const after = optimize(graph);
  expect(countOps(after)).toEqual({ input: 1, constant: 8, dense: 4 });
  expectSameValues(after, graph, { z: randomArray(random(3), [2, 8]) }, "truncated network");
});

test("what is computed on copies of a value is computed once, whatever is done to them", () => {
  const r = random(4);
  const b = new GraphBuilder();
  const x = b.input("x", [3, 5]);
  const g = b.input("g", [2, 3, 4]);
  const weight = b.constant(randomArray(r, [5, 4], 1), [5, 4]);
  const copies = b.broadcast(x, [2, 3, 5]);
  const scaled = b.mul(copies, b.rsqrt(b.add(b.mean(b.square(copies), [2], true), scalar(1))));
  const hidden = b.leakyRelu(b.add(b.matmul(scaled, weight), b.constant(randomArray(r, [4], 1), [4])), 0.2);
  const first = b.reshape(b.sliceAxis(hidden, 0, 0, 1), [3, 4]);
  const ones = b.matmul(b.broadcast(b.scalar(2), [3, 5]), weight);
  const outputs = { back: b.mul(g, b.clip(hidden, -1, 1)), first, ones, last: b.sliceAxis(hidden, 0, 1, 1) };
  const graph = b.finish({ outputs });
  const hoisted = prune(toFixedPoint(graph, hoist));
  const inputs = { x: randomArray(r, [3, 5], 1), g: randomArray(r, [2, 3, 4], 1) };
  const [wanted, got] = [interpret(graph, inputs), interpret(hoisted, inputs)];
  for (const [name, values] of Object.entries(wanted)) expectClose(got[name]!, values, { abs: 1e-12, rel: 1e-12 });
  // One product of three rows is left, the other was of equal rows; only what meets g has copies.
  expect([countMultiplyAdds(graph), countMultiplyAdds(hoisted)]).toEqual([3 * 20 * 3, 3 * 20]);
  const wide = hoisted.nodes.filter((n) => n.shape.length === 3 && n.shape[0] === 2);
  expect(wide.map((n) => n.op.kind).sort()).toEqual(["binary", "broadcast", "input"]);
});

test("hoisting keeps the values of random graphs", () => {
  for (const seed of SEEDS) {
    const { graph, inputs } = randomGraph(seed);
    expectSameValues(toFixedPoint(graph, hoist), graph, inputs, `seed ${seed}`);
  }
});

test("heads of one shape run as one first product, and as batched products if asked", () => {
  const b = new GraphBuilder();
  const z = b.input("z", [2, 6]);
  const heads = [1, 2, 3].map((s) =>
    dense(b, b.leakyRelu(dense(b, b.leakyRelu(dense(b, z, 5, s), 0.2), 4, s + 10), 0.2), 3, s + 20),
  );
  const graph = b.finish({ outputs: { a: heads[0]!, b: heads[1]!, c: heads[2]! } });
  const inputs = { z: randomArray(random(5), [2, 6]) };
  expect(countOps(optimize(graph))["dense"]).toBe(9);
  const first = optimize(stack(simplify(graph), "first"));
  // One first layer, three second ones, and the small last ones as one block-diagonal product of 12 x 9 for three of 4 x 3.
  expect(countOps(first)["dense"]).toBe(5);
  expect(countMultiplyAdds(first)).toBe(countMultiplyAdds(graph) + 2 * (12 * 9 - 3 * 4 * 3));
  const all = optimize(stack(simplify(graph), "all"));
  expect(countOps(all)["dense"]).toBe(3);
  expect(countMultiplyAdds(all)).toBe(countMultiplyAdds(graph));
  for (const g of [first, all]) expectSameValues(g, graph, inputs, "stacked heads");
});

test("equal constants are shared by content, and operands of a sum in either order", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 2]);
  const [p, q] = [b.constant([1, 2], [2]), b.constant([1, 2], [2])];
  const graph = b.finish({ outputs: { a: b.exp(b.add(x, p)), b: b.exp(b.add(q, x)) } });
  expect(countOps(share(graph))).toEqual({ input: 1, constant: 1, add: 1, exp: 1 });
});

test("constants that differ only deep inside are not shared", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [100]);
  const data = new Float64Array(100).fill(1);
  const other = data.slice();
  other[55] = 2;
  const graph = b.finish({ outputs: { a: b.add(x, b.constant(data, [100])), b: b.add(x, b.constant(other, [100])) } });
  expect(share(graph)).toBe(graph);
});

test("a prepared graph can be run again and again, and does not touch what it returned before", () => {
  const b = new GraphBuilder();
  const run = prepare(b.finish({ outputs: { y: b.square(b.input("x", [2])) } }));
  const first = run({ x: [1, 2] });
  const second = run({ x: [3, 4] });
  expect([...first["y"]!]).toEqual([1, 4]);
  expect([...second["y"]!]).toEqual([9, 16]);
  expect(() => run({})).toThrow(/no input x/);
  expect(() => run({ x: [1] })).toThrow(/1 entries, not 2/);
});

test("graphs print one node a line, constants summarised, and as dot", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  const w = b.constant(new Float32Array(6).fill(2), [3, 2]);
  const graph = optimize(b.finish({ outputs: { y: b.leakyRelu(b.add(b.matmul(x, w), scalar(0.5)), 0.2) } }));
  expect(printGraph(graph)).toBe(
    [
      "%0 [2, 3] = input x",
      "%1 [3, 2] = constant f32 rms 2.000",
      "%2 [2] = constant f64 {0.5, 0.5}",
      "%3 [2, 2] = dense +bias leakyRelu(0.2) %0 %1 %2",
      "output y = %3",
      "",
    ].join("\n"),
  );
  expect(printDot(graph)).toContain("n0 -> n3;");
});
