// Traversals: the noise of a family moved on the sphere between two seeds.

/**
 * Spherical interpolation between two latents, the length going evenly from |a| to |b|.
 *
 *   ((1 - t) |a| + t |b|) (sin((1 - t) angle) a/|a| + sin(t angle) b/|b|) / sin(angle)
 *
 * Shapes   a, b [dim] -> [dim]; t = 0 gives a and t = 1 gives b, exactly.
 * Limits   vectors of one direction: their lengths are interpolated; opposite ones (no shortest way): through 0, in a line.
 */
export function slerp(a: Float64Array, b: Float64Array, t: number): Float64Array {
  if (t === 0) return a.slice();
  if (t === 1) return b.slice();
  const [lengthA, lengthB] = [norm(a), norm(b)];
  let cosine = 0;
  for (let c = 0; c < a.length; c++) cosine += ((a[c] ?? 0) / lengthA) * ((b[c] ?? 0) / lengthB);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  if (!(sine > 1e-6)) return a.map((x, c) => (1 - t) * x + t * (b[c] ?? 0));
  const length = (1 - t) * lengthA + t * lengthB;
  const [shareA, shareB] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return a.map((x, c) => length * ((shareA * x) / lengthA + (shareB * (b[c] ?? 0)) / lengthB));
}

/** Frames of a traversal at shares of its way (0 is `from`, 1 is `to`), for each row. Shapes: from, to [rows, dim] -> [rows, shares, dim]. */
export function drawFrames(from: Float64Array, to: Float64Array, shares: readonly number[], dim: number): Float64Array {
  const rows = from.length / dim;
  const all = new Float64Array(from.length * shares.length);
  for (let row = 0; row < rows; row++) {
    const a = from.subarray(row * dim, (row + 1) * dim);
    const b = to.subarray(row * dim, (row + 1) * dim);
    for (const [f, share] of shares.entries()) all.set(slerp(a, b, share), (row * shares.length + f) * dim);
  }
  return all;
}

function norm(x: Float64Array): number {
  return Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
}
