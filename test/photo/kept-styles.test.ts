// What is read of a model's samples is kept: the second time nothing is computed, and the numbers are the same; of a conditional model they are of a class.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openEngine } from "../../src/node/engines/open.js";
import { nodeHost } from "../../src/node/host.js";
import type { Cache } from "../../src/ports/cache.js";
import { readStyles } from "../../src/runtime/draw/read-styles.js";
import { ResultCache } from "../../src/runtime/draw/result-cache.js";
import { surveyStyles } from "../../src/runtime/draw/survey.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu");
});
afterAll(() => engine.dispose());

function inMemory(): ResultCache {
  const kept = new Map<string, Uint8Array>();
  const cache: Cache = {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, bytes) => Promise.resolve(void kept.set(key, bytes)),
    close: () => Promise.resolve(),
    trouble: undefined,
  };
  return new ResultCache(cache, nodeHost(), "a model");
}

test("samples are read once, for each truncation", async () => {
  const resultCache = inMemory();
  const compile = vi.spyOn(engine, "compile");
  const first = await readStyles({ model, engine, truncation: 1, resultCache });
  const again = await readStyles({ model, engine, truncation: 1, resultCache });
  expect(compile).toHaveBeenCalledTimes(1);
  expect([again.w, again.said, again.spread]).toEqual([first.w, first.said, first.spread]);
  const without = await readStyles({ model, engine, truncation: 1 });
  expect([without.w, without.said]).toEqual([first.w, first.said]);
  const other = await readStyles({ model, engine, truncation: 0.5, resultCache });
  expect(other.w).not.toEqual(first.w);
});

test("what is kept of a conditional model's samples is of one class", async () => {
  const resultCache = inMemory();
  const { mapping } = model.weights;
  const [first, ...others] = mapping?.layers ?? [];
  if (mapping === undefined || first === undefined) throw new Error("a mapping is wanted");
  const bias = { ...first.bias, data: first.bias.data.map((x) => x + 1) };
  const ofClass = {
    ...model,
    weights: { ...model.weights, mapping: { ...mapping, layers: [{ ...first, bias }, ...others] } },
  };
  const all: Float32Array[][] = [];
  for (const own of [model, ofClass]) {
    const task = { model: own, engine, pictures: own, noise: "none" as const, resultCache };
    const { w } = await readStyles({ ...task, truncation: 1 });
    all.push([w, (await surveyStyles("p", task)).mean]);
  }
  expect(all[0]?.[0]).not.toEqual(all[1]?.[0]);
  expect(all[0]?.[1]).not.toEqual(all[1]?.[1]);
});
