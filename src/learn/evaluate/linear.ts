// Linear directions in latent space: what a plain tool does in place of a sampler, for comparison.
// In: latents of unconditional draws with readings of them (log odds of a condition, values of attributes). Out: how far to move a latent so
// that the linear fit of a reading says what it says of draws that satisfy the condition. Float64.
//
//   r(w) ~ v . w + b, by ridge regression; the least move that changes the readings by `change` and those that are held not at all:
//   d = V+ (change, 0), V+ the pseudo-inverse of the directions; without holding, d = sum_c v_c change_c / |v_c|^2
//
// Source: directions and their conditional form, in which others are projected out: Shen et al. 2020, "Interpreting the Latent Space of GANs
// for Semantic Face Editing" (arXiv 1907.10786). Hoerl and Kennard 1970 (ridge).
import { CholeskyDecomposition, Matrix, pseudoInverse } from "ml-matrix";
import { InternalError } from "../../source/internal-error.js";

/** Of the mean variance of a latent's numbers: what keeps the fit from following noise. */
const RIDGE = 1e-2;

/** Linear fits of readings: `directions` [readings, d], one offset each. */
export interface LinearFit {
  readonly directions: readonly Float64Array[];
  readonly offsets: Float64Array;
}

/**
 * Fits readings of latents.
 *
 * Shapes   latents: n of [d]; readings: n of [readings]. n of at least 2.
 */
export function fitLinear(latents: readonly Float32Array[], readings: readonly (readonly number[])[]): LinearFit {
  const count = latents.length;
  const d = latents[0]?.length ?? 0;
  const width = readings[0]?.length ?? 0;
  if (count < 2 || readings.length !== count)
    throw new InternalError(`${readings.length} readings of ${count} latents`);
  const x = new Matrix(latents.map((w) => [...w]));
  const y = new Matrix(readings.map((r) => [...r]));
  const [mx, my] = [x.mean("column"), y.mean("column")];
  x.subRowVector(mx);
  y.subRowVector(my);
  const xt = x.transpose();
  const gram = xt.mmul(x);
  const ridge = RIDGE * (gram.trace() / d);
  for (let k = 0; k < d; k++) gram.set(k, k, gram.get(k, k) + Math.max(ridge, Number.MIN_VALUE));
  const solved = new CholeskyDecomposition(gram).solve(xt.mmul(y));
  const directions = Array.from({ length: width }, (_, c) => Float64Array.from(solved.getColumn(c)));
  const offsets = Float64Array.from(directions, (v, c) => {
    return (my[c] ?? 0) - v.reduce((sum, value, k) => sum + value * (mx[k] ?? 0), 0);
  });
  return { directions, offsets };
}

/** What the fit reads in a latent. */
export function readLinear({ directions, offsets }: LinearFit, w: ArrayLike<number>): number[] {
  return directions.map((v, c) => v.reduce((sum, value, k) => sum + value * (w[k] ?? 0), offsets[c] ?? 0));
}

/** Moves [d] for changes of the first readings; `held`: the others do not change, and the first ones change by as much as is asked together. */
export function linearMove(fit: LinearFit, moved: number, held: boolean): (changes: readonly number[]) => Float64Array {
  const { directions } = fit;
  const d = directions[0]?.length ?? 0;
  if (!held) {
    const norms = directions.map((v) => v.reduce((sum, x) => sum + x * x, 0));
    return (changes) => {
      const move = new Float64Array(d);
      changes.forEach((change, c) => {
        const [v, norm = 0] = [directions[c], norms[c]];
        if (v === undefined || norm === 0) return;
        for (let k = 0; k < d; k++) move[k] = (move[k] ?? 0) + ((v[k] ?? 0) * change) / norm;
      });
      return move;
    };
  }
  const inverse = pseudoInverse(new Matrix(directions.map((v) => [...v])));
  return (changes) => {
    const wanted = Matrix.columnVector(directions.map((_, c) => (c < moved ? (changes[c] ?? 0) : 0)));
    return Float64Array.from(inverse.mmul(wanted).getColumn(0));
  };
}
