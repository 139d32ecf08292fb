// The way a sample took: what a solve passes through between its start and its end, for pictures on the way.
// In: accepted steps or states, in order. Out: states at shares of the way.
// Invariants: no more than MAX_POINTS states are kept, however long the solve; a sample's path has the same bits in every batch.
// Source: Hairer, Norsett, Wanner, Solving ODEs I, section II.6 (cubic Hermite interpolation as dense output).
import type { AcceptedStep } from "../ode/solution.js";

/** Points taken from one accepted step. */
const POINTS_PER_STEP = 8;
/** States kept: 2 MB for 512 latent dimensions. */
const MAX_POINTS = 512;
/** Detours shorter than this share of the whole extent are no way: a stiff solve trembles about its path. */
const FINEST = 1 / 100;

export class Path {
  /** Points at least `spacing` apart, but for those that came before the first thinning. */
  private points: Float64Array[];
  private last: Float64Array;
  private spacing = 0;

  constructor(start: Float64Array) {
    this.points = [start.slice()];
    this.last = start.slice();
  }

  /** The next state. */
  add(point: Float64Array): void {
    this.last.set(point);
    const before = this.points.at(-1);
    if (before !== undefined && !(distance(before, point) > this.spacing)) return;
    this.points.push(point.slice());
    if (this.points.length <= MAX_POINTS) return;
    this.spacing = Math.max(2 * this.spacing, (2 * lengthOf(this.points)) / MAX_POINTS);
    this.points = thin(this.points, this.spacing);
  }

  /**
   * The states between the ends of an accepted step, and its end: a cubic with the slopes of both ends; without a slope
   * at the end, the quadratic.
   *
   *   y(x) = (1 - x) y0 + x y1 + x (1 - x) ((1 - x) (h k0 - d) + x (d - h k1)), d = y1 - y0, x in 0..1
   */
  addStep({ h, before, after, slopeBefore, slopeAfter }: Omit<AcceptedStep, "sample">): void {
    const point = new Float64Array(before.length);
    for (let k = 1; k < POINTS_PER_STEP; k++) {
      const x = k / POINTS_PER_STEP;
      for (let c = 0; c < point.length; c++) {
        const y0 = before[c] ?? 0;
        const y1 = after[c] ?? 0;
        const early = h * (slopeBefore[c] ?? 0) - (y1 - y0);
        const late = slopeAfter === undefined ? early : y1 - y0 - h * (slopeAfter[c] ?? 0);
        point[c] = (1 - x) * y0 + x * y1 + x * (1 - x) * ((1 - x) * early + x * late);
      }
      this.add(point);
    }
    this.add(after);
  }

  /** States at shares (0..1, ascending) of the length of the way. Shapes: shares [n] -> [n, dim]. */
  at(shares: readonly number[]): Float64Array {
    const [start = this.last] = this.points;
    const extent = Math.max(...[...this.points, this.last].map((p) => distance(start, p)));
    const corners = [...thin(this.points, Math.max(this.spacing, extent * FINEST)), this.last];
    const total = lengthOf(corners);
    const states = new Float64Array(shares.length * start.length);
    let covered = 0;
    let k = 0;
    for (const [i, share] of shares.entries()) {
      let [a, b] = [corners[k] ?? start, corners[k + 1] ?? this.last];
      while (k + 2 < corners.length && covered + distance(a, b) < share * total) {
        covered += distance(a, b);
        k += 1;
        [a, b] = [corners[k] ?? start, corners[k + 1] ?? this.last];
      }
      const chord = distance(a, b);
      const x = chord > 0 ? (share * total - covered) / chord : 0;
      for (let c = 0; c < start.length; c++) {
        states[i * start.length + c] = (1 - x) * (a[c] ?? 0) + x * (b[c] ?? 0);
      }
    }
    return states;
  }
}

/** Paths of the rows of a batch: z0 [B, dim]. */
export function pathsFrom(z0: Float64Array, dim: number): readonly Path[] {
  return Array.from({ length: z0.length / dim }, (_, i) => new Path(z0.subarray(i * dim, (i + 1) * dim)));
}

/** The first point, and each that is farther than `spacing` from the last that stays. */
function thin(points: readonly Float64Array[], spacing: number): Float64Array[] {
  const [first, ...rest] = points;
  if (first === undefined) return [];
  const kept = [first];
  let last = first;
  for (const point of rest) {
    if (!(distance(last, point) > spacing)) continue;
    kept.push(point);
    last = point;
  }
  return kept;
}

function lengthOf(points: readonly Float64Array[]): number {
  let length = 0;
  for (let k = 1; k < points.length; k++) {
    length += distance(points[k - 1] ?? new Float64Array(0), points[k] ?? new Float64Array(0));
  }
  return length;
}

function distance(a: Float64Array, b: Float64Array): number {
  let squares = 0;
  for (let c = 0; c < a.length; c++) squares += ((a[c] ?? 0) - (b[c] ?? 0)) ** 2;
  return Math.sqrt(squares);
}
