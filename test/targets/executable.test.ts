import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Executable, Graph } from "../../src/compiler/graph/graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { emitOnnx, onnxOutputNames } from "../../src/compiler/targets/onnx/onnx.js";
import { InternalError } from "../../src/source/internal-error.js";
import type { Engine, EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { expectClose } from "../support/close.js";
import { imageCases, randomArray } from "./cases.js";
import { randomGraph } from "./random-graph.js";

const ENGINES: readonly EngineName[] = ["onnx-cpu", "tfjs-cpu", "tfjs-wasm"];
const TOLERANCE = { abs: 1e-5, rel: 1e-5 };

/** A two-layer network with a softmax: enough operations to need temporaries. */
function network(rows: number): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", [rows, 64]);
  const layer = (y: number, inputs: number, outputs: number, seed: number): number =>
    b.dense(
      y,
      b.constant(randomArray(inputs * outputs, seed, 0.3), [inputs, outputs]),
      b.constant(randomArray(outputs, seed + 1), [outputs]),
      { slope: 0.2, gain: Math.SQRT2 },
    );
  const hidden = layer(layer(x, 64, 96, 1), 96, 5, 3);
  const logits = b.sub(hidden, b.logSumExp(hidden, [1], true));
  return b.finish({ outputs: { logits, hidden } });
}

describe.each(ENGINES)("an executable of %s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name);
  });
  afterAll(() => engine.dispose());

  async function compiled<T>(graph: Graph, use: (executable: Executable) => Promise<T>): Promise<T> {
    const executable = await engine.compile(graph);
    try {
      return await use(executable);
    } finally {
      await executable.dispose();
    }
  }

  test("gives the same numbers each time it is run", async () => {
    const x = randomArray(7 * 64, 5);
    const [first, second] = await compiled(network(7), async (e) => [await e.run({ x }), await e.run({ x })]);
    expect(second).toEqual(first);
    expectClose(first["logits"] ?? [], interpret(network(7), { x })["logits"] ?? [], TOLERANCE);
  });

  test("may be run twice at a time", async () => {
    const inputs = [5, 6].map((seed) => ({ x: randomArray(3 * 64, seed) }));
    const results = await compiled(network(3), (e) => Promise.all(inputs.map((i) => e.run(i))));
    inputs.forEach((input, i) => {
      expectClose(results[i]?.["logits"] ?? [], interpret(network(3), input)["logits"] ?? [], TOLERANCE);
    });
  });

  test("leaves its inputs alone and gives arrays of the caller's own", async () => {
    const b = new GraphBuilder();
    const x = b.input("x", [2, 2]);
    const c = b.constant([1, 2, 3, 4], [2, 2]);
    const graph = b.finish({ outputs: { same: x, shaped: b.reshape(x, [4]), constant: c } });
    const given = Float32Array.of(5, 6, 7, 8);
    await compiled(graph, async (e) => {
      const first = await e.run({ x: given });
      for (const array of Object.values(first)) array.fill(-1);
      expect([...given]).toEqual([5, 6, 7, 8]);
      const second = await e.run({ x: given });
      expect([...(second["same"] ?? [])]).toEqual([5, 6, 7, 8]);
      expect([...(second["shaped"] ?? [])]).toEqual([5, 6, 7, 8]);
      expect([...(second["constant"] ?? [])]).toEqual([1, 2, 3, 4]);
    });
  });

  test("may have an output of an input's name, as a solver step has", async () => {
    const b = new GraphBuilder();
    const z = b.input("z", [3]);
    const graph = b.finish({ outputs: { z: b.mul(z, { scalar: 2 }) } });
    const { z: doubled } = await compiled(graph, (e) => e.run({ z: Float32Array.of(1, 2, 3) }));
    expect([...(doubled ?? [])]).toEqual([2, 4, 6]);
  });

  test("refuses a missing input and one of another size as a bug of the caller", async () => {
    await compiled(network(2), async (e) => {
      await expect(e.run({})).rejects.toThrow(InternalError);
      await expect(e.run({ x: new Float32Array(3) })).rejects.toThrow(InternalError);
    });
  });

  test("agrees with the interpreter on random graphs", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { graph, inputs } = randomGraph(seed);
      const expected = interpret(graph, inputs);
      const actual = await compiled(graph, (e) => e.run(inputs));
      for (const [output, values] of Object.entries(expected)) {
        try {
          expectClose(actual[output] ?? [], values, { abs: 2e-5, rel: 2e-5 });
        } catch (error) {
          throw new Error(`seed ${seed}, output ${output}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
  });

  test("passes NaN and infinities on, so that a sample can end with a status", async () => {
    const b = new GraphBuilder();
    const x = b.input("x", [4]);
    const graph = b.finish({ outputs: { y: b.add(b.exp(x), { scalar: 1 }), z: b.log(x) } });
    const { y, z } = await compiled(graph, (e) => e.run({ x: Float32Array.of(NaN, 200, -Infinity, 1) }));
    expect([...(y ?? [])].map(Number.isFinite)).toEqual([false, false, true, true]);
    expect([...(z ?? [])].map(Number.isFinite)).toEqual([false, true, false, true]);
  });
});

describe("tfjs executables and memory", () => {
  test.each(["tfjs-cpu", "tfjs-wasm"] as const)("%s leaves no tensor behind", async (name) => {
    const engine = await openEngine(name);
    const before = tf.memory().numTensors;
    for (const { graph, inputs } of [
      { graph: network(4), inputs: { x: randomArray(4 * 64, 1) } },
      ...imageCases("nhwc"),
    ]) {
      const executable = await engine.compile(graph);
      await executable.run(inputs);
      const resident = tf.memory().numTensors;
      await executable.run(inputs);
      await executable.run(inputs);
      expect(tf.memory().numTensors).toBe(resident);
      await expect(executable.run({})).rejects.toThrow(InternalError);
      expect(tf.memory().numTensors).toBe(resident);
      await executable.dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
    await engine.dispose();
  });

  test("a value is gone after its last use", async () => {
    const engine = await openEngine("tfjs-cpu");
    const b = new GraphBuilder();
    let x = b.input("x", [1024]);
    for (let i = 0; i < 20; i++) x = b.exp(b.neg(x));
    const executable = await engine.compile(b.finish({ outputs: { x } }));
    const base = tf.memory().numBytes;
    let peak = 0;
    const counted = tf.tidy;
    // Every operation passes through tidy: a place to look at what is alive.
    const spy = { ...tf, tidy: (f: () => never) => ((peak = Math.max(peak, tf.memory().numBytes - base)), counted(f)) };
    const { emitTfjs } = await import("../../src/compiler/targets/tfjs/tfjs.js");
    const watched = emitTfjs(b.finish({ outputs: { x } }), spy as unknown as typeof tf);
    await watched.run({ x: new Float32Array(1024) });
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThanOrEqual(3 * 4096);
    await watched.dispose();
    await executable.dispose();
    await engine.dispose();
  });
});

describe("two engines in one process", () => {
  test("take turns, also while a run of the other is under way", async () => {
    const names = ["tfjs-cpu", "tfjs-wasm", "onnx-cpu"] as const;
    const engines = await Promise.all(names.map((name) => openEngine(name)));
    const executables: Executable[] = [];
    for (const engine of engines) executables.push(await engine.compile(network(4)));
    const x = randomArray(4 * 64, 9);
    const expected = interpret(network(4), { x })["logits"] ?? [];
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(executables.map((e) => e.run({ x })));
      for (const result of results) expectClose(result["logits"] ?? [], expected, TOLERANCE);
    }
    for (const executable of executables) await executable.dispose();
    for (const engine of engines) await engine.dispose();
  });
});

describe("row independence", () => {
  const ROWS = 16;

  test.each(["onnx-cpu", "tfjs-wasm"] as const)(
    "on %s the bits of a row of a dense graph do not depend on the other rows nor on its place in the tile",
    async (name) => {
      const engine = await openEngine(name);
      const executable = await engine.compile(network(ROWS));
      const rows = Array.from({ length: ROWS }, (_, r) => randomArray(64, 40 + r));
      const tile = (order: readonly (Float32Array | undefined)[]): Float32Array => {
        const x = new Float32Array(ROWS * 64);
        order.forEach((row, r) => x.set(row ?? new Float32Array(64), r * 64));
        return x;
      };
      const rowOf = (outputs: Record<string, Float32Array>, r: number): number[] => [
        ...(outputs["logits"] ?? []).slice(r * 5, r * 5 + 5),
      ];
      const all = await executable.run({ x: tile(rows) });
      for (const [r, row] of rows.entries()) {
        const alone = Array.from({ length: ROWS }, (_, i) => (i === r ? row : undefined));
        expect(rowOf(await executable.run({ x: tile(alone) }), r)).toEqual(rowOf(all, r));
        const moved = Array.from({ length: ROWS }, (_, i) => (i === (r + 5) % ROWS ? row : rows[i]));
        expect(rowOf(await executable.run({ x: tile(moved) }), (r + 5) % ROWS)).toEqual(rowOf(all, r));
      }
      await executable.dispose();
      await engine.dispose();
    },
  );

  test.each(["onnx-cpu", "tfjs-wasm"] as const)(
    "on %s a row has the same bits in tiles of any height",
    async (name) => {
      const engine = await openEngine(name);
      const row = randomArray(64, 8);
      const results: Float32Array[] = [];
      for (const height of [1, 2, 3, 5, 8, 16]) {
        const executable = await engine.compile(network(height));
        const x = randomArray(height * 64, height);
        x.set(row, (height - 1) * 64);
        const { logits } = await executable.run({ x });
        results.push((logits ?? new Float32Array()).slice(-5));
        await executable.dispose();
      }
      for (const result of results) expect(result).toEqual(results[0]);
      expect(results[0]?.length).toBe(5);
      await engine.dispose();
    },
  );

  test("on onnx-cpu the number of threads does not change a bit", async () => {
    const x = randomArray(ROWS * 64, 3);
    const results = [];
    for (const threads of [1, 2, 3]) {
      const engine = await openEngine("onnx-cpu", { threads });
      const executable = await engine.compile(network(ROWS));
      results.push(await executable.run({ x }));
      await executable.dispose();
      await engine.dispose();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});

describe("the ONNX model", () => {
  test("has one initializer for each constant, and none that nothing uses", () => {
    const b = new GraphBuilder();
    const x = b.input("x", [2, 3]);
    b.constant(new Float32Array(30_000), [100, 300]);
    const weight = b.constant(randomArray(3 * 1000, 1), [3, 1000]);
    const y = b.dense(x, weight, b.constant(randomArray(1000, 2), [1000]), { slope: 0.2, gain: 2 });
    const bytes = emitOnnx(b.finish({ outputs: { y } }));
    expect(bytes.length).toBeGreaterThan(4 * 4000);
    expect(bytes.length).toBeLessThan(4 * 4000 + 1000);
  });

  test("is the same bytes each time, and a plain Uint8Array", () => {
    expect(emitOnnx(network(2))).toEqual(emitOnnx(network(2)));
    expect(Object.getPrototypeOf(emitOnnx(network(2)))).toBe(Uint8Array.prototype);
  });

  test("renames an output that has an input's name", () => {
    const b = new GraphBuilder();
    const z = b.input("z", [1]);
    const other = b.input("z_out", [1]);
    expect(onnxOutputNames(b.finish({ outputs: { z: b.neg(z), w: b.neg(other) } }))).toEqual(["z_out_out", "w"]);
  });
});
