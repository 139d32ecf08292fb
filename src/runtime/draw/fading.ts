// What an edit of a picture that came from elsewhere leaves behind: of styles that are further from those of its z than two samples are from each other.
// In: a state before and after a step, how w is distributed, and how well heads of z are read off it. Out: the part of the styles' offset that stays. Invariants: where
// heads say what they said, all of it stays; what is within that distance stays; a model with heads of w loses none, since those look at the state as it is.
//
//   keep = 1 - max over attributes (1 - exp(-m^2 / 2)) (1 - min(1, sqrt(2 d / D))),  m = |change of the attribute's outputs / s|
//
// D is the mean over the layers of the squared length of the offset in the metric of the samples' covariance, d the numbers of w: two samples are 2 d apart.
// Synthesis shows what a w says as long as the styles are of its kind. Offsets that are longer hide what moves with z: the picture stays as it was, or comes apart.
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { EnergyWeights } from "../../compiler/weights.js";
import { concat } from "../../source/concat.js";
import type { DrawContext } from "./batch.js";
import { classBias, readStyles, type StyleReading } from "./read-styles.js";
import { remembered } from "./result-cache.js";
import type { SampleResult } from "./results.js";

/** Of the mean variance of a number of w, what is added to each: those that samples hardly leave are not unlike them for nothing. */
const RIDGE = 1e-3;

/** The part of the offset of styles, from 0 to 1, that stays in a step from one state to another. */
export type Fading = (
  before: Pick<SampleResult, "heads" | "w" | "ws" | "shift">,
  after: Pick<SampleResult, "heads">,
) => number;

/** What stays of the offsets of some states; undefined where none has one, or heads look at w. Kept between runs: it is of the model alone. Errors: as readStyles. */
export async function openFading(
  states: readonly SampleResult[],
  { model, engine, program, resultCache, signal }: FadingContext,
): Promise<Fading | undefined> {
  if (!states.some((s) => s.shift !== undefined) || !readsZAlone(model.weights)) return undefined;
  const { heads } = model.weights;
  const { wDim } = model.info;
  const places = heads.flatMap(({ picture }, k) => (picture === undefined ? [k] : []));
  const outputs = places.reduce((sum, k) => sum + (heads[k]?.layers.at(-1)?.bias.data.length ?? 0), 0);
  const { truncation } = program;
  const kept = { about: { kind: "fading", truncation }, arrays: [classBias(model)], length: wDim * wDim + outputs };
  const numbers = await remembered(resultCache, kept, async () => {
    const { covariance, spread } = await readStyles({ model, engine, truncation, resultCache, signal });
    return concat([Float32Array.from(covariance.to1DArray()), spread], Float32Array);
  });
  const covariance = Matrix.from1DArray(wDim, wDim, Array.from(numbers.subarray(0, wDim * wDim)));
  return fading({ covariance, spread: numbers.slice(wDim * wDim) }, places);
}

type FadingContext = Pick<DrawContext, "model" | "engine" | "program" | "resultCache" | "signal">;

function readsZAlone({ heads, mapping }: EnergyWeights): boolean {
  const ofLatents = heads.filter((head) => head.picture === undefined);
  return mapping !== undefined && ofLatents.length > 0 && ofLatents.every((head) => head.space === "z");
}

/** `places`: those of the heads of z among all heads, in the order of the reading. */
export function fading(
  { covariance, spread }: Pick<StyleReading, "covariance" | "spread">,
  places: readonly number[],
): Fading {
  const wDim = covariance.rows;
  const ridge = (RIDGE * covariance.trace()) / wDim;
  const root = new CholeskyDecomposition(Matrix.add(covariance, Matrix.eye(wDim, wDim, ridge))).lowerTriangularMatrix;
  return (before, after) => {
    const share = changeOf(before.heads, after.heads, places, spread);
    const usual = 2 * wDim;
    const length = share === 0 ? 0 : squaredLength(offsetsOf(before), root);
    return length <= usual ? 1 : 1 - share * (1 - Math.sqrt(usual / length));
  };
}

/** How far what heads say has gone, from 0 to 1: that of the attribute that has gone furthest. */
function changeOf(
  was: SampleResult["heads"],
  is: SampleResult["heads"],
  places: readonly number[],
  spread: Float32Array,
): number {
  let [most, at] = [0, 0];
  for (const place of places) {
    const [first, last] = [was[place] ?? [], is[place] ?? []];
    let moved = 0;
    for (const [i, x] of last.entries()) moved += ((x - (first[i] ?? x)) / (spread[at + i] ?? 1)) ** 2;
    at += last.length;
    most = Math.max(most, 1 - Math.exp(-moved / 2));
  }
  return most;
}

/** What the styles of each layer have beyond the mapping of z, [layers, wDim]; one row where all layers have the same. */
export function offsetsOf({ w, ws = w, shift }: Pick<SampleResult, "w" | "ws" | "shift">): Float32Array {
  return ws.map((x, i) => x - ((w[i % w.length] ?? 0) - (shift?.[i % w.length] ?? 0)));
}

/** Mean over the rows of |L^-1 x|^2, L lower triangular. */
function squaredLength(offsets: Float32Array, root: Matrix): number {
  const d = root.rows;
  let sum = 0;
  for (let row = 0; row < offsets.length; row += d) {
    const u = new Float64Array(d);
    for (let i = 0; i < d; i++) {
      let x = offsets[row + i] ?? 0;
      for (let j = 0; j < i; j++) x -= root.get(i, j) * (u[j] ?? 0);
      u[i] = x / root.get(i, i);
      sum += (u[i] ?? 0) ** 2;
    }
  }
  return (sum * d) / offsets.length;
}
