// Solvers that docs/solvers.md compares with the language's own and that did not earn a place in it: one sample at a time, written for counting.
// In: a gradient (and, for the linearly implicit one, the parts that Gauss and Newton's matrix is made of). Out: the end and its cost.
// Costs are in gradient evaluations (a forward and a backward pass); a backward pass more counts a half.
export type Slope = (z: Float64Array) => Promise<Float64Array>;

export interface Ending {
  readonly z: Float64Array;
  readonly cost: number;
  /** Steps tried, and of these rejected. */
  readonly steps: number;
  readonly rejected: number;
}

/** One leaf of the energy at z: its log p, gradient, and kind. */
export interface LeafSlope {
  readonly logp: number;
  readonly gradient: Float64Array;
  readonly kind: "class" | "scalar";
}

interface Trial {
  readonly z: Float64Array;
  /** h times what the norm is taken of. */
  readonly error: Float64Array;
  /** Slope at `z`, where the method has it. */
  readonly slope?: Float64Array;
}

const MAX_STEPS = 20_000;

/**
 * Steps from 0 to `end` with error control of the given exponent, the language's norm and limits on growth.
 * `step` tries one step; the first is of the bend that the language's solvers take.
 */
async function march(
  z0: Float64Array,
  end: number,
  tolerance: number,
  exponent: number,
  slopeAt: Slope,
  step: (z: Float64Array, slope: Float64Array, h: number) => Promise<Trial>,
): Promise<{ z: Float64Array; steps: number; rejected: number }> {
  let z: Float64Array = z0.slice();
  let slope = await slopeAt(z);
  const scaled = (x: Float64Array, a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    x.forEach((e, i) => (sum += (e / (tolerance * (1 + Math.max(Math.abs(a[i]!), Math.abs(b[i]!))))) ** 2));
    return Math.sqrt(sum / x.length);
  };
  const h0 = Math.min(end, (0.01 * Math.max(1, scaled(z, z, z))) / scaled(slope, z, z));
  const bent = await slopeAt(z.map((x, i) => x + h0 * slope[i]!));
  const bend = scaled(
    bent.map((x, i) => (x - slope[i]!) / h0),
    z,
    z,
  );
  let h = Math.min(100 * h0, 2 / Math.sqrt(Math.max(bend, scaled(slope, z, z))));
  let rejected = 0;
  let grown = true;
  let steps = 0;
  for (let t = 0; t < end; steps++) {
    if (steps > MAX_STEPS) return { z: z.map(() => NaN), steps, rejected };
    const last = h * 1.01 >= end - t;
    const tried = last ? end - t : h;
    const trial = await step(z, slope, tried);
    const error = scaled(trial.error, z, trial.z);
    const factor = 0.8 * Math.max(error, 1e-10) ** -exponent;
    if (error <= 1) {
      t = last ? end : t + tried;
      z = trial.z;
      if (!last) slope = trial.slope ?? (await slopeAt(z));
      h = tried * Math.min(grown ? 2 : 1, Math.max(0.2, factor));
      grown = true;
    } else {
      rejected += 1;
      grown = false;
      h = tried * (Number.isFinite(error) ? Math.max(0.2, factor) : 0.2);
    }
  }
  return { z, steps, rejected };
}

/**
 * The second-order Runge-Kutta-Chebyshev method; stages by h times the spectral radius, found by power iteration on slopes.
 * Source: Sommeijer, Shampine, Verwer, RKC: an explicit solver for parabolic PDEs, J. Comput. Appl. Math. 88 (1998).
 */
export async function rkc(slopeAt: Slope, z0: Float64Array, end: number, tolerance: number): Promise<Ending> {
  let cost = 0;
  const f: Slope = (z) => {
    cost += 1;
    return slopeAt(z);
  };
  let direction: Float64Array | undefined;
  let radius = 0;
  let age = Infinity;
  const findRadius = async (z: Float64Array, slope: Float64Array): Promise<void> => {
    let v = direction ?? slope;
    for (let i = 0; i < (direction === undefined ? 4 : 1); i++) {
      const size = 1e-3 / (norm(v) || 1);
      const moved = await f(z.map((x, c) => x + size * v[c]!));
      const next = moved.map((x, c) => (x - slope[c]!) / 1e-3);
      radius = norm(next);
      v = next;
    }
    direction = v;
    age = 0;
  };
  const { z, steps, rejected } = await march(z0, end, tolerance, 1 / 3, f, async (y0, f0, h) => {
    if (age >= 5) await findRadius(y0, f0);
    age += 1;
    const s = Math.max(2, Math.min(50, 1 + Math.floor(Math.sqrt(1.54 * h * 1.2 * radius + 1))));
    const y = await chebyshev(f, y0, f0, h, s);
    const f1 = await f(y);
    return { z: y, slope: f1, error: y.map((x, c) => 0.8 * (y0[c]! - x) + 0.4 * h * (f0[c]! + f1[c]!)) };
  });
  return { z, cost, steps, rejected };
}

async function chebyshev(f: Slope, y0: Float64Array, f0: Float64Array, h: number, s: number): Promise<Float64Array> {
  const w0 = 1 + 2 / (13 * s * s);
  const square = w0 * w0 - 1;
  const root = Math.sqrt(square);
  const arg = s * Math.log(w0 + root);
  const w1 = (Math.sinh(arg) * square) / (Math.cosh(arg) * s * root - w0 * Math.sinh(arg));
  let b1 = 1 / (2 * w0) ** 2;
  let b2 = b1;
  let before = y0;
  let last = y0.map((x, c) => x + h * w1 * b1 * f0[c]!);
  let [z1, z2, d1, d2, e1, e2] = [w0, 1, 1, 0, 0, 0];
  for (let j = 2; j <= s; j++) {
    const z = 2 * w0 * z1 - z2;
    const d = 2 * w0 * d1 - d2 + 2 * z1;
    const e = 2 * w0 * e1 - e2 + 4 * d1;
    const b = e / d ** 2;
    const a = 1 - z1 * b1;
    const mu = (2 * w0 * b) / b1;
    const nu = -b / b2;
    const weight = (h * mu * w1) / w0;
    const slope = await f(last);
    const [p, q] = [last, before];
    const next = y0.map((x, c) => mu * p[c]! + nu * q[c]! + (1 - mu - nu) * x + weight * (slope[c]! - a * f0[c]!));
    [before, last, b2, b1] = [last, next, b1, b];
    [z2, z1, d2, d1, e2, e1] = [z1, z, d1, d, e1, e];
  }
  return last;
}

/**
 * Verwer's two-stage W-method of order 2, linearly implicit in Gauss and Newton's matrix G of the energy's leaves:
 *
 *   (1 + g h G) k1 = f(z), (1 + g h G) k2 = f(z + h k1) - 2 k1, z + h (3 k1 + k2) / 2, g = 1 - sqrt(1/2), error h (k1 + k2) / 2
 *   G = sum max(0, c_i) q_i grad_i grad_i^T, grad log p = sum c_i grad_i (least squares),
 *   q = p / (1 - p) for a class of probability p, 1 / (2 |log p|) for a scalar: the leaf's own curvature along its gradient
 *
 * solved by the Woodbury identity: one system of as many unknowns as there are leaves. The order does not depend on G.
 * Source: Verwer, Spee, Blom, Hundsdorfer, A second-order Rosenbrock method applied to photochemical dispersion problems, SISC 20 (1999).
 */
export async function gaussNewton(
  slopeAt: Slope,
  leavesAt: (z: Float64Array) => Promise<readonly LeafSlope[]>,
  z0: Float64Array,
  end: number,
  tolerance: number,
): Promise<Ending> {
  let cost = 0;
  const f: Slope = (z) => {
    cost += 1;
    return slopeAt(z);
  };
  const g = 1 - Math.SQRT1_2;
  const { z, steps, rejected } = await march(z0, end, tolerance, 1 / 2, f, async (y, f0, h) => {
    const leaves = await leavesAt(y);
    cost += (leaves.length - 1) / 2; // the forward pass and one backward pass are those of f0
    const rows = leaves.map((l) => l.gradient);
    const gram = rows.map((a) => rows.map((b) => dot(a, b)));
    const ridge = 1e-9 * Math.max(...gram.map((r, i) => r[i]!));
    const share = solveSmall(
      gram.map((r, i) => r.map((x, j) => (i === j ? x + ridge : x))),
      rows.map((a) => dot(a, f0)),
    );
    const weights = leaves.map(({ logp, kind }, i) => {
      const p = Math.exp(logp);
      const own = kind === "class" ? p / Math.max(1e-12, 1 - p) : 1 / Math.max(1e-12, 2 * Math.abs(logp));
      return Math.max(0, share[i]!) * own;
    });
    // (1 + a sum q_i r_i r_i^T)^-1 x = x - sum r_i t_i, (1 / (a q) + R R^T) t = R x, in the form that q = 0 allows.
    const solve = (x: Float64Array): Float64Array => {
      const system = gram.map((r, i) => r.map((v, j) => (i === j ? 1 : 0) + g * h * weights[i]! * v));
      const t = solveSmall(
        system,
        rows.map((r, i) => g * h * weights[i]! * dot(r, x)),
      );
      return x.map((v, c) => v - rows.reduce((sum, r, i) => sum + t[i]! * r[c]!, 0));
    };
    const k1 = solve(f0);
    const f1 = await f(y.map((x, c) => x + h * k1[c]!));
    const k2 = solve(f1.map((x, c) => x - 2 * k1[c]!));
    return {
      z: y.map((x, c) => x + h * (1.5 * k1[c]! + 0.5 * k2[c]!)),
      error: k1.map((x, c) => 0.5 * h * (x + k2[c]!)),
    };
  });
  return { z, cost: cost + 1, steps, rejected }; // one more for log p at the end, which the others have or count
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** Gaussian elimination with pivoting. */
function solveSmall(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((r, i) => [...r, right[i]!]);
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[best]![k]!)) best = i;
    [rows[k], rows[best]] = [rows[best]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = k + 1; j < n; j++) rows[k]![n]! -= rows[k]![j]! * rows[j]![n]!;
    rows[k]![n]! /= rows[k]![k]!;
  }
  return rows.map((r) => r[n]!);
}
