import { describe, expect, test } from "vitest";
import { latentName } from "../../src/compiler/build/training.js";
import { loadTrainingData } from "../../src/learn/train/data.js";
import { fillLatents, Minibatches } from "../../src/learn/train/minibatch.js";
import { planTraining } from "../../src/learn/train/plan.js";
import { DEFAULTS } from "../../src/learn/train/settings.js";
import { expectClose } from "../support/close.js";
import { labelledData } from "../support/labelled-data.js";
import { memoryHost } from "../support/memory-host.js";

const data = await loadTrainingData(memoryHost({ "/d": labelledData() }), "/d", { space: "w" });
const settings = { ...DEFAULTS, batch: 64, noise: 1.3, seed: 2 };
const plan = planTraining(data, settings);
const take = (step: number, more: object = {}) => {
  const inputs = new Minibatches(data, plan, { ...settings, ...more }).fill(3, step);
  return [inputs[latentName("class")]!, inputs[latentName("scalar")]!] as const;
};

describe("minibatches", () => {
  test("are the latents themselves without noise", () => {
    const [classes, scalars] = take(1, { noise: 0 });
    expect(scalars).toEqual(classes);
    const all = new Set<string>();
    const x = new Float32Array(data.width);
    for (const row of plan.split.train) {
      fillLatents(x, data, plan, [row]);
      all.add(x.join());
    }
    for (let k = 0; k < 64; k++) expect(all).toContain(classes.subarray(k * data.width, (k + 1) * data.width).join());
  });

  test("add noise for classes, half of it for scalars, anew at each step", () => {
    const [still] = take(1, { noise: 0 });
    const [classes, scalars] = take(1);
    const noise = classes.map((v, i) => v - still[i]!);
    expectClose(
      scalars.map((v, i) => v - still[i]!),
      noise.map((v) => v / 2),
      { abs: 1e-5, rel: 1e-4 },
    );
    const spread = Math.sqrt(noise.reduce((sum, v) => sum + v * v, 0) / noise.length);
    expect(spread).toBeGreaterThan(0.5 * (1.3 / Math.sqrt(3))); // sizes even from 0 to 1.3
    expect(spread).toBeLessThan(1.5 * (1.3 / Math.sqrt(3)));
    expect(take(1)[0]).toEqual(classes);
    expect(take(2)[0]).not.toEqual(classes);
  });
});
