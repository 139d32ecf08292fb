// The Frechet distance of two clouds of features: how far apart two sets of images are, seen by a network.
// In: features [n, F] of each set. Out: one number, 0 for the same Gaussian. Float64 throughout.
//
//   d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1^1/2 C2 C1^1/2)^1/2)
//
// Source: Dowson and Landau 1982, the distance of two Gaussians; used on features since Heusel et al. 2017 (arXiv 1706.08500).
import { InternalError } from "../../source/internal-error.js";

export interface Moments {
  readonly count: number;
  readonly mean: Float64Array;
  /** [F, F], of the sample (divided by n - 1). */
  readonly covariance: Float64Array;
}

/** Rotations of a whole matrix: Jacobi's method converges quadratically, so few are needed. */
const MAX_SWEEPS = 60;
/** Of the squared norm: what is left off the diagonal when it counts as none. */
const NEGLIGIBLE = 1e-22;

/** Mean and covariance of the rows of [n, width]. Errors InternalError for fewer than two rows. */
export function momentsOf(features: Float32Array, width: number): Moments {
  const count = features.length / width;
  if (!Number.isInteger(count) || count < 2)
    throw new InternalError(`${features.length} numbers are no rows of ${width}`);
  const mean = new Float64Array(width);
  for (let i = 0; i < features.length; i++) mean[i % width] = (mean[i % width] ?? 0) + (features[i] ?? NaN) / count;
  const covariance = new Float64Array(width * width);
  const centred = new Float64Array(width);
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < width; k++) centred[k] = (features[row * width + k] ?? NaN) - (mean[k] ?? 0);
    for (let i = 0; i < width; i++) {
      const a = (centred[i] ?? 0) / (count - 1);
      if (a === 0) continue;
      for (let j = 0; j < width; j++)
        covariance[i * width + j] = (covariance[i * width + j] ?? 0) + a * (centred[j] ?? 0);
    }
  }
  return { count, mean, covariance };
}

/** d^2 of two sets, at least 0. */
export function frechetDistance(a: Moments, b: Moments): number {
  const width = a.mean.length;
  let distance = 0;
  for (let k = 0; k < width; k++) {
    distance += ((a.mean[k] ?? 0) - (b.mean[k] ?? 0)) ** 2;
    distance += (a.covariance[k * width + k] ?? 0) + (b.covariance[k * width + k] ?? 0);
  }
  const { values, vectors } = symmetricEigen(a.covariance, width);
  const root = new Float64Array(width * width);
  for (let k = 0; k < width; k++) {
    const scale = Math.sqrt(Math.max(0, values[k] ?? 0));
    for (let i = 0; i < width; i++) {
      const left = scale * (vectors[i * width + k] ?? 0);
      for (let j = 0; j < width; j++)
        root[i * width + j] = (root[i * width + j] ?? 0) + left * (vectors[j * width + k] ?? 0);
    }
  }
  const middle = product(product(root, b.covariance, width), root, width);
  const cross = symmetricEigen(middle, width).values;
  for (const value of cross) distance -= 2 * Math.sqrt(Math.max(0, value));
  return Math.max(0, distance);
}

/**
 * Eigenvalues of a symmetric matrix and its eigenvectors, one a column, by Jacobi's rotations.
 *
 * Shapes   [n, n] -> values [n], vectors [n, n].
 */
export function symmetricEigen(
  matrix: Float64Array,
  n: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const total = a.reduce((sum, x) => sum + x * x, 0);
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += (a[p * n + q] ?? 0) ** 2;
    if (off <= NEGLIGIBLE * total) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i] ?? 0), vectors: v };
}

/** One rotation that makes entry (p, q) zero. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] ?? 0;
  if (apq === 0) return;
  const theta = ((a[q * n + q] ?? 0) - (a[p * n + p] ?? 0)) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const x = a[k * n + p] ?? 0;
    const y = a[k * n + q] ?? 0;
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (let k = 0; k < n; k++) {
    const x = a[p * n + k] ?? 0;
    const y = a[q * n + k] ?? 0;
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
    const vx = v[k * n + p] ?? 0;
    const vy = v[k * n + q] ?? 0;
    v[k * n + p] = c * vx - s * vy;
    v[k * n + q] = s * vx + c * vy;
  }
}

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const left = a[i * n + k] ?? 0;
      if (left === 0) continue;
      for (let j = 0; j < n; j++) out[i * n + j] = (out[i * n + j] ?? 0) + left * (b[k * n + j] ?? 0);
    }
  }
  return out;
}
