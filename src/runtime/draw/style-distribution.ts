// How a model's styles are distributed before the last activation of its mapping: nearly normal, so that a mean and a covariance say it. And as they are.
// In: styles w of samples. Out: a StyleDistribution, and styles as its coordinates. Source: see compiler/build/likeness.ts.
import { LAST_GAIN, LAST_SLOPE, type StyleDistribution } from "../../compiler/build/likeness.js";

/** Of the mean variance, what is added to every direction: those that samples hardly leave cost much, not without end. */
const RIDGE = 1e-3;

/** The slope for negatives that is undone: that of the mapping's last activation in `p`; 1 in `w`, where styles are taken for normal as they are. */
export function slopeOf(space: "p" | "w"): number {
  return space === "p" ? LAST_SLOPE : 1;
}

/** The distribution of styles [n, d], once `slope` is undone. */
export function distributionOf(w: Float32Array, d: number, slope: number): StyleDistribution {
  const n = w.length / d;
  const v = w.map((x) => undone(x, slope));
  const mean = new Float64Array(d);
  for (let k = 0; k < v.length; k++) mean[k % d] = (mean[k % d] ?? 0) + (v[k] ?? 0) / n;
  const covariance = new Float64Array(d * d);
  const row = new Float64Array(d);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < d; i++) row[i] = (v[k * d + i] ?? 0) - (mean[i] ?? 0);
    for (let i = 0; i < d; i++) {
      const x = (row[i] ?? 0) / n;
      for (let j = 0; j <= i; j++) covariance[i * d + j] = (covariance[i * d + j] ?? 0) + x * (row[j] ?? 0);
    }
  }
  let trace = 0;
  for (let i = 0; i < d; i++) trace += covariance[i * d + i] ?? 0;
  for (let i = 0; i < d; i++) covariance[i * d + i] = (covariance[i * d + i] ?? 0) + (RIDGE * trace) / d;
  return { mean: Float32Array.from(mean), root: Float32Array.from(cholesky(covariance, d)), slope };
}

/** Coordinates u of a style, with w = sqrt2 leakyRelu(A u + m): A is lower triangular. */
export function coordinatesOf(w: ArrayLike<number>, { mean, root, slope }: StyleDistribution): Float64Array {
  const d = mean.length;
  const u = new Float64Array(d);
  for (let i = 0; i < d; i++) {
    let sum = undone(w[i] ?? 0, slope) - (mean[i] ?? 0);
    for (let j = 0; j < i; j++) sum -= (root[i * d + j] ?? 0) * (u[j] ?? 0);
    u[i] = sum / (root[i * d + i] ?? 1);
  }
  return u;
}

/** The style of coordinates. */
export function styleOf(u: ArrayLike<number>, { mean, root, slope }: StyleDistribution): Float32Array {
  const d = mean.length;
  return Float32Array.from({ length: d }, (_, i) => {
    let v = mean[i] ?? 0;
    for (let j = 0; j <= i; j++) v += (root[i * d + j] ?? 0) * (u[j] ?? 0);
    return LAST_GAIN * (v < 0 ? slope * v : v);
  });
}

/** The inverse of the root, row-major: lower triangular too. */
export function whiteningOf({ mean, root }: StyleDistribution): Float32Array {
  const d = mean.length;
  const inverse = new Float64Array(d * d);
  for (let j = 0; j < d; j++)
    for (let i = j; i < d; i++) {
      let sum = i === j ? 1 : 0;
      for (let k = j; k < i; k++) sum -= (root[i * d + k] ?? 0) * (inverse[k * d + j] ?? 0);
      inverse[i * d + j] = sum / (root[i * d + i] ?? 1);
    }
  return Float32Array.from(inverse);
}

function undone(w: number, slope: number): number {
  return w / (w < 0 ? LAST_GAIN * slope : LAST_GAIN);
}

/** The lower triangular root of a symmetric positive matrix, of which the lower half is read. */
function cholesky(a: Float64Array, d: number): Float64Array {
  const l = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * d + j] ?? 0;
      for (let k = 0; k < j; k++) sum -= (l[i * d + k] ?? 0) * (l[j * d + k] ?? 0);
      l[i * d + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (l[j * d + j] ?? 1);
    }
  return l;
}
