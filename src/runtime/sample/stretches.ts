// A flow that some terms join on its way: stretch after stretch, each from where the last ended.
// In: the fields of the stretches, and when each ends. Out: as of one flow: the states at its end, what all of it took.
// Invariants: a sample that left the finite numbers stays where it was; steps begin anew where terms join, since the field jumps there; fixed steps are
// shared out by the length of the stretches, one at least for each.
import { TAU_END } from "../../compiler/sampling/diffusion.js";
import type { SampleStats, SolveProgress } from "../ode/solution.js";
import type { Field } from "./field.js";
import { followFlow, type FlowOptions } from "./ode.js";
import type { SamplingResult } from "./result.js";

export interface StretchesOptions extends FlowOptions {
  /** What is followed before the last field, in order: until which tau. */
  readonly early: readonly { readonly until: number; readonly field: Field }[];
}

/** Follows all stretches. Shapes: z0 [B, dim] -> z [B, dim], logp [B] of the last field. Numerical failure is a status. */
export async function followStretches({ early, ...options }: StretchesOptions): Promise<SamplingResult> {
  if (early.length === 0) return followFlow(options);
  const { field, sampler, onProgress } = options;
  const end = sampler.tau ?? TAU_END;
  const stretches = [...early, { until: end, field }];
  let before: SamplingResult | undefined;
  let tau = 0;
  for (const stretch of stretches) {
    const length = stretch.until - tau;
    const [from, spent] = [tau / end, before?.evaluations ?? 0];
    const steps = sampler.steps === undefined ? undefined : Math.max(1, Math.round((sampler.steps * length) / end));
    const now: SamplingResult = await followFlow({
      ...options,
      ...{ field: stretch.field, z0: before?.z ?? options.z0 },
      sampler: { ...sampler, tau: length, ...(steps !== undefined && { steps }) },
      ...(onProgress && {
        onProgress: (progress: SolveProgress) => {
          const { fraction, evaluations } = progress;
          onProgress({
            ...progress,
            // Nobody has ended before the last stretch.
            finished: stretch.until === end ? progress.finished : 0,
            fraction: from + (fraction * length) / end,
            evaluations: spent + evaluations,
          });
        },
      }),
    });
    before = before === undefined ? now : joined(before, now, field.dim);
    tau = stretch.until;
  }
  return before ?? followFlow(options);
}

/** What two stretches come to. */
function joined(before: SamplingResult, now: SamplingResult, dim: number): SamplingResult {
  const [z, logp] = [now.z.slice(), now.logp.slice()];
  const samples = now.samples.map((own, i): SampleStats => {
    const was = before.samples[i] ?? own;
    if (was.status === "non-finite") {
      z.set(before.z.subarray(i * dim, (i + 1) * dim), i * dim);
      logp[i] = NaN;
    }
    return {
      status: was.status === "non-finite" || own.status === "done" ? was.status : own.status,
      steps: was.steps + own.steps,
      accepted: was.accepted + own.accepted,
      rejected: was.rejected + own.rejected,
      evaluations: was.evaluations + own.evaluations,
    };
  });
  return { z, logp, samples, evaluations: before.evaluations + now.evaluations };
}
