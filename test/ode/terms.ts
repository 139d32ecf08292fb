// Small problems with known solutions, as terms on plain float64 arrays.
import type { Term } from "../../src/runtime/ode/term.js";

/** A term from a function of one sample: f(t, y, i) writes dy/dt into `out`. */
export function termOf(
  dim: number,
  f: (t: number, y: Float64Array, out: Float64Array, i: number) => void,
): Term & { calls: number } {
  return {
    dim,
    calls: 0,
    evaluate(t, y, active, out) {
      this.calls += 1;
      for (let i = 0; i < active.length; i++) {
        const o = i * dim;
        if (active[i] === 1) f(t[i]!, y.subarray(o, o + dim), out.subarray(o, o + dim), i);
      }
      return Promise.resolve();
    },
  };
}

/** A pendulum-like system that is neither linear nor autonomous; its solution from (1, 0.5) at 0 is found by a fine rk4 in the tests. */
export const smooth = (): Term & { calls: number } =>
  termOf(2, (t, y, out) => {
    out[0] = y[1]! + 0.3 * Math.cos(t);
    out[1] = -Math.sin(y[0]!) + 0.1 * y[0]! * y[1]!;
  });

/** y' = -y: y(t) = y0 exp(-t). */
export const decay = (rate = 1): Term & { calls: number } =>
  termOf(1, (_t, y, out) => {
    out[0] = -rate * y[0]!;
  });

/** y' = -rate (y - cos t) - sin t: y = cos t is attracting, and stiff for a large rate. */
export const stiff = (rate: number): Term & { calls: number } =>
  termOf(1, (t, y, out) => {
    out[0] = -rate * (y[0]! - Math.cos(t)) - Math.sin(t);
  });
