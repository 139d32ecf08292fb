// The inner loops of the solver, over one row of a [B, dim] array. All sums run in index order, so a row's result has the
// same bits whatever the other rows hold.
// In: arrays, the row's offset and length. Out: a row, or a sum over it.

/** trial = y + h sum_s weights[s] k[s], for the row at `o`; `trial` may be `y`. */
export function combine(
  y: Float64Array,
  k: readonly Float64Array[],
  weights: readonly number[],
  h: number,
  o: number,
  dim: number,
  trial: Float64Array,
): void {
  const end = o + dim;
  if (trial !== y) for (let c = o; c < end; c++) trial[c] = y[c] ?? 0;
  addStages(k, weights, h, o, dim, trial, o);
}

/** into[at + c] += h sum_s weights[s] k[s][o + c], term by term in their order. Stages go in pairs: half as many loads and stores. */
function addStages(
  k: readonly Float64Array[],
  weights: readonly number[],
  h: number,
  o: number,
  dim: number,
  into: Float64Array,
  at: number,
): void {
  let first: Float64Array | undefined;
  let firstFactor = 0;
  for (let s = 0; s < weights.length; s++) {
    const factor = h * (weights[s] ?? 0);
    const stage = k[s];
    if (factor === 0 || stage === undefined) continue;
    if (first === undefined) {
      first = stage;
      firstFactor = factor;
      continue;
    }
    for (let c = 0; c < dim; c++)
      into[at + c] = (into[at + c] ?? 0) + firstFactor * (first[o + c] ?? 0) + factor * (stage[o + c] ?? 0);
    first = undefined;
  }
  if (first === undefined) return;
  for (let c = 0; c < dim; c++) into[at + c] = (into[at + c] ?? 0) + firstFactor * (first[o + c] ?? 0);
}

/**
 * Sum over the row of (h sum_s weights[s] k[s] / (atol + rtol max(|y|, |trial|)))^2; NaN if anything is not finite. `errors` [dim] is
 * overwritten.
 */
export function errorSquares(
  y: Float64Array,
  trial: Float64Array,
  k: readonly Float64Array[],
  weights: readonly number[],
  h: number,
  o: number,
  dim: number,
  rtol: number,
  atol: number,
  errors: Float64Array,
): number {
  errors.fill(0);
  addStages(k, weights, 1, o, dim, errors, 0);
  let sum = 0;
  for (let c = 0; c < dim; c++) {
    const next = trial[o + c] ?? 0;
    if (!Number.isFinite(next)) return NaN; // else its infinite scale would hide it
    const scale = atol + rtol * Math.max(Math.abs(y[o + c] ?? 0), Math.abs(next));
    const relative = (h * (errors[c] ?? 0)) / scale;
    sum += relative * relative;
  }
  return sum;
}

/** Sums over the row of (y / scale)^2 and (slope / scale)^2, scale = atol + rtol |y|. */
export function initialSquares(
  y: Float64Array,
  slope: Float64Array,
  o: number,
  dim: number,
  rtol: number,
  atol: number,
): { y: number; slope: number } {
  const sums = { y: 0, slope: 0 };
  for (let c = o; c < o + dim; c++) {
    const scale = atol + rtol * Math.abs(y[c] ?? 0);
    sums.y += ((y[c] ?? 0) / scale) ** 2;
    sums.slope += ((slope[c] ?? 0) / scale) ** 2;
  }
  return sums;
}

/** Sum over the row of ((after - before) / scale)^2, scale = atol + rtol |y|. */
export function changeSquares(
  y: Float64Array,
  before: Float64Array,
  after: Float64Array,
  o: number,
  dim: number,
  rtol: number,
  atol: number,
): number {
  let sum = 0;
  for (let c = o; c < o + dim; c++) {
    sum += (((after[c] ?? 0) - (before[c] ?? 0)) / (atol + rtol * Math.abs(y[c] ?? 0))) ** 2;
  }
  return sum;
}

/** Whether every number of the row is finite. */
export function isFiniteRow(x: Float64Array, o: number, dim: number): boolean {
  for (let c = o; c < o + dim; c++) if (!Number.isFinite(x[c])) return false;
  return true;
}
