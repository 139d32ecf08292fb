// What Langevin dynamics and the predictor-corrector share: N steps in lockstep, each from the score at the current state.
// In: a field, starts, a step that moves one row. Out: a SamplingResult.
// Invariants: a sample whose score is not finite ends there with its state kept; the others go on.
import { isFiniteRow } from "../ode/rows.js";
import type { SampleStatus } from "../../compiler/sampling/status.js";
import type { SampleStats } from "../ode/solution.js";
import type { Field } from "./field.js";
import type { Path } from "./path.js";
import type { SolveProgress } from "../ode/solution.js";
import type { SamplingResult } from "./result.js";

export interface WalkOptions {
  readonly field: Field;
  /** [B, field.dim]; not changed. */
  readonly z0: Float64Array;
  /** One for each sample, to be filled with its way. */
  readonly paths?: readonly Path[];
  readonly onProgress?: (progress: SolveProgress) => void;
  readonly signal?: AbortSignal;
}

/** Moves the active rows of z (in place) by step k, given the score s = grad(log p(c|z) - |z|^2 / 2). */
export type WalkStep = (k: number, z: Float64Array, score: Float64Array, active: Uint8Array) => void;

/** Runs `steps` steps; one evaluation each, and a last one for log p at the end. */
export async function walk(
  { field, z0, paths, onProgress, signal }: WalkOptions,
  steps: number,
  step: WalkStep,
): Promise<SamplingResult> {
  const { dim } = field;
  const batch = z0.length / dim;
  const z = z0.slice();
  const score = new Float64Array(z.length);
  const logp = new Float64Array(batch).fill(NaN);
  const active = new Uint8Array(batch).fill(1);
  const ended = new Array<SampleStatus>(batch).fill("done");
  const accepted = new Int32Array(batch);
  const evaluations = new Int32Array(batch);
  let calls = 0;
  const evaluate = async (): Promise<void> => {
    await field.evaluate(z, active, score, logp);
    calls += 1;
    for (let i = 0; i < batch; i++) evaluations[i] = (evaluations[i] ?? 0) + (active[i] ?? 0);
  };
  const endWhere = (status: SampleStatus, failed: (i: number) => boolean): void => {
    for (let i = 0; i < batch; i++) {
      if (active[i] !== 1 || !failed(i)) continue;
      active[i] = 0;
      ended[i] = status;
    }
  };

  for (let k = 0; k < steps && active.includes(1); k++) {
    if (signal?.aborted === true) {
      endWhere("stopped", () => true);
      break;
    }
    await evaluate();
    endWhere("non-finite", (i) => !isFiniteRow(score, i * dim, dim));
    for (let c = 0; c < z.length; c++) score[c] = (score[c] ?? 0) - (z[c] ?? 0);
    step(k, z, score, active);
    for (const [i, path] of paths?.entries() ?? []) if (active[i] === 1) path.add(z.subarray(i * dim, (i + 1) * dim));
    for (let i = 0; i < batch; i++) accepted[i] = (accepted[i] ?? 0) + (active[i] ?? 0);
    const running = active.reduce((sum, a) => sum + a, 0);
    const fraction = (batch - running + (running * (k + 1)) / steps) / Math.max(1, batch);
    onProgress?.({ finished: k + 1 === steps ? batch : batch - running, total: batch, fraction, evaluations: calls });
  }
  if (active.includes(1)) await evaluate();
  return {
    z,
    logp,
    evaluations: calls,
    samples: ended.map((status, i): SampleStats => {
      const n = accepted[i] ?? 0;
      return { status, steps: n, accepted: n, rejected: 0, evaluations: evaluations[i] ?? 0 };
    }),
  };
}
