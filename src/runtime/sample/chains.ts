// What a chain of a Monte Carlo sampler is worth: effective sample size, and R-hat over the chains of a task.
// In: traces of log(p(c|z) N(z; 0, I)), one number a step, from where the chain keeps its target. Out: a ChainSummary for each; numbers about all.
// Invariant: a chain's summary depends on its own trace alone; what is said of all needs the summaries alone.
// Source: Vehtari, Gelman, Simpson, Carpenter, Bürkner, "Rank-normalization, folding, and localization" (2021), equations 1 to 3 and section 3.2 (without
// rank normalisation); Geyer, "Practical Markov chain Monte Carlo" (1992), section 3.3, the initial monotone sequence.

/** A trace in short. */
export interface ChainSummary {
  /** Numbers in the trace. */
  readonly length: number;
  /** Effective sample size of their mean. */
  readonly ess: number;
  /** Of each half (the middle one of an odd number is left out): mean, and variance with n - 1. */
  readonly halves: readonly { readonly mean: number; readonly variance: number }[];
}

/** Below this many numbers nothing is said of a trace. */
const LEAST = 8;

/** The summary of a trace; undefined if it is too short, or not finite. */
export function summarizeChain(trace: readonly number[]): ChainSummary | undefined {
  const n = trace.length;
  if (n < LEAST || !trace.every(Number.isFinite)) return undefined;
  const half = Math.floor(n / 2);
  return {
    length: n,
    ess: effectiveSize(trace),
    halves: [trace.slice(0, half), trace.slice(n - half)].map((part) => momentsOf(part)),
  };
}

/**
 * n / (1 + 2 sum of autocorrelations), summed in pairs as long as they are positive, each no larger than the one before; at most n. A trace that never
 * moves is worth one number.
 */
function effectiveSize(trace: readonly number[]): number {
  const n = trace.length;
  const { mean } = momentsOf(trace);
  const covariance = (lag: number): number => {
    let sum = 0;
    for (let i = 0; i + lag < n; i++) sum += ((trace[i] ?? 0) - mean) * ((trace[i + lag] ?? 0) - mean);
    return sum / n;
  };
  const variance = covariance(0);
  if (!(variance > 0)) return 1;
  let [sum, last] = [0, Infinity];
  for (let lag = 0; lag + 1 < n; lag += 2) {
    const pair = (covariance(lag) + covariance(lag + 1)) / variance;
    if (!(pair > 0)) break;
    last = Math.min(last, pair);
    sum += last;
  }
  return Math.min(n, n / Math.max(2 * sum - 1, 1e-9));
}

/**
 * Split R-hat of chains: sqrt(((n - 1) / n W + B / n) / W), W the mean variance within half chains, B / n the variance of their means. 1 where all
 * have found the same; above 1.1 they have not. Undefined for fewer than two chains, and where none moves.
 */
export function splitRhat(chains: readonly ChainSummary[]): number | undefined {
  if (chains.length < 2) return undefined;
  const halves = chains.flatMap((c) => c.halves);
  const n = Math.min(...chains.map((c) => Math.floor(c.length / 2)));
  const within = halves.reduce((sum, h) => sum + h.variance, 0) / halves.length;
  const between = momentsOf(halves.map((h) => h.mean)).variance;
  return within > 0 ? Math.sqrt((n - 1) / n + between / within) : undefined;
}

function momentsOf(values: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return { mean, variance };
}
