// What a bed draws by: numbers that hang together, each a random function of all of z.
// In: a seed, a width, how bent. Out: matrices of f(z) = (2 sigmoid(2 z A) - 1) B + z C + c, which are about normal of variance 1 over z ~ N(0, I) and have the
// correlations that are asked for. Invariant: the same numbers everywhere.
import { random, type Random } from "../support/random.js";

export interface FactorOptions {
  readonly seed: number;
  readonly zDim: number;
  /** Part of each factor that is a network's and not linear, in 0..1. */
  readonly bend: number;
  /** Correlations of pairs of factors, by number; all others are 0. */
  readonly correlations: readonly (readonly [number, number, number])[];
  readonly count: number;
}

export interface Factors {
  readonly hidden: number;
  /** [zDim, hidden], [hidden, count], [zDim, count], [count] */
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  readonly bias: Float32Array;
}

const HIDDEN = 96;
/** How steep the network's units are. */
const STEEPNESS = 2;
const SAMPLES = 4096;

/** Makes the matrices. Factors are whitened on samples of z, then correlated by a Cholesky factor. */
export function makeFactors({ seed, zDim, bend, correlations, count }: FactorOptions): Factors {
  const r = random(seed);
  const a = normals(r, zDim * HIDDEN, STEEPNESS / Math.sqrt(zDim));
  const b = normals(r, HIDDEN * count, Math.sqrt(bend / HIDDEN));
  const c = normals(r, zDim * count, Math.sqrt((1 - bend) / zDim));
  const raw = Array.from({ length: SAMPLES }, () => factorsAt(normals(r, zDim, 1), { a, b, c }, count));
  const mean = Array.from({ length: count }, (_, k) => average(raw.map((f) => f[k] ?? 0)));
  const covariance = square(count, (i, j) => average(raw.map((f) => (f[i]! - mean[i]!) * (f[j]! - mean[j]!))));
  const wanted = square(count, (i, j) => {
    const given = correlations.find(([p, q]) => (p === i && q === j) || (p === j && q === i));
    return i === j ? 1 : (given?.[2] ?? 0);
  });
  // f = L_wanted L^-1 (raw - mean)
  const map = product(cholesky(wanted), inverseOfLower(cholesky(covariance)));
  const mapped = (rows: Float64Array, n: number): Float32Array =>
    Float32Array.from({ length: n * count }, (_, at) => {
      const [row, k] = [Math.floor(at / count), at % count];
      return map[k]!.reduce((sum, m, j) => sum + m * (rows[row * count + j] ?? 0), 0);
    });
  return {
    hidden: HIDDEN,
    a: Float32Array.from(a),
    b: mapped(b, HIDDEN),
    c: mapped(c, zDim),
    bias: Float32Array.from(map, (row) => -row.reduce((sum, m, j) => sum + m * mean[j]!, 0)),
  };
}

type Matrix = readonly (readonly number[])[];

function factorsAt(
  z: Float64Array,
  { a, b, c }: { readonly a: Float64Array; readonly b: Float64Array; readonly c: Float64Array },
  count: number,
): number[] {
  const h = Array.from({ length: HIDDEN }, (_, u) =>
    Math.tanh(z.reduce((sum, x, i) => sum + x * a[i * HIDDEN + u]!, 0)),
  );
  return Array.from(
    { length: count },
    (_, k) =>
      h.reduce((sum, x, u) => sum + x * b[u * count + k]!, 0) + z.reduce((sum, x, i) => sum + x * c[i * count + k]!, 0),
  );
}

function normals(r: Random, n: number, size: number): Float64Array {
  return Float64Array.from({ length: n }, () => size * r.normal());
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function square(n: number, of: (i: number, j: number) => number): Matrix {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => of(i, j)));
}

function product(a: Matrix, b: Matrix): Matrix {
  return square(a.length, (i, j) => a[i]!.reduce((sum, x, k) => sum + x * b[k]![j]!, 0));
}

/** The lower triangle L of a positive definite L L^T. */
function cholesky(m: Matrix): Matrix {
  const l = m.map((row) => row.map(() => 0));
  for (let i = 0; i < m.length; i++)
    for (let j = 0; j <= i; j++) {
      let rest = m[i]![j]!;
      for (let k = 0; k < j; k++) rest -= l[i]![k]! * l[j]![k]!;
      l[i]![j] = i === j ? Math.sqrt(rest) : rest / l[j]![j]!;
    }
  return l;
}

function inverseOfLower(l: Matrix): Matrix {
  const n = l.length;
  const x = l.map((row) => row.map(() => 0));
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let rest = i === j ? 1 : 0;
      for (let k = j; k < i; k++) rest -= l[i]![k]! * x[k]![j]!;
      x[i]![j] = rest / l[i]![i]!;
    }
  return x;
}
