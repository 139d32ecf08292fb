// Small problems with known solutions, as terms on plain float64 arrays.
import type { Term } from "../../src/runtime/ode/term.js";

export interface CountedTerm extends Term {
  calls: number;
}

/** dy/dt of one sample, f(t, y, i), written into `out`. */
type Derivative = (t: number, y: Float64Array, out: Float64Array, i: number) => void;

/**
 * A term from a function of one sample. `matrix` writes A [dim, dim] of its linearisation, as derivatives of row by column; without it
 * A is 0. One evaluation with the linearisation counts as one.
 */
export function termOf(dim: number, f: Derivative, matrix?: Derivative): CountedTerm {
  const matrices: Float64Array[] = [];
  const evaluate: Term["evaluate"] = (t, y, active, out) => {
    for (let i = 0; i < active.length; i++) {
      const o = i * dim;
      if (active[i] === 1) f(t[i]!, y.subarray(o, o + dim), out.subarray(o, o + dim), i);
    }
    return Promise.resolve();
  };
  const term: CountedTerm = {
    dim,
    calls: 0,
    evaluate(...given) {
      term.calls += 1;
      return evaluate(...given);
    },
    linear: {
      cost: 1,
      evaluate(t, y, active, out) {
        term.calls += 1;
        for (let i = 0; i < active.length; i++) {
          if (active[i] !== 1) continue;
          const a = new Float64Array(dim * dim);
          matrix?.(t[i]!, y.subarray(i * dim, (i + 1) * dim), a, i);
          matrices[i] = a;
        }
        return evaluate(t, y, active, out);
      },
      solve: (i, a, x) => solveDense(matrices[i]!, a, x),
    },
  };
  return term;
}

/** x <- (1 - a A)^-1 x, by elimination without pivoting: small steps. */
function solveDense(matrix: Float64Array, a: number, x: Float64Array): void {
  const n = x.length;
  const rows = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => (i === j ? 1 : 0) - a * matrix[i * n + j]!),
  );
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j < n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
      x[i]! -= factor * x[k]!;
    }
  }
  for (let k = 0; k < n; k++) x[k]! /= rows[k]![k]!;
}

/** What A is beside the derivative of the term: itself, nothing, or another matrix. */
export type Nearness = "exact" | "zero" | "wrong";

/** A pendulum-like system that is neither linear nor autonomous; its solution from (1, 0.5) at 0 is found by a fine rk4 in the tests. */
export const smooth = (nearness: Nearness = "zero"): CountedTerm =>
  termOf(
    2,
    (t, y, out) => {
      out[0] = y[1]! + 0.3 * Math.cos(t);
      out[1] = -Math.sin(y[0]!) + 0.1 * y[0]! * y[1]!;
    },
    (_t, y, a) => {
      if (nearness === "exact") a.set([0, 1, -Math.cos(y[0]!) + 0.1 * y[1]!, 0.1 * y[0]!]);
      if (nearness === "wrong") a.set([-2, 0.3, 0.3, -1]);
    },
  );

/** y' = -y: y(t) = y0 exp(-t). */
export const decay = (rate = 1): CountedTerm =>
  termOf(
    1,
    (_t, y, out) => {
      out[0] = -rate * y[0]!;
    },
    (_t, _y, a) => {
      a[0] = -rate;
    },
  );

/** y' = -rate (y - cos t) - sin t: y = cos t is attracting, and stiff for a large rate. */
export const stiff = (rate: number): CountedTerm =>
  termOf(
    1,
    (t, y, out) => {
      out[0] = -rate * (y[0]! - Math.cos(t)) - Math.sin(t);
    },
    (_t, _y, a) => {
      a[0] = -rate;
    },
  );

/** x' = -x, y' = -rate (y - x): y is pulled to rate / (rate - 1) x, without the time in it. */
export const pulled = (rate: number): CountedTerm =>
  termOf(
    2,
    (_t, [x, y], out) => {
      out[0] = -x!;
      out[1] = -rate * (y! - x!);
    },
    (_t, _y, a) => {
      a.set([-1, 0, rate, -rate]);
    },
  );
