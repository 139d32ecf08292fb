// The one way from styles to images: the same images whatever is made at once, and however often memory runs short.
import { describe, expect, test } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Arrays, Graph } from "../../src/compiler/graph/graph.js";
import type { NoiseMode } from "../../src/compiler/plan.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openPainter, type Painter } from "../../src/runtime/show/painter.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const { numWs, wDim } = model.info;
const styles = Array.from({ length: 5 }, (_, s) =>
  Float32Array.from({ length: numWs * wDim }, (_, i) => Math.sin(7 * s + i)),
);
const owners = styles.map((_, sample) => ({ seed: 3, sample }));

/** The float64 interpreter as an engine that gains by company, with memory for `most` images; it keeps the rows of its runs. */
function engineFor(most: number, ran: number[] = [], batches = true): Engine {
  const compile = (graph: Graph) => {
    const ws = graph.inputs.find((i) => i.name === "ws")!;
    const rows = graph.nodes[ws.node]!.shape[0]!;
    const run = (inputs: Arrays): Promise<Record<string, Float32Array>> => {
      if (rows > most) return Promise.reject(new Error("out of memory"));
      ran.push(rows);
      const outputs = Object.entries(interpret(graph, inputs as Record<string, Float32Array>));
      return Promise.resolve(Object.fromEntries(outputs.map(([name, values]) => [name, Float32Array.from(values)])));
    };
    return Promise.resolve({ run, dispose: () => Promise.resolve() });
  };
  const dispose = (): Promise<void> => Promise.resolve();
  const stepping = { steps: "host", reads: () => 0 } as const;
  return { name: "onnx-cpu", layout: "nchw", description: "interpreter", batches, ...stepping, compile, dispose };
}
function painterOn(engine: Engine, noise: NoiseMode = "const", onShort?: (rows: number) => void): Painter {
  const services = { freeMemory: () => 1e12, openDecoder: () => Promise.reject(new Error("it has no decoder")) };
  return openPainter({ model, engine, services, noise, count: 5, ...(onShort && { onShort }) });
}

describe("a painter", () => {
  test.each(["const", "random"] as const)(
    "makes the same images together and one by one, with noise %s",
    async (noise) => {
      const together: number[] = [];
      const alone: number[] = [];
      const painter = painterOn(engineFor(99, together), noise);
      const images = await painter.paint(styles, owners);
      expect([together, painter.rows]).toEqual([[4, 4], 4]);
      const single = painterOn(engineFor(99, alone, false), noise);
      expect(await single.paint(styles, owners)).toEqual(images);
      expect(alone).toEqual([1, 1, 1, 1, 1]);
      expect(new Set(images.map((i) => i.data.join())).size).toBe(5);
    },
  );

  test("goes on with half as many when memory ends, tells it, and loses no image", async () => {
    const ran: number[] = [];
    const told: number[] = [];
    const painter = painterOn(engineFor(1, ran), "random", (rows) => told.push(rows));
    const images = await painter.paint(styles, owners);
    expect([told, ran, painter.rows]).toEqual([[2, 1], [1, 1, 1, 1, 1], 1]);
    expect(images).toEqual(await painterOn(engineFor(99), "random").paint(styles, owners));
  });

  test("says so when memory does not reach for one image", async () => {
    await expect(painterOn(engineFor(0)).paint(styles)).rejects.toThrow("L4107");
  });
});
