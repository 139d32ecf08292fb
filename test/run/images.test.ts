// Pictures that are made several at once are handed on in order, and no more of them are alive than the painter asks for.
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import type { SampleTask } from "../../src/compiler/plan.js";
import type { RgbImage } from "../../src/runtime/image/rgb.js";
import type { SampleResult } from "../../src/runtime/draw/results.js";
import { chooseAtOnce } from "../../src/runtime/show/image-batches.js";
import { makeImages } from "../../src/runtime/show/images.js";
import type { Painter } from "../../src/runtime/show/painter.js";
import type { Sink } from "../../src/runtime/show/saves.js";
import { compileSynthesis } from "../../src/compiler/build/synthesis.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const task = {
  kind: "sample",
  name: "faces",
  model: 0,
  noise: "const",
  truncation: 1,
  count: 30,
} as unknown as SampleTask;
const samples = Array.from({ length: 30 }, (_, index) => {
  const w = new Float32Array(index === 7 ? 0 : model.info.wDim); // the eighth has left the finite numbers
  return { index, part: 0, seed: 1, origin: index, w, heads: [], status: "done" } as unknown as SampleResult;
});

/** A painter whose pictures come later the earlier they were asked for; it counts those between paint and sink. */
function slowPainter(atOnce: number, alive: { now: number; most: number }): Painter {
  return {
    ...{ rows: 1, atOnce },
    async paint(_, rows = []) {
      alive.now += 1;
      alive.most = Math.max(alive.most, alive.now);
      await setTimeout((rows[0]?.sample ?? 0) % 3 === 0 ? 15 : 1);
      return [{ width: 1, height: 1, data: Uint8Array.of(rows[0]?.sample ?? 255, 0, 0) }];
    },
    dispose: () => Promise.resolve(),
  };
}

test.each([1, 4])("%i at once", async (atOnce) => {
  const alive = { now: 0, most: 0 };
  const accepted: (number | undefined)[] = [];
  const sink: Sink = {
    wants: () => true,
    accept: async (image: RgbImage | undefined, { index }) => {
      await setTimeout(1);
      if (image !== undefined) alive.now -= 1;
      expect(accepted.push(image?.data[0]) - 1).toBe(index);
    },
    finish: () => Promise.resolve([]),
  };
  const done: number[] = [];
  async function* pictures(): AsyncGenerator<readonly SampleResult[], void> {
    yield samples.slice(0, 11);
    await setTimeout(50);
    // Nothing waits for pictures that are not drawn yet.
    expect(accepted).toHaveLength(11);
    yield samples.slice(11);
  }
  const seen = await makeImages({
    ...{
      model,
      painter: slowPainter(atOnce, alive),
      resultCache: undefined,
      task,
      pictures: pictures(),
      sinks: [sink],
    },
    ...{ labeller: undefined, verdict: () => undefined, onImage: (n) => void done.push(n), signal: undefined },
  });
  expect(accepted).toEqual(samples.map(({ index }) => (index === 7 ? undefined : index)));
  expect([...seen.keys()]).toEqual(samples);
  expect(done).toEqual(samples.map((_, k) => k + 1));
  expect(alive.most).toBe(atOnce);
});

test("a sink that fails ends it with its error, behind the pictures before", async () => {
  const accepted: number[] = [];
  const sink: Sink = {
    wants: () => true,
    accept: (_, { index }) => {
      if (index === 9) return Promise.reject(new Error("the disk is full"));
      accepted.push(index);
      return Promise.resolve();
    },
    finish: () => Promise.resolve([]),
  };
  async function* pictures(): AsyncGenerator<readonly SampleResult[], void> {
    yield await Promise.resolve(samples);
  }
  const made = makeImages({
    ...{ model, painter: slowPainter(4, { now: 0, most: 0 }), resultCache: undefined, task, pictures: pictures() },
    ...{ sinks: [sink], labeller: undefined, verdict: () => undefined, onImage: () => undefined, signal: undefined },
  });
  await expect(made).rejects.toThrow("the disk is full");
  expect(accepted).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("threads of their own are for many pictures of a small network", () => {
  const graph = () => compileSynthesis(model, { rows: 1, layout: "nchw", noise: "const" });
  expect(chooseAtOnce(1000, 2, graph)).toBe(2);
  expect(chooseAtOnce(16, 2, graph)).toBe(1);
  expect(chooseAtOnce(1000, 1, graph)).toBe(1);
  const shape = [1, 512, 512, 64];
  const large = {
    nodes: [
      { op: { kind: "input", name: "ws" }, inputs: [], shape },
      { op: { kind: "unary", fn: "exp" }, inputs: [0], shape },
    ],
    inputs: [{ name: "ws", node: 0 }],
    outputs: [{ name: "pixels", node: 1 }],
  } as const;
  expect(chooseAtOnce(1000, 2, () => large)).toBe(1);
});
