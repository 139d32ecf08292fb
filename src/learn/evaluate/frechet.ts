// The Frechet distance of two clouds of features: how far apart two sets of images are, seen by a network.
// In: features [n, F] of each set. Out: one number, 0 for the same Gaussian. Float64 throughout.
//
//   d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1^1/2 C2 C1^1/2)^1/2)
//
// Source: Dowson and Landau 1982, the distance of two Gaussians; used on features since Heusel et al. 2017 (arXiv 1706.08500).
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { InternalError } from "../../source/internal-error.js";

export interface Moments {
  readonly count: number;
  readonly mean: Float64Array;
  /** [F, F], of the sample (divided by n - 1). */
  readonly covariance: Float64Array;
}

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
  const { values, vectors } = symmetricEigen(squareMatrix(a.covariance, width));
  const scaled = vectors.clone().mulRowVector(values.map((value) => Math.sqrt(Math.max(0, value))));
  const root = scaled.mmul(vectors.transpose());
  const middle = root.mmul(squareMatrix(b.covariance, width)).mmul(root);
  for (const value of symmetricEigen(middle).values) distance -= 2 * Math.sqrt(Math.max(0, value));
  return Math.max(0, distance);
}

function squareMatrix(entries: Float64Array, n: number): Matrix {
  return Matrix.from1DArray(n, n, entries);
}

/** Eigenvalues of a symmetric matrix and its eigenvectors, one a column. What is not symmetric by rounding is taken for rounding. */
function symmetricEigen(matrix: Matrix): { readonly values: number[]; readonly vectors: Matrix } {
  const found = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { values: found.realEigenvalues, vectors: found.eigenvectorMatrix };
}
