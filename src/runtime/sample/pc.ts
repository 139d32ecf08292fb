// The predictor-corrector sampler of the VP SDE, in N steps k = 0 .. N - 1 (docs/language.md, samplers).
//
//   betas = linspace(bmin / N, bmax / N, N), alphas = 1 - betas, i = floor(t_k (N - 1)), t_k = linspace(1, 1e-3, N)[k]
//   s = grad(log p(c|z) - |z|^2 / 2) at the current z, used by the predictor and all its correctors
//   predictor   z <- (2 - sqrt(alphas_i)) z + betas_i s + sqrt(betas_i) xi_0
//   corrector j z <- z + h s + sqrt(2 h) xi_j, h = 2 alphas_i (snr |xi_j| / |s|)^2
//
// Norms are each sample's own, so a sample does not depend on its batch; `norms: "batch"` takes means over the batch, as the
// reference does.
import type { Sampler } from "../../compiler/plan.js";
import { pcSchedule } from "../../compiler/sampling/diffusion.js";
import type { NoiseSource } from "./noise-source.js";
import type { SamplingResult } from "./result.js";
import { walk, type WalkOptions } from "./stochastic.js";

export type PcSampler = Extract<Sampler, { kind: "pc" }>;

export interface PcOptions extends WalkOptions {
  readonly sampler: PcSampler;
  /** Asked for purpose "predictor", slot 0, then "corrector", slots 0, 1, ..., in each step. */
  readonly noise: NoiseSource;
  readonly norms?: "sample" | "batch";
}

/** Shapes: z0 [B, dim] -> z [B, dim], logp [B]. One evaluation a step. */
export function samplePc(options: PcOptions): Promise<SamplingResult> {
  const { noise, field, norms = "sample" } = options;
  const { steps, corrector, snr } = options.sampler;
  const { dim } = field;
  const xi = new Float64Array(options.z0.length);

  return walk(options, steps, (k, z, score, active) => {
    const { alpha, beta } = pcSchedule(steps, k);
    const grow = 2 - Math.sqrt(alpha);
    noise(k, "predictor", 0, xi);
    eachActive(active, dim, (c) => {
      z[c] = grow * (z[c] ?? 0) + beta * (score[c] ?? 0) + Math.sqrt(beta) * (xi[c] ?? 0);
    });
    const scoreNorms = rowNorms(score, active, dim, norms);
    for (let j = 0; j < corrector; j++) {
      noise(k, "corrector", j, xi);
      const noiseNorms = rowNorms(xi, active, dim, norms);
      eachActive(active, dim, (c, row) => {
        const h = 2 * alpha * ((snr * (noiseNorms[row] ?? 0)) / (scoreNorms[row] ?? 1)) ** 2;
        z[c] = (z[c] ?? 0) + h * (score[c] ?? 0) + Math.sqrt(2 * h) * (xi[c] ?? 0);
      });
    }
  });
}

function eachActive(active: Uint8Array, dim: number, visit: (c: number, row: number) => void): void {
  for (let row = 0; row < active.length; row++) {
    if (active[row] === 1) for (let c = row * dim; c < (row + 1) * dim; c++) visit(c, row);
  }
}

/** Euclidean norm of each active row; with "batch", their mean in every place. */
function rowNorms(x: Float64Array, active: Uint8Array, dim: number, norms: "sample" | "batch"): Float64Array {
  const squares = new Float64Array(active.length);
  eachActive(active, dim, (c, row) => {
    squares[row] = (squares[row] ?? 0) + (x[c] ?? 0) ** 2;
  });
  const each = squares.map(Math.sqrt);
  if (norms === "sample") return each;
  const running = active.reduce((sum, a) => sum + a, 0);
  return each.fill(each.reduce((sum, norm) => sum + norm, 0) / Math.max(1, running));
}
