// The z of a given w: where edits of pictures that came from elsewhere begin. Its own w is near, and heads of z say of it what the given w shows, or what was seen in its
// picture.
// In: a model on an engine, some w. Out: a z for each. What w has beyond the mapping of its z stays with the picture as its shift.
// Invariants: a z depends on its own w alone, whatever others are looked for with it; where the mapping takes z by its direction alone, z has the length
// that samples have, sqrt(zDim), since heads of z look at that too.
import { compileMappingFit } from "../../compiler/build/mapping-fit.js";
import { bestRow } from "./ascent.js";
import type { SeenAttributes } from "./columns.js";
import { ascendLbfgs } from "./lbfgs.js";
import { readStyles, type ReadingTask, type StyleReading } from "./read-styles.js";
import { coordinatesOf, whiteningOf } from "./style-distribution.js";

/** Starts for each w: the nearest samples. */
const STARTS = 4;
const EVALUATIONS = 150;
/** Samples of a class below which nothing is known of what heads say of it. */
const LEAST_OF_CLASS = 4;
/** What a squared distance of u counts for, beside squares of what heads are off by: u is known less well than a number of its spread. */
const NEARNESS = 0.25;

/**
 * A z for each w. `seen`: what is known of the pictures of each, which heads of z are to say in place of what w tells of it.
 * Shapes   `targets` [wDim] each -> [zDim] each. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine.
 */
export async function nearestZ(
  targets: readonly Float32Array[],
  source: ReadingTask,
  seen: readonly (SeenAttributes | undefined)[] = [],
): Promise<readonly Float64Array[]> {
  const { model, engine, truncation, signal } = source;
  const { zDim } = model.info;
  const { mapping } = model.weights;
  if (mapping === undefined || targets.length === 0) return targets.map((w) => Float64Array.from(w));
  const read = await readStyles(source);
  const { weights, styles, spread } = read;
  const coordinates = { mean: styles.mean, slope: styles.slope, whitening: whiteningOf(styles) };
  const graph = await engine.compile(
    compileMappingFit({ weights, truncation, coordinates, spread, rows: STARTS, nearness: NEARNESS }),
  );
  const candidates = coordinatesOfAll(read);
  const all: Float64Array[] = [];
  try {
    for (const [k, w] of targets.entries()) {
      const wanted = { u: coordinatesOf(w, styles), said: withSeen(read.saidOf(w), read, seen[k]) };
      const inputs = {
        target: repeated(wanted.u),
        ...(spread.length > 0 && { said: repeated(wanted.said) }),
      };
      const found = await ascendLbfgs(nearestOf(read, candidates, wanted), {
        ...{ graph, of: "z", value: "near", inputs, rows: STARTS, steps: EVALUATIONS, signal },
      });
      const z = bestRow(found);
      if (mapping.normalize) toSphere(z, zDim);
      all.push(z);
    }
  } finally {
    await graph.dispose();
  }
  return all;
}

/** Every row at the distance from the origin that samples have. */
function toSphere(z: Float64Array, zDim: number): void {
  const length = Math.hypot(...z);
  if (length > 0) z.forEach((x, i) => (z[i] = (x * Math.sqrt(zDim)) / length));
}

function repeated(row: ArrayLike<number>): Float32Array {
  const out = new Float32Array(STARTS * row.length);
  for (let k = 0; k < STARTS; k++) out.set(row, k * row.length);
  return out;
}

function coordinatesOfAll({ w, styles }: StyleReading): readonly Float64Array[] {
  const wDim = styles.mean.length;
  return Array.from({ length: w.length / wDim }, (_, k) => coordinatesOf(w.subarray(k * wDim, (k + 1) * wDim), styles));
}

/** The z of the STARTS samples that are nearest to what is wanted, side by side. */
function nearestOf(
  { z, said, spread }: StyleReading,
  candidates: readonly Float64Array[],
  wanted: { readonly u: Float64Array; readonly said: Float32Array },
): Float64Array {
  const zDim = z.length / candidates.length;
  const distances = candidates.map((u, k) => {
    let [near, off] = [0, 0];
    for (let i = 0; i < u.length; i++) near += ((u[i] ?? 0) - (wanted.u[i] ?? 0)) ** 2;
    for (let j = 0; j < spread.length; j++)
      off += (((said[k * spread.length + j] ?? 0) - (wanted.said[j] ?? 0)) / (spread[j] ?? 1)) ** 2;
    return NEARNESS * near + off;
  });
  const order = [...distances.keys()].sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0)).slice(0, STARTS);
  const starts = new Float64Array(STARTS * zDim);
  order.forEach((k, row) => starts.set(z.subarray(k * zDim, (k + 1) * zDim), row * zDim));
  return starts;
}

/** What heads are to say: of a class that was seen what they say of samples that they take for it, in the mean; of a scalar its value; and else what w tells. */
function withSeen(told: Float32Array, read: StyleReading, seen: SeenAttributes | undefined): Float32Array {
  if (seen === undefined) return told;
  const said = told.slice();
  let first = 0;
  for (const { attribute, layers } of read.weights.heads) {
    const width = layers.at(-1)?.bias.data.length ?? 0;
    const value = seen.get(attribute);
    const typical =
      value === undefined || (width > 1 && value >= width) ? undefined : saidOfClass(value, first, width, read);
    if (typical !== undefined) said.set(typical, first);
    first += width;
  }
  return said;
}

function saidOfClass(
  value: number,
  first: number,
  width: number,
  { said, spread }: StyleReading,
): Float32Array | undefined {
  if (width === 1) return Float32Array.of(value);
  const sum = new Float64Array(width);
  let count = 0;
  for (let at = first; at < said.length; at += spread.length) {
    const own = said.subarray(at, at + width);
    if (own.indexOf(Math.max(...own)) !== value) continue;
    count++;
    own.forEach((x, i) => (sum[i] = (sum[i] ?? 0) + x));
  }
  return count < LEAST_OF_CLASS ? undefined : Float32Array.from(sum, (x) => x / count);
}
