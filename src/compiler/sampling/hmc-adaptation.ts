// The numbers of Hamiltonian Monte Carlo, for the sampler on the host and its step graph: how its step size begins, varies and adapts.
// In: settings, a step. Out: numbers. Source: as runtime/sample/hmc.ts.

export const FIRST_SIZE = 0.2;
/** Wanted rate of acceptance. */
export const TARGET = 0.8;
/** Of the logarithm of the step size, a proposal. */
export const RATE = 0.4;
/** Of the logarithm of the step size, from proposal to proposal: trajectories of one length can come back to where they began. */
export const VARIATION = 0.3;

/** What step k is: the share of the condition that counts, and whether the step size still adapts. */
export function hmcSchedule(
  { steps, temper }: { readonly steps: number; readonly temper: number },
  k: number,
): { readonly beta: number; readonly adapts: boolean } {
  const tempered = temper * steps;
  return { beta: Math.min(1, (k + 1) / Math.max(1, tempered)), adapts: k < (tempered + steps) / 2 };
}
