import { describe, expect, test } from "vitest";
import { GraphBuilder, scalar } from "../../src/compiler/graph/builder.js";
import type { Graph, NodeId } from "../../src/compiler/graph/graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { compileWasm, LANES } from "../../src/compiler/targets/wasm.js";
import { expectClose } from "../support/close.js";
import { random, type Random } from "../support/random.js";

const LENGTH = 5 * LANES;
const VECTORS = ["a", "b", "c"];
const SCALARS = ["s", "t"];

/** A random elementwise graph over three vectors and two numbers; outputs `a` (over the input of that name), `y` and `z`. */
function randomGraph(r: Random): Graph {
  const b = new GraphBuilder();
  const nodes: NodeId[] = [
    ...VECTORS.map((name) => b.input(name, [LENGTH])),
    ...SCALARS.map((name) => b.input(name, [])),
  ];
  const vectors = nodes.slice(0, VECTORS.length);
  const any = (): NodeId => (r.below(5) === 0 ? b.scalar(0.5 + r.next()) : nodes[r.below(nodes.length)]!);
  for (let k = 0; k < 12; k++) {
    const x = vectors[r.below(vectors.length)]!;
    const y = any();
    const made = [
      () => b.add(x, y),
      () => b.sub(y, x),
      () => b.mul(x, y),
      () => b.div(x, b.add(b.square(y), scalar(1))),
      () => b.max(x, y),
      () => b.min(y, x),
      () => b.sqrt(b.abs(x)),
      () => b.neg(x),
      () => b.square(b.mul(x, scalar(0.3))),
      () => b.mul(b.mul(nodes[3]!, nodes[4]!), x),
    ][r.below(10)]!();
    nodes.push(made);
    vectors.push(made);
  }
  const last = (k: number): NodeId => vectors.at(-k)!;
  return b.finish({ outputs: { a: last(1), y: last(2), z: last(3) } });
}

/** Vectors in one memory, so many numbers apart. */
function memoryOf(names: readonly string[], gap = 0): [WebAssembly.Memory, Record<string, Float32Array>] {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const views = names.map(
    (name, k) => [name, new Float32Array(memory.buffer, 4 * k * (LENGTH + gap), LENGTH)] as const,
  );
  return [memory, Object.fromEntries(views)];
}

describe("elementwise graphs in WebAssembly", () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))("are what is interpreted, seed %i", (seed) => {
    const r = random(seed);
    const graph = randomGraph(r);
    const [memory, arrays] = memoryOf([...VECTORS, "y", "z"], seed % 3);
    for (const name of VECTORS) for (let i = 0; i < LENGTH; i++) arrays[name]![i] = r.normal();
    const scalars = Object.fromEntries(SCALARS.map((name) => [name, Math.fround(r.normal())]));
    const given = Object.fromEntries(VECTORS.map((name) => [name, arrays[name]!.slice()]));
    const numbers = Object.fromEntries(Object.entries(scalars).map(([name, v]) => [name, [v]]));
    const expected = interpret(graph, { ...given, ...numbers });
    compileWasm(graph, memory).run(arrays, scalars, LENGTH);
    for (const name of ["a", "y", "z"]) expectClose(arrays[name]!, expected[name]!, { abs: 1e-4, rel: 1e-4 });
    for (const name of ["b", "c"]) expect(arrays[name]).toEqual(given[name]);
  });

  test("round each operation on its own, and stop where they are told to", () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input("x", [LANES]), b.input("y", [LANES])];
    const graph = b.finish({ outputs: { y: b.add(b.mul(x, scalar(0.1)), y) } });
    const [memory, arrays] = memoryOf(["x", "y"]);
    for (let i = 0; i < LENGTH; i++) [arrays["x"]![i], arrays["y"]![i]] = [1 / (i + 3), 1 / (i + 7)];
    const [before, inputs] = [arrays["y"]!.slice(), arrays["x"]!];
    const kernel = compileWasm(graph, memory);
    kernel.run(arrays, {}, 2 * LANES);
    kernel.run(arrays, {}, 0);
    const f = Math.fround;
    const wanted = before.map((v, i) => (i < 2 * LANES ? f(f(inputs[i]! * f(0.1)) + v) : v));
    expect(arrays["y"]).toEqual(wanted);
  });

  test("refuse what they cannot run", () => {
    const b = new GraphBuilder();
    const graph = b.finish({ outputs: { y: b.neg(b.input("x", [LANES])) } });
    const [memory, arrays] = memoryOf(["x", "y"]);
    const kernel = compileWasm(graph, memory);
    expect(() => kernel.run(arrays, {}, 3)).toThrow(/no multiple of 4/);
    expect(() => kernel.run({ ...arrays, x: new Float32Array(LENGTH) }, {}, 4)).toThrow(/x is .*not in the kernel/);
    expect(() => kernel.run({ x: arrays["x"]! }, {}, 4)).toThrow(/y is missing/);
    expect(() => kernel.run(arrays, {}, LENGTH + 4)).toThrow(/too short/);
    const other = new GraphBuilder();
    const exp = other.finish({ outputs: { y: other.exp(other.input("x", [LANES])) } });
    expect(() => compileWasm(exp, memory)).toThrow(/WebAssembly for unary/);
  });
});
