// Comparison of numbers within an explicit tolerance: the only way a test here says "about equal".
// In: two numbers or two arrays of one length. Out: nothing, or an Error that names the worst entry.
// Invariants: NaN equals nothing, NaN included; infinities are equal when their signs are.

export interface Tolerance {
  /** Absolute tolerance, in the unit of the numbers. */
  readonly abs: number;
  /** Relative to the larger of the two magnitudes. */
  readonly rel: number;
}

type Numbers = number | ArrayLike<number>;

/** How far `a` and `b` are apart in units of the tolerance: at most 1 when they agree, infinite when they cannot be compared. */
function excess(a: number, b: number, { abs, rel }: Tolerance): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Infinity;
  if (a === b) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
  const allowed = abs + rel * Math.max(Math.abs(a), Math.abs(b));
  return allowed > 0 ? Math.abs(a - b) / allowed : Infinity;
}

/**
 * Throws unless |a - b| <= abs + rel * max(|a|, |b|) for every entry.
 *
 * Shapes   both numbers, or both arrays of one length.
 * Errors   Error naming the worst index, both values there and how many entries are out of tolerance.
 */
export function expectClose(actual: Numbers, expected: Numbers, tolerance: Tolerance): void {
  const a = typeof actual === "number" ? [actual] : actual;
  const b = typeof expected === "number" ? [expected] : expected;
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length} expected`);
  let worst = 0;
  let worstIndex = -1;
  let outside = 0;
  for (let i = 0; i < a.length; i++) {
    const e = excess(a[i] ?? NaN, b[i] ?? NaN, tolerance);
    if (e > 1) outside++;
    if (e > 1 && e > worst) {
      worst = e;
      worstIndex = i;
    }
  }
  if (worstIndex < 0) return;
  throw new Error(
    `${outside} of ${a.length} entries out of tolerance (abs ${tolerance.abs}, rel ${tolerance.rel}); worst at [${worstIndex}]: ` +
      `${String(a[worstIndex])}, expected ${String(b[worstIndex])}`,
  );
}
