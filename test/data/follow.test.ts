import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDrawer } from "../../src/learn/label/draw-rows.js";
import { wishesOf } from "../../src/learn/label/follow.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { joinTrainingData, loadTrainingData } from "../../src/learn/train/data.js";
import { expectClose } from "../support/close.js";
import { headRow, mapRow, rowOf } from "../support/dense.js";
import { labelledData } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";
import { RANDOM_ATTRIBUTES, randomModel } from "../support/model.js";

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu", { threads: 1, spinning: false });
});
afterAll(() => engine.dispose());

describe("rows that follow the flow of the heads", () => {
  const model = randomModel();
  const { zDim, wDim } = model.info;
  const settings = { seed: 5, truncation: [0.5, 1] as const, jitter: 0 };

  test("are the w of the z where they end, whatever piece they are drawn in", async () => {
    const drawer = await openDrawer(model, engine, { ...settings, follow: 1 });
    const all = await drawer.draw(0, 6);
    const part = await drawer.draw(2, 3);
    expect(part.w).toEqual(all.w.subarray(2 * wDim, 5 * wDim));
    expect(part.z).toEqual(all.z.subarray(2 * zDim, 5 * zDim));
    for (let row = 0; row < 6; row++) {
      const w = mapRow(model.weights, rowOf(all.z, row, zDim), all.truncation[row]!);
      expectClose(rowOf(all.w, row, wDim), w, { abs: 1e-4, rel: 1e-4 });
    }
    await drawer.dispose();
  });

  test("come nearer to their wishes", async () => {
    const one = randomModel({ attributes: RANDOM_ATTRIBUTES.slice(0, 1) });
    const rows = Array.from({ length: 32 }, (_, i) => i);
    const { inputs } = wishesOf(one.info.attributes, settings.seed, rows);
    const logProbs = async (follow: number): Promise<number[]> => {
      const drawer = await openDrawer(one, engine, { ...settings, follow });
      const { w } = await drawer.draw(0, 32);
      await drawer.dispose();
      return rows.map((row) => {
        const logits = headRow(one.weights, 0, rowOf(w, row, wDim));
        const wish = rowOf(inputs["target0"]!, row, 2).indexOf(1);
        return logits[wish]! - Math.log(Math.exp(logits[0]!) + Math.exp(logits[1]!));
      });
    };
    const [before, after] = [await logProbs(0), await logProbs(1)];
    const nearer = rows.filter((row) => after[row]! > before[row]!);
    expect(nearer.length).toBeGreaterThanOrEqual(30);
  });
});

test("data files are trained on together if they are of one kind", async () => {
  const host = memoryHost({
    "/a": labelledData({ rows: 60, probs: true }),
    "/b": labelledData({ rows: 40, seed: 2 }),
    "/c": labelledData({ rows: 40, wDim: 9 }),
  });
  const [a, b, c] = await Promise.all(["/a", "/b", "/c"].map((f) => loadTrainingData(host, f, { space: "w" })));
  const both = await joinTrainingData(host, [a!, b!]);
  expect([both.rows, both.latents.length, both.columns[0]!.labels.length]).toEqual([100, 800, 100]);
  expect([...both.columns[1]!.labels.subarray(60)]).toEqual([...b!.columns[1]!.labels]);
  expect(both.columns[0]!.probs).toBeUndefined();
  expect(await joinTrainingData(host, [a!])).toBe(a);
  await expect(joinTrainingData(host, [a!, c!])).rejects.toThrow(
    /L5321: \/c: its latents have 9 numbers, those of \/a 8/,
  );
});
