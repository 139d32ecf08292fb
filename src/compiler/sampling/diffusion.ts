// The VP diffusion that samplers follow back: its speed beta(t), how far its flow goes, and the schedule of the predictor-corrector.
// In: nothing, or a step. Out: numbers. Source: Nie, Vahdat, Anandkumar, NeurIPS 2021 (arXiv 2110.10873), section 3.2.

export const BETA_MIN = 0.1;
export const BETA_MAX = 20;
/** Where the diffusion ends: t goes from 1 to this. */
export const T_END = 1e-3;
/** 1/2 integral of beta from T_END to 1: 5.024945. */
export const TAU_END = 0.5 * (BETA_MIN * (1 - T_END) + ((BETA_MAX - BETA_MIN) / 2) * (1 - T_END * T_END));
/** Steps of a solver without error control, if the script names none. */
export const FIXED_STEPS = 100;

/** beta and alpha = 1 - beta of step k of the predictor-corrector in `steps` steps. */
export function pcSchedule(steps: number, k: number): { readonly alpha: number; readonly beta: number } {
  const t = steps === 1 ? 1 : 1 + ((T_END - 1) * k) / (steps - 1);
  const i = Math.floor(t * (steps - 1));
  const beta = (steps === 1 ? BETA_MIN : BETA_MIN + ((BETA_MAX - BETA_MIN) * i) / (steps - 1)) / steps;
  return { alpha: 1 - beta, beta };
}
