// Unadjusted Langevin dynamics on the joint energy log p(c|z) - |z|^2 / 2 (docs/language.md, samplers).
//
//   z <- z + step grad(log p(c|z) - |z|^2 / 2) + noise xi, xi ~ N(0, I)
import type { Sampler } from "../../compiler/plan.js";
import type { NoiseSource } from "./noise-source.js";
import type { SamplingResult } from "./result.js";
import { walk, type WalkOptions } from "./stochastic.js";

export type LangevinSampler = Extract<Sampler, { kind: "langevin" }>;

export interface LangevinOptions extends WalkOptions {
  readonly sampler: LangevinSampler;
  /** Asked for purpose "langevin", slot 0, once a step. */
  readonly noise: NoiseSource;
}

/** Shapes: z0 [B, dim] -> z [B, dim], logp [B]. One evaluation a step. */
export function sampleLangevin(options: LangevinOptions): Promise<SamplingResult> {
  const { sampler, noise, field } = options;
  const xi = new Float64Array(options.z0.length);
  return walk(options, sampler.steps, (k, z, score, active) => {
    noise(k, "langevin", 0, xi);
    for (let c = 0; c < z.length; c++) {
      if (active[Math.floor(c / field.dim)] !== 1) continue;
      z[c] = (z[c] ?? 0) + sampler.step * (score[c] ?? 0) + sampler.noise * (xi[c] ?? 0);
    }
  });
}
