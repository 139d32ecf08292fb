import { describe, expect, it } from "vitest";
import type { EnergyWeights, Tensor } from "../../src/compiler/weights.js";
import { GOLDEN_PRESENT, loadGoldenLace } from "../support/golden.js";

/** y = act(x W^T + b) in float64, one row. */
function dense(
  x: readonly number[],
  weight: Tensor,
  bias: Tensor,
  weightGain: number,
  biasGain: number,
  act: (v: number) => number,
): number[] {
  const inputs = x.length;
  return Array.from(bias.data, (b, o) =>
    act(x.reduce((sum, v, i) => sum + v * weight.data[o * inputs + i]! * weightGain, b * biasGain)),
  );
}
const leaky = (v: number): number => (v > 0 ? v : 0.2 * v);

function logits(weights: EnergyWeights, z: readonly number[], truncation: number, head: number): number[] {
  const mapping = weights.mapping!;
  const scale = 1 / Math.sqrt(z.reduce((s, v) => s + v * v, 0) / z.length + 1e-8);
  let x = z.map((v) => v * scale);
  for (const l of mapping.layers)
    x = dense(x, l.weight, l.bias, l.weightGain, l.biasGain, (v) => Math.SQRT2 * leaky(v));
  x = x.map((v, i) => mapping.wAverage.data[i]! + truncation * (v - mapping.wAverage.data[i]!));
  const layers = weights.heads[head]!.layers;
  layers.forEach((l, i) => (x = dense(x, l.weight, l.bias, 1, 1, i < layers.length - 1 ? leaky : (v) => v)));
  return x;
}

describe.skipIf(!GOLDEN_PRESENT)("LACE heads and mapping (skipped without ../shared/golden)", () => {
  for (const dir of ["lace-tiny", "lace-ffhq-scale"] as const) {
    it(`${dir} gives the reference's logits`, async () => {
      const golden = await loadGoldenLace(dir);
      for (const c of golden.cases) {
        const z0 = golden.expected(`${c.name}.z0`);
        const expected = golden.expected(`${c.name}.logits0`);
        const d = z0.shape[1]!;
        const columns = expected.shape[1]!;
        for (let row = 0; row < (dir === "lace-tiny" ? z0.shape[0]! : 1); row++) {
          const z = [...z0.data.subarray(row * d, (row + 1) * d)];
          const got = c.indices.flatMap((i) => logits(golden.weights, z, c.truncation, i));
          expect(got).toHaveLength(columns);
          got.forEach((v, k) =>
            expect(Math.abs(v - expected.data[row * columns + k]!), `${c.name} row ${row} column ${k}`).toBeLessThan(
              1e-5 * (1 + Math.abs(v)),
            ),
          );
        }
      }
    });
  }
});
