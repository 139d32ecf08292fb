// How sure a share is: the score interval of Wilson.
// In: how many of how many. Out: the ends of its 95% interval. Invariant: it lies in [0, 1] and is no point, even where all or none hold.

/** Normal deviate of 2.5% in each tail. */
export const NORMAL_95 = 1.959963984540054;
const Z = NORMAL_95;

/**
 * The 95% interval of a share of `satisfied` of `count`.
 *
 *   (p + Z^2 / 2n +- Z sqrt(p (1 - p) / n + Z^2 / 4n^2)) / (1 + Z^2 / n)
 *
 * Limits   [0, 1] of none.
 * Source   Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
 */
export function wilson(satisfied: number, count: number): readonly [number, number] {
  if (count === 0) return [0, 1];
  const p = satisfied / count;
  const square = Z ** 2 / count;
  const centre = p + square / 2;
  const half = Z * Math.sqrt((p * (1 - p)) / count + square / (4 * count));
  const [low, high] = [(centre - half) / (1 + square), (centre + half) / (1 + square)];
  return [satisfied === 0 ? 0 : Math.max(0, low), satisfied === count ? 1 : Math.min(1, high)];
}
