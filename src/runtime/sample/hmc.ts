// Hamiltonian Monte Carlo on the posterior N(z; 0, I) p(c | z), tempered: it begins at a draw of the prior and lets the condition grow.
// In: a field, starts, noise. Out: a SamplingResult; accepted and rejected count proposals.
// Invariants: step size, momentum and acceptance are each sample's own, so a sample depends neither on its batch nor on its shard; after the adaptation the step
// size stays, so that the rest of the chain keeps the posterior; a proposal that is not finite is rejected.
//
//   target of step k   beta_k log p(c|z) - |z|^2 / 2, beta_k = min(1, (k + 1) / (temper steps))
//   proposal           `leaps` leapfrog steps of size e from momentum p ~ N(0, I)
//   acceptance         with probability min(1, exp(H(z, p) - H(z', p'))); -log of a uniform number is (n0^2 + n1^2) / 2 of two normal ones
//   adaptation         log e grows by RATE (acceptance - TARGET), until half of what follows the tempering is over
//
// Source: Neal, "MCMC using Hamiltonian dynamics" (2011), sections 3 and 5.7; the target of acceptance as Beskos et al. (2013) advise, rounded up.
import type { Sampler } from "../../compiler/plan.js";
import { FIRST_SIZE, hmcSchedule, RATE, TARGET, VARIATION } from "../../compiler/sampling/hmc-adaptation.js";
import type { SampleStatus } from "../../compiler/sampling/status.js";
import { isFiniteRow } from "../ode/rows.js";
import { summarizeChain } from "./chains.js";
import type { NoiseSource } from "./noise-source.js";
import type { SampledStats, SamplingResult } from "./result.js";
import type { WalkOptions } from "./stochastic.js";

export type HmcSampler = Extract<Sampler, { kind: "hmc" }>;

export interface HmcOptions extends WalkOptions {
  readonly sampler: HmcSampler;
  /** Asked for purpose "hmc" once a step: slot 0 the momentum, of slots 1 and 2 the first numbers decide, that of slot 3 varies the step size. */
  readonly noise: NoiseSource;
}

/** Shapes: z0 [B, dim] -> z [B, dim], logp [B]. `leaps` evaluations a step, and one at the start. */
export async function sampleHmc({
  field,
  z0,
  sampler,
  noise,
  paths,
  onProgress,
  signal,
}: HmcOptions): Promise<SamplingResult> {
  const { steps, leaps } = sampler;
  const { dim } = field;
  const batch = z0.length / dim;
  const state = { z: z0.slice(), gradient: new Float64Array(z0.length), logp: new Float64Array(batch).fill(NaN) };
  const trial = { z: z0.slice(), gradient: new Float64Array(z0.length), logp: new Float64Array(batch) };
  const momentum = new Float64Array(z0.length);
  const deciding = [1, 2, 3].map(() => new Float64Array(z0.length)) as [Float64Array, Float64Array, Float64Array];
  const used = new Float64Array(batch);
  const before = new Float64Array(batch);
  const sizes = new Float64Array(batch).fill(FIRST_SIZE);
  const active = new Uint8Array(batch).fill(1);
  const status = new Array<SampleStatus>(batch).fill("done");
  const traces = Array.from({ length: batch }, (): number[] => []);
  const [accepted, rejected] = [new Int32Array(batch), new Int32Array(batch)];
  const evaluations = new Int32Array(batch);
  let calls = 0;
  const evaluate = async ({ z, gradient, logp }: typeof state): Promise<void> => {
    await field.evaluate(z, active, gradient, logp);
    calls += 1;
    for (let i = 0; i < batch; i++) evaluations[i] = (evaluations[i] ?? 0) + (active[i] ?? 0);
  };
  /** beta log p - |z|^2 / 2 - |p|^2 / 2: minus the Hamiltonian. */
  const levelOf = ({ z, logp }: typeof state, i: number, beta: number): number => {
    let squares = 0;
    for (let c = i * dim; c < (i + 1) * dim; c++) squares += (z[c] ?? 0) ** 2 + (momentum[c] ?? 0) ** 2;
    return beta * (logp[i] ?? NaN) - squares / 2;
  };
  const push = (i: number, beta: number, part: number): void => {
    const size = part * (used[i] ?? 0);
    for (let c = i * dim; c < (i + 1) * dim; c++)
      momentum[c] = (momentum[c] ?? 0) + size * (beta * (trial.gradient[c] ?? 0) - (trial.z[c] ?? 0));
  };

  await evaluate(state);
  for (let i = 0; i < batch; i++) {
    if (isFiniteRow(state.gradient, i * dim, dim)) continue;
    active[i] = 0;
    status[i] = "non-finite";
  }
  for (let k = 0; k < steps && active.includes(1); k++) {
    if (signal?.aborted === true) {
      for (let i = 0; i < batch; i++) if (active[i] === 1) status[i] = "stopped";
      break;
    }
    const { beta, adapts } = hmcSchedule(sampler, k);
    noise(k, "hmc", 0, momentum);
    deciding.forEach((numbers, slot) => {
      noise(k, "hmc", 1 + slot, numbers);
    });
    const awake = [...active.keys()].filter((i) => active[i] === 1);
    trial.z.set(state.z);
    trial.gradient.set(state.gradient);
    for (const i of awake) {
      before[i] = levelOf(state, i, beta);
      used[i] = (sizes[i] ?? 0) * Math.exp(VARIATION * Math.max(-2, Math.min(2, deciding[2][i * dim] ?? 0)));
      push(i, beta, 0.5);
    }
    for (let leap = 0; leap < leaps; leap++) {
      for (const i of awake)
        for (let c = i * dim; c < (i + 1) * dim; c++)
          trial.z[c] = (trial.z[c] ?? 0) + (used[i] ?? 0) * (momentum[c] ?? 0);
      await evaluate(trial);
      for (const i of awake) push(i, beta, leap + 1 < leaps ? 1 : 0.5);
    }
    for (const i of awake) {
      const o = i * dim;
      const isGood = isFiniteRow(trial.gradient, o, dim) && isFiniteRow(trial.z, o, dim);
      const gain = isGood ? levelOf(trial, i, beta) - (before[i] ?? NaN) : -Infinity;
      const chance = Number.isNaN(gain) ? 0 : Math.min(1, Math.exp(gain));
      const threshold = ((deciding[0][o] ?? 0) ** 2 + (deciding[1][o] ?? 0) ** 2) / 2;
      if (chance > 0 && gain > -threshold) {
        accepted[i] = (accepted[i] ?? 0) + 1;
        state.z.set(trial.z.subarray(o, o + dim), o);
        state.gradient.set(trial.gradient.subarray(o, o + dim), o);
        state.logp[i] = trial.logp[i] ?? NaN;
        paths?.[i]?.add(state.z.subarray(o, o + dim));
      } else rejected[i] = (rejected[i] ?? 0) + 1;
      if (!adapts) {
        const end = state.z.subarray(o, o + dim);
        traces[i]?.push((state.logp[i] ?? NaN) - end.reduce((sum, x) => sum + x * x, 0) / 2);
      }
      if (adapts) sizes[i] = (sizes[i] ?? 0) * Math.exp(RATE * (chance - TARGET));
    }
    const ended = batch - awake.length;
    const fraction = (ended + (awake.length * (k + 1)) / steps) / Math.max(1, batch);
    onProgress?.({ finished: k + 1 === steps ? batch : ended, total: batch, fraction, evaluations: calls });
  }
  return {
    z: state.z,
    logp: state.logp,
    evaluations: calls,
    samples: status.map((s, i): SampledStats => {
      const [yes, no] = [accepted[i] ?? 0, rejected[i] ?? 0];
      const chain = summarizeChain(traces[i] ?? []);
      const stats = { steps: yes + no, accepted: yes, rejected: no, evaluations: evaluations[i] ?? 0 };
      return { status: s, ...stats, ...(chain !== undefined && { chain }) };
    }),
  };
}
