// Langevin dynamics and the predictor-corrector on the reference's recorded noise, with its means over the batch.
import { describe, expect, test } from "vitest";
import { openEngine } from "../../src/node/engines/open.js";
import { sampleLangevin } from "../../src/runtime/sample/langevin.js";
import type { NoiseSource } from "../../src/runtime/sample/noise-source.js";
import type { Field } from "../../src/runtime/sample/field.js";
import { samplePc } from "../../src/runtime/sample/pc.js";
import { engineField, goldenGradient, interpretedField, rowDistances } from "../support/golden-energy.js";
import { GOLDEN_PRESENT, loadGoldenLace, type GoldenCase, type GoldenLace } from "../support/golden.js";

/** The recorded noise [steps, vectors, B, dim]: vector 0 is the predictor's or Langevin's own, the others the correctors'. */
function recordedNoise(golden: GoldenLace, key: string, vectors: number): NoiseSource {
  const { data } = golden.expected(`${key}.noise`);
  const size = golden.expected(`${key}.z0`).data.length;
  return (step, purpose, slot, out) => {
    const vector = purpose === "corrector" ? 1 + slot : 0;
    const start = (step * vectors + vector) * size;
    out.set(data.subarray(start, start + size));
  };
}

// The reference is float32. The correctors' steps blow its rounding up across kinks of the heads: the interpreter and onnx-cpu, which
// differ in rounding alone, end 1e-4 apart in the predictor-corrector on lace-tiny (of z's RMS of 1 to 2), and 4e-4 from the reference.
const WITHIN = {
  "lace-tiny": { langevin: 1e-6, pc: 1e-3 },
  "lace-ffhq-scale": { langevin: 1e-6, pc: 5e-5 },
};

/** RMS distance over dim from the reference's end, of the farthest sample. */
async function farthest(golden: GoldenLace, key: "langevin" | "pc", field: Field): Promise<number> {
  const z0 = golden.expected(`${key}.z0`).data;
  const { steps } = golden[key];
  const { z, samples } =
    key === "langevin"
      ? await sampleLangevin({
          field,
          z0,
          sampler: { kind: "langevin", steps, step: golden.langevin.step, noise: golden.langevin.noise },
          noise: recordedNoise(golden, key, 1),
        })
      : await samplePc({
          field,
          z0,
          sampler: { kind: "pc", steps, corrector: golden.pc.corrector, snr: golden.pc.snr },
          noise: recordedNoise(golden, key, 1 + golden.pc.corrector),
          norms: "batch",
        });
  expect(samples.map((s) => s.status)).toEqual(samples.map(() => "done"));
  const distances = rowDistances(z, golden.expected(`${key}.z_final`).data, field.dim);
  return Math.max(...distances);
}

describe.skipIf(!GOLDEN_PRESENT).each(["lace-tiny", "lace-ffhq-scale"] as const)(
  "the recorded noise of %s (skipped without ../shared/golden)",
  (dir) => {
    test.each(["langevin", "pc"] as const)("%s ends where the reference ended", async (key) => {
      const golden = await loadGoldenLace(dir);
      const c: GoldenCase = golden.cases.find((x) => x.name === golden[key].case)!;
      expect(await farthest(golden, key, interpretedField(golden, c))).toBeLessThan(WITHIN[dir][key]);
      const engine = await openEngine("onnx-cpu");
      const gradient = await engine.compile(goldenGradient(golden, c, c.batch));
      expect(await farthest(golden, key, engineField(golden, c, gradient))).toBeLessThan(WITHIN[dir][key]);
      await gradient.dispose();
      await engine.dispose();
    });
  },
);
