// Sampling by the probability-flow ODE of the VP diffusion, in which the prior cancels (docs/language.md, samplers).
// In: a gradient field and starts z0 ~ N(0, I). Out: samples of the joint energy, with a status each.
//
//   dz/dt = -1/2 beta(t) grad log p(c|z), beta(t) = BETA_MIN + (BETA_MAX - BETA_MIN) t, t from 1 to T_END
//
// With tau(t) = 1/2 integral of beta from t to 1 this is the autonomous gradient flow dz/dtau = grad log p, tau from 0 to
// TAU_END. Per-sample control integrates that; batch control integrates in t, as the published figures did.
// Source: Nie, Vahdat, Anandkumar, NeurIPS 2021 (arXiv 2110.10873), section 3.2.
import type { Executable } from "../../compiler/graph/graph.js";
import type { Sampler } from "../../compiler/plan.js";
import { BETA_MAX, BETA_MIN, FIXED_STEPS, TAU_END, T_END } from "../../compiler/sampling/diffusion.js";
import { solve } from "../ode/solver.js";
import type { AcceptedStep, SampleStats, TakenStep } from "../ode/solution.js";
import { TABLEAUS } from "../../compiler/sampling/tableaus.js";
import type { Term } from "../ode/term.js";
import { tiledField, type Field, type JacobianTerm } from "./field.js";
import type { Path } from "./path.js";
import type { SolveProgress } from "../ode/solution.js";
import type { SamplingResult } from "./result.js";

export type OdeSampler = Extract<Sampler, { kind: "ode" }>;

export interface FlowOptions {
  readonly field: Field;
  /** [B, field.dim]; not changed. */
  readonly z0: Float64Array;
  readonly sampler: OdeSampler;
  /** One for each sample, to be filled with its way. */
  readonly paths?: readonly Path[];
  /** Told of each accepted step of each sample, by its place in the batch. */
  readonly onStep?: (sample: number, step: TakenStep) => void;
  readonly onProgress?: (progress: SolveProgress) => void;
  readonly signal?: AbortSignal;
}

export interface SampleOdeOptions extends Omit<FlowOptions, "field"> {
  /** Inputs z [rows, zDim]; outputs logp [rows], grad [rows, zDim]. */
  readonly gradient: Executable;
  /** What linearly implicit solvers need beside it. */
  readonly jacobian?: JacobianTerm;
  readonly rows: number;
  readonly zDim: number;
  /** Index of each sample in its seed's sequence (its tile and row); default 0, 1, 2, ... */
  readonly samples?: readonly number[];
}

/** Follows the flow with a compiled gradient. Shapes: z0 [B, zDim] -> z [B, zDim], logp [B]. */
export function sampleOde({
  gradient,
  jacobian,
  rows,
  zDim,
  samples,
  ...rest
}: SampleOdeOptions): Promise<SamplingResult> {
  const indices = samples ?? Array.from({ length: rest.z0.length / zDim }, (_, i) => i);
  return followFlow({
    ...rest,
    field: tiledField({ gradient, rows, zDim, lanes: indices, ...(jacobian && { jacobian }) }),
  });
}

/** Follows the flow of any field to its end. Shapes: z0 [B, dim] -> z [B, dim], logp [B]. Numerical failure is a status. */
export async function followFlow(options: FlowOptions): Promise<SamplingResult> {
  const { field, z0, sampler, paths, onStep, onProgress, signal } = options;
  const tableau = TABLEAUS[sampler.solver];
  const logp = new Float64Array(z0.length / field.dim).fill(NaN);
  const batch = sampler.control === "batch";
  const fixedSteps = sampler.steps ?? ("error" in tableau ? undefined : FIXED_STEPS);
  const solution = await solve({
    term: batch ? diffusionTerm(field, logp) : flowTerm(field, logp),
    y0: z0,
    t0: batch ? 1 : 0,
    t1: batch ? T_END : (sampler.tau ?? TAU_END),
    tableau,
    control: sampler.control,
    rtol: sampler.rtol,
    atol: sampler.atol,
    stepRule: batch ? "torchdiffeq" : sampler.stepControl,
    maxSteps: sampler.maxSteps,
    givesUp: sampler.patient !== true,
    ...(sampler.within !== undefined && !batch && { value: { at: logp, within: sampler.within } }),
    ...(fixedSteps !== undefined && { fixedSteps }),
    ...((paths !== undefined || onStep !== undefined) && {
      onAccepted: (step: AcceptedStep) => {
        paths?.[step.sample]?.addStep(step);
        onStep?.(step.sample, { h: step.h, logp: logp[step.sample] ?? NaN });
      },
    }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  });
  // A finished sample's last evaluation was at its end if the tableau evaluates there; the others need one more.
  const missing = Uint8Array.from(solution.samples, (s) => (tableau.firstSameAsLast && s.status === "done" ? 0 : 1));
  for (const i of missing.keys()) if (missing[i] === 1) logp[i] = NaN;
  const ended = { z: solution.y, logp };
  if (!missing.includes(1) || signal?.aborted === true) {
    return { ...ended, samples: solution.samples, evaluations: solution.evaluations };
  }
  await field.evaluate(solution.y, missing, new Float64Array(z0.length), logp);
  return {
    ...ended,
    samples: solution.samples.map((s, i): SampleStats => ({ ...s, evaluations: s.evaluations + (missing[i] ?? 0) })),
    evaluations: solution.evaluations + 1,
  };
}

/** dz/dtau = grad log p. */
function flowTerm(field: Field, logp: Float64Array): Term {
  const { dim, gaussNewton } = field;
  const term: Term = { dim, evaluate: (_tau, z, active, out) => field.evaluate(z, active, out, logp) };
  if (gaussNewton === undefined) return term;
  const { cost } = gaussNewton;
  return {
    ...term,
    linear: {
      cost,
      evaluate: (_tau, z, active, out) => gaussNewton.evaluate(z, active, out, logp),
      solve: (sample, a, x) => gaussNewton.solve(sample, a, x),
    },
  };
}

/** dz/dt = -1/2 beta(t) grad log p. */
function diffusionTerm(field: Field, logp: Float64Array): Term {
  const { dim, gaussNewton } = field;
  const scale = (t: Float64Array, active: Uint8Array, out: Float64Array): void => {
    for (let i = 0; i < active.length; i++) {
      if (active[i] !== 1) continue;
      const factor = speedAt(t[i] ?? 0);
      for (let c = i * dim; c < (i + 1) * dim; c++) out[c] = factor * (out[c] ?? 0);
    }
  };
  const term: Term = {
    dim,
    async evaluate(t, z, active, out) {
      await field.evaluate(z, active, out, logp);
      scale(t, active, out);
    },
  };
  if (gaussNewton === undefined) return term;
  const speeds = new Float64Array(logp.length);
  const { cost } = gaussNewton;
  return {
    ...term,
    linear: {
      cost,
      async evaluate(t, z, active, out) {
        await gaussNewton.evaluate(z, active, out, logp);
        scale(t, active, out);
        for (let i = 0; i < active.length; i++) if (active[i] === 1) speeds[i] = speedAt(t[i] ?? 0);
      },
      solve: (sample, a, x) => gaussNewton.solve(sample, a * (speeds[sample] ?? 0), x),
    },
  };
}

/** dtau/dt */
function speedAt(t: number): number {
  return -0.5 * (BETA_MIN + (BETA_MAX - BETA_MIN) * t);
}
