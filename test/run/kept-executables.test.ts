import * as tf from "@tensorflow/tfjs-core";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Executable, Graph } from "../../src/compiler/graph/graph.js";
import { sourceOf } from "../../src/compiler/build/graph-source.js";
import { openEngine } from "../../src/node/engines/open.js";
import { compileProgramGraph, type Engine } from "../../src/runtime/services/engine.js";
import { keepingExecutables } from "../../src/runtime/services/kept-executables.js";

const sha256 = (bytes: Uint8Array) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));
const X = { x: Float32Array.of(1, 2) };

/** x times a constant, which is clipped from below. */
function scaled(by: number, least = -Infinity): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", [2]);
  return b.finish({ outputs: { y: b.clip(b.mul(x, b.constant([by, by], [2])), least, 1e6) } });
}

/** An engine that counts what it compiles and what is open of it. */
function counting(engine: Engine) {
  const count = { compiled: 0, open: 0 };
  const counted: Engine = {
    ...engine,
    compile: async (graph, options) => {
      const executable = await engine.compile(graph, options);
      count.compiled += 1;
      count.open += 1;
      const dispose = async (): Promise<void> => {
        count.open -= 1;
        await executable.dispose();
      };
      return { ...executable, dispose };
    },
    dispose: () => Promise.resolve(),
  };
  return { count, counted };
}

async function valueOf(executable: Executable): Promise<number[]> {
  const { y } = await executable.run(X);
  return [...(y ?? [])];
}

describe("an engine that keeps what it compiled", () => {
  let wasm: Engine;
  beforeAll(async () => {
    wasm = await openEngine("tfjs-wasm");
  });
  afterAll(() => wasm.dispose());

  test("has an equal graph ready, built anew or not, and leaves no tensor when it ends", async () => {
    const tensors = tf.memory().numTensors;
    const { count, counted } = counting(wasm);
    const engine = keepingExecutables(counted, sha256);
    for (const by of [3, 5, 3, 5]) {
      const executable = await engine.compile(scaled(by));
      expect(await valueOf(executable)).toEqual([by, 2 * by]);
      await executable.dispose();
      await executable.dispose(); // twice is once
    }
    expect(count).toEqual({ compiled: 2, open: 2 });
    await engine.dispose();
    expect(count.open).toBe(0);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("does not make a graph anew whose source it knows; another source, or other weights, are made", async () => {
    const { count, counted } = counting(wasm);
    const engine = keepingExecutables(counted, sha256);
    const made: number[] = [];
    const weights = {};
    const run = async (by: number, of: object): Promise<void> => {
      const compiled = (): Graph => {
        made.push(by);
        return scaled(by);
      };
      const executable = await compileProgramGraph(engine, { compiled, source: sourceOf(of, ["scaled", by]) });
      expect(await valueOf(executable)).toEqual([by, 2 * by]);
      await executable.dispose();
    };
    await run(3, weights);
    await run(3, weights);
    await run(5, weights);
    await run(3, {});
    expect(made).toEqual([3, 5, 3]);
    expect(count.compiled).toBe(2);
    await engine.dispose();
  });

  test("compiles anew what differs in a constant, a bound that JSON does not know, or in keeping values", async () => {
    const { count, counted } = counting(wasm);
    const engine = keepingExecutables(counted, sha256);
    const compile = async (graph: Graph, keeps: boolean): Promise<boolean> => {
      const executable = await engine.compile(graph, { keeps });
      const { queue } = executable;
      await executable.dispose();
      return queue !== undefined;
    };
    expect(await compile(scaled(3), false)).toBe(false);
    expect(await compile(scaled(3), true)).toBe(true);
    await compile(scaled(3 + 2 ** -22), false);
    await compile(scaled(3, 0), false);
    await compile(scaled(3, -0), false);
    expect(count.compiled).toBe(5);
    await engine.dispose();
  });

  test("lends each to one owner at a time", async () => {
    const { count, counted } = counting(wasm);
    const engine = keepingExecutables(counted, sha256);
    const [one, other] = [await engine.compile(scaled(2)), await engine.compile(scaled(2))];
    expect(count.compiled).toBe(2);
    await one.dispose();
    await (await engine.compile(scaled(2))).dispose();
    await engine.dispose();
    expect(count).toEqual({ compiled: 2, open: 1 });
    expect(await valueOf(other)).toEqual([2, 4]);
    await other.dispose(); // after its engine: not kept
    expect(count.open).toBe(0);
  });

  test("keeps none of which a run failed", async () => {
    const { count, counted } = counting(wasm);
    const engine = keepingExecutables(counted, sha256);
    const executable = await engine.compile(scaled(2));
    await expect(executable.run({})).rejects.toThrow();
    await executable.dispose();
    expect(count.open).toBe(0);
    await engine.dispose();
  });

  test("gives up what was used least recently where bytes do not reach", async () => {
    const { count, counted } = counting(wasm);
    // Each has two constants' and, at its fullest, four activations' numbers.
    const engine = keepingExecutables(counted, sha256, 2 * 24);
    for (const by of [1, 2, 1, 3, 1, 2]) await (await engine.compile(scaled(by))).dispose();
    expect(count).toEqual({ compiled: 4, open: 2 });
    await engine.dispose();
  });
});
