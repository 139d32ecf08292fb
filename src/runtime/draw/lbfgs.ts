// Climbing a smooth value by L-BFGS, many rows at once, each with steps of its own: how the styles of a photograph are looked for.
// In: rows to start from, a compiled value with its gradient. Out: the best of each row. Invariant: a row's way does not depend on the others: each evaluation
// looks at one point of every row.
// Source: Nocedal, Wright, Numerical optimization (2006), algorithms 7.4 and 3.1: two loops over the last pairs, steps shortened until they gain enough.
import { stopIfAborted } from "../../ports/stop.js";
import type { Ascent, AscentTask } from "./ascent.js";

/** Pairs of steps and changes of the gradient that are kept. */
const PAIRS = 12;
/** Part of what the slope promises that a step must gain, and what it is shortened by where it does not. */
const ENOUGH = 1e-4;
const SHORTER = 0.4;
/** A step that is shorter than this part of the direction is given up, and the direction with it. */
const SHORTEST = 1e-3;
/** Length of the first step, before anything is known of the curvature. */
const FIRST = 1;
/** Curvature along a step, as a part of its length, that a pair must have to be kept. */
const LEAST_CURVATURE = 1e-10;

interface Point {
  readonly x: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly beside: number;
}

/** One row on its way. */
class Row {
  private at: Point | undefined;
  private direction: Float64Array | undefined;
  private slope = 0;
  private length = 1;
  private readonly pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly sy: number }[] = [];
  private resting = false;

  constructor(private readonly start: Float64Array) {}

  get best(): Point | undefined {
    return this.at;
  }

  /** The next point to look at; where the row has come to rest, where it is. */
  trial(): Float64Array {
    const { at, direction, length } = this;
    if (at === undefined) return this.start;
    if (direction === undefined || this.resting) return at.x;
    return at.x.map((x, i) => x + length * (direction[i] ?? 0));
  }

  /** What was seen there. */
  see(seen: Point): void {
    const { at } = this;
    if (this.resting) return;
    if (at === undefined) {
      if (!Number.isFinite(seen.value)) this.resting = true;
      else this.go(seen);
      return;
    }
    if (seen.value >= at.value + ENOUGH * this.length * this.slope && seen.gradient.every(Number.isFinite)) {
      this.remember(at, seen);
      this.go(seen);
      return;
    }
    this.length *= SHORTER;
    if (this.length > SHORTEST) return;
    if (this.pairs.length === 0) this.resting = true;
    this.pairs.length = 0;
    this.go(at);
  }

  private remember(before: Point, after: Point): void {
    const s = after.x.map((x, i) => x - (before.x[i] ?? 0));
    const y = before.gradient.map((g, i) => g - (after.gradient[i] ?? 0));
    const sy = dot(s, y);
    if (sy <= LEAST_CURVATURE * dot(s, s)) return;
    this.pairs.push({ s, y, sy });
    if (this.pairs.length > PAIRS) this.pairs.shift();
  }

  /** Goes on from a point, in the direction that the pairs give. */
  private go(from: Point): void {
    this.at = from;
    const q = from.gradient.slice();
    const shares = this.pairs.map(() => 0);
    for (let k = this.pairs.length - 1; k >= 0; k--) {
      const pair = this.pairs[k];
      if (pair === undefined) continue;
      const a = dot(pair.s, q) / pair.sy;
      shares[k] = a;
      addTo(q, pair.y, -a);
    }
    const last = this.pairs.at(-1);
    const size = Math.sqrt(dot(q, q));
    const scale = last === undefined ? FIRST / Math.max(size, 1e-30) : last.sy / dot(last.y, last.y);
    q.forEach((x, i) => (q[i] = x * scale));
    this.pairs.forEach(({ s, y, sy }, k) => {
      addTo(q, s, (shares[k] ?? 0) - dot(y, q) / sy);
    });
    this.direction = q;
    this.slope = dot(q, from.gradient);
    this.length = 1;
    if (!(this.slope > 0)) this.resting = true;
  }
}

/**
 * Follows each row for so many evaluations, to where it was best; the task's `rate` means nothing here.
 * Errors   LaceError L4106 if `signal` aborts, L52xx of the engine.
 */
export async function ascendLbfgs(start: Float64Array, task: Omit<AscentTask, "rate" | "project">): Promise<Ascent> {
  const { graph, rows, steps, signal } = task;
  const width = start.length / rows;
  const all = Array.from({ length: rows }, (_, row) => new Row(start.slice(row * width, (row + 1) * width)));
  for (let step = 0; step <= steps; step++) {
    stopIfAborted(signal);
    const trials = all.map((row) => row.trial());
    const x = new Float32Array(start.length);
    trials.forEach((trial, row) => x.set(trial, row * width));
    const outputs = await graph.run({ ...task.inputs, [task.of]: x });
    all.forEach((row, k) => {
      row.see({
        x: trials[k] ?? start,
        value: outputs[task.value]?.[k] ?? NaN,
        gradient: Float64Array.from((outputs["grad"] ?? new Float32Array(0)).subarray(k * width, (k + 1) * width)),
        beside: outputs[task.beside ?? task.value]?.[k] ?? NaN,
      });
    });
  }
  const x = start.slice();
  all.forEach(({ best }, k) => {
    if (best !== undefined) x.set(best.x, k * width);
  });
  return {
    x,
    value: Float64Array.from(all, ({ best }) => best?.value ?? -Infinity),
    beside: Float64Array.from(all, ({ best }) => best?.beside ?? NaN),
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function addTo(a: Float64Array, b: Float64Array, share: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] ?? 0) + share * (b[i] ?? 0);
}
