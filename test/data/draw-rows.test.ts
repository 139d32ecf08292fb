import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDrawer } from "../../src/learn/label/draw-rows.js";
import type { Engine } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { expectClose } from "../support/close.js";
import { mapRow, rowOf } from "../support/dense.js";
import { randomModel } from "../support/model.js";

const model = randomModel();
const { zDim, wDim } = model.info;
let engine: Engine;
beforeAll(async () => {
  engine = await openEngine("onnx-cpu");
});
afterAll(() => engine.dispose());

describe("rows to be labelled", () => {
  test("row i is sample i of the seed, mapped with its own truncation", async () => {
    const drawer = await openDrawer(model, engine, { seed: 5, truncation: [0.4, 0.9], jitter: 0 });
    const rows = await drawer.draw(10, 20);
    await drawer.dispose();
    const indices = Array.from({ length: 20 }, (_, i) => 10 + i);
    expectClose(rows.z, Float32Array.from(drawLatents(5, indices, zDim)), { abs: 0, rel: 0 });
    for (let row = 0; row < 20; row++) {
      const wanted = mapRow(model.weights, rowOf(rows.z, row, zDim), rows.truncation[row]!);
      expectClose(rowOf(rows.w, row, wDim), wanted, { abs: 1e-5, rel: 1e-4 });
    }
    expect(Math.min(...rows.truncation)).toBeGreaterThanOrEqual(0.4);
    expect(Math.max(...rows.truncation)).toBeLessThanOrEqual(0.9);
    expect(new Set(rows.truncation).size).toBe(20);
    expect([...rows.jitter]).toEqual(Array.from({ length: 20 }, () => 0));
  });

  test("a row has the same bits wherever a run begins", async () => {
    const drawer = await openDrawer(model, engine, { seed: 5, truncation: [0.5, 1], jitter: 0.4 });
    const all = await drawer.draw(0, 40);
    const some = await drawer.draw(23, 9);
    await drawer.dispose();
    expect(some.w).toEqual(all.w.slice(23 * wDim, 32 * wDim));
    expect(some.truncation).toEqual(all.truncation.slice(23, 32));
  });

  test("jitter adds noise of the deviation that the row names, at most `jitter` deviations of w", async () => {
    const still = await openDrawer(model, engine, { seed: 5, truncation: [1, 1], jitter: 0 });
    const moved = await openDrawer(model, engine, { seed: 5, truncation: [1, 1], jitter: 2 });
    const n = 400;
    const [a, b] = [await still.draw(0, n), await moved.draw(0, n)];
    await still.dispose();
    await moved.dispose();
    let squares = 0;
    for (let row = 0; row < n; row++)
      for (let k = 0; k < wDim; k++) squares += ((b.w[row * wDim + k]! - a.w[row * wDim + k]!) / b.jitter[row]!) ** 2;
    expectClose(squares / (n * wDim), 1, { abs: 0.1, rel: 0 });
    const means = Array.from({ length: wDim }, (_, k) => rowSum(a.w, k) / n);
    const spread = Math.sqrt(
      means.reduce(
        (sum, m, k) =>
          sum +
          rowSum(
            a.w.map((v) => v * v),
            k,
          ) /
            n -
          m * m,
        0,
      ) / wDim,
    );
    expect(Math.max(...b.jitter)).toBeLessThan(2.2 * spread);
    expect(Math.max(...b.jitter)).toBeGreaterThan(1.6 * spread);
  });

  test("a model without mapping is not truncated: its w is z", async () => {
    const plain = randomModel({ zDim: 8, wDim: 8 });
    const weights = { zDim: 8, heads: plain.weights.heads };
    for (const jitter of [0, 0.4]) {
      const drawer = await openDrawer({ ...plain, weights }, engine, { seed: 5, truncation: [0.5, 1], jitter });
      const rows = await drawer.draw(0, 3);
      await drawer.dispose();
      expect(rows.w).toEqual(rows.z);
      expect([...rows.truncation]).toEqual([1, 1, 1]);
    }
  });
});

function rowSum(w: Float32Array, k: number): number {
  let sum = 0;
  for (let i = k; i < w.length; i += wDim) sum += w[i]!;
  return sum;
}
