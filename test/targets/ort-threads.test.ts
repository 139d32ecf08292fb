// Runs of one network on several threads: the bits of a session here, answers to those who asked, and an end in order.
import { describe, expect, test } from "vitest";
import { compileSynthesis } from "../../src/compiler/build/synthesis.js";
import { openEngine } from "../../src/node/engines/open.js";
import { threadedExecutable } from "../../src/node/engines/ort-threads.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const { numWs, wDim } = model.info;
const styles = Array.from({ length: 24 }, (_, s) =>
  Float32Array.from({ length: numWs * wDim }, (_, i) => Math.sin(7 * s + i)),
);

describe("runs on threads", () => {
  test("give each who asks the bits of one session, however many go at once", async () => {
    const engine = await openEngine("onnx-cpu", { threads: 3 });
    expect(engine.atOnce).toBe(3);
    const graph = compileSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" });
    const alone = await engine.compile(graph);
    const expected = [];
    for (const ws of styles) expected.push((await alone.run({ ws }))["pixels"]!);
    for (const atOnce of [2, 3, 99]) {
      const threads = await engine.compile(graph, { atOnce });
      const got = await Promise.all(styles.map((ws) => threads.run({ ws })));
      expect(got.map((o) => [...o["pixels"]!])).toEqual(expected.map((o) => [...o]));
      const into = new Float32Array(expected[0]!.length);
      const { pixels } = await threads.run({ ws: styles[5]! }, { pixels: into });
      expect(pixels).toBe(into);
      expect([...into]).toEqual([...expected[5]!]);
      await threads.dispose();
    }
    await alone.dispose();
    await engine.dispose();
  });

  test("an engine of one thread has none", async () => {
    const engine = await openEngine("onnx-cpu", { threads: 1 });
    expect(engine.atOnce).toBeUndefined();
    await engine.dispose();
  });

  test("pass on what onnxruntime says of a network, and of each run", async () => {
    const executable = threadedExecutable({
      ...{ model: Uint8Array.of(1, 2, 3), options: {}, threads: 2 },
      inputs: [{ name: "x", shape: [2] }],
      outputs: [{ name: "y", key: "y" }],
    });
    await expect(executable.run({ x: new Float32Array(3) })).rejects.toThrow("input x should have 2 entries");
    const runs = [1, 2, 3].map(() => executable.run({ x: new Float32Array(2) }));
    for (const run of await Promise.allSettled(runs)) {
      expect(run.status).toBe("rejected");
      expect(String((run as PromiseRejectedResult).reason)).toMatch(/protobuf|model/i);
    }
    await executable.dispose();
  });

  test("those that wait when the network is disposed are told so", async () => {
    const engine = await openEngine("onnx-cpu", { threads: 2 });
    const graph = compileSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" });
    const threads = await engine.compile(graph, { atOnce: 2 });
    const runs = Promise.allSettled(styles.map((ws) => threads.run({ ws })));
    await threads.dispose();
    const ends = (await runs).map(({ status }) => status);
    expect(ends.slice(0, 2)).toEqual(["fulfilled", "fulfilled"]);
    expect(new Set(ends.slice(2))).toEqual(new Set(["rejected"]));
    await engine.dispose();
  });
});
