// Values that stay where an engine computes them: the outputs of one run as inputs of the next, read when they are asked for.
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { openEngine } from "../../src/node/engines/open.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { InternalError } from "../../src/source/internal-error.js";

/** z doubled and z as it is, and a constant: outputs that are computed, an input, no input's. */
function doubling(): Graph {
  const b = new GraphBuilder();
  const z = b.input("z", [2, 2]);
  return b.finish({ outputs: { z: b.mul(z, { scalar: 2 }), same: z, one: b.constant([1], [1]) } });
}

describe.each(["onnx-cpu", "tfjs-cpu", "tfjs-wasm"] as const)("values that %s keeps", (name) => {
  let engine: Engine;
  const tensors = (): number => (name === "onnx-cpu" ? 0 : tf.memory().numTensors);
  beforeAll(async () => {
    engine = await openEngine(name);
  });
  afterAll(() => engine.dispose());

  test("go from run to run unread, are read when asked for, and are counted", async () => {
    const before = tensors();
    const executable = await engine.compile(doubling(), { keeps: true });
    const reads = engine.reads();
    let state = await executable.queue!({ z: Float32Array.of(1, 2, 3, 4) });
    for (let k = 0; k < 3; k++) {
      const next = await executable.queue!({ z: state["z"]! });
      for (const value of Object.values(state)) value.dispose();
      state = next;
    }
    expect(engine.reads()).toBe(reads);
    expect([...(await state["z"]!.read())]).toEqual([16, 32, 48, 64]);
    expect([...(await state["same"]!.read())]).toEqual([8, 16, 24, 32]);
    expect([...(await state["one"]!.read())]).toEqual([1]);
    expect(engine.reads()).toBe(reads + 3);
    const array = await state["z"]!.read();
    array.fill(0);
    expect([...(await state["z"]!.read())]).toEqual([16, 32, 48, 64]);
    for (const value of Object.values(state)) value.dispose();
    await executable.dispose();
    expect(tensors()).toBe(before);
  });

  test("do not get in the way of a run that reads everything", async () => {
    const executable = await engine.compile(doubling(), { keeps: true });
    const { z } = await executable.run({ z: Float32Array.of(1, 2, 3, 4) });
    expect([...z!]).toEqual([2, 4, 6, 8]);
    await executable.dispose();
  });

  test("of another engine, or of another size, are refused", async () => {
    const executable = await engine.compile(doubling(), { keeps: true });
    const foreign = { read: () => Promise.resolve(new Float32Array(4)), dispose: () => undefined };
    await expect(executable.queue!({ z: foreign })).rejects.toThrow(InternalError);
    await expect(executable.queue!({ z: new Float32Array(3) })).rejects.toThrow(InternalError);
    await executable.dispose();
  });

  test("are none without being asked for", async () => {
    const executable = await engine.compile(doubling());
    expect(executable.queue).toBeUndefined();
    await executable.dispose();
  });
});
