// What an edit of a picture that came from elsewhere takes out of its shift: the part that shows what heads of z no longer say.
// In: a state before and after a step, a linear reading of styles. Out: an offset of its styles, and of the shift. Invariants: where heads say what they said, nothing
// is moved; a model with heads of w has none, since those look at the state as it is.
//
//   c = S B (B^T S B + diag(s^2) / 20)^-1 d,  d_j = (1 - exp(-m^2 / 2)) (h_j(z) - h_j(w)),  m = |change of the attribute's outputs / s|
//
// S is the covariance of w, B the regression of heads on w, h_j(w) what it says and s what that is off by (read-styles.ts): the least offset, in the spread of samples,
// by which w reads as heads of its z do. Without it a drawing whose mouth is further from a smile than those of samples are would be moved by as much as a sample,
// and come to rest between both.
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { EnergyWeights } from "../../compiler/weights.js";
import type { DrawContext } from "./batch.js";
import { readStyles, type StyleReading } from "./read-styles.js";
import type { SampleResult } from "./results.js";

/** Of the squares that readings are off by, what is not asked of them: directions in which heads hardly differ are not forced apart. */
const LEFT = 0.05;

/** The offset of w, [wDim], for a step from one state to another. */
export type ShownShift = (
  before: Pick<SampleResult, "heads">,
  after: Pick<SampleResult, "heads" | "w">,
) => Float32Array;

/** What is taken out of the shifts of some states; undefined where none has one, or heads look at w. Errors: as readStyles. */
export async function openShownShift(
  states: readonly SampleResult[],
  { model, engine, program, signal }: Pick<DrawContext, "model" | "engine" | "program" | "signal">,
): Promise<ShownShift | undefined> {
  if (!states.some((s) => s.shift !== undefined) || !readsZAlone(model.weights)) return undefined;
  const places = model.weights.heads.flatMap(({ picture }, k) => (picture === undefined ? [k] : []));
  return shownShift(await readStyles({ model, engine, truncation: program.truncation, signal }), places);
}

function readsZAlone({ heads, mapping }: EnergyWeights): boolean {
  const ofLatents = heads.filter((head) => head.picture === undefined);
  return mapping !== undefined && ofLatents.length > 0 && ofLatents.every((head) => head.space === "z");
}

/** `places`: those of the heads of z among all heads, in the order of the reading. */
export function shownShift(
  { slopes, saidOf, spread, covariance }: Pick<StyleReading, "slopes" | "saidOf" | "spread" | "covariance">,
  places: readonly number[],
): ShownShift {
  const along = covariance.mmul(slopes);
  const normal = slopes.transpose().mmul(along);
  spread.forEach((s, j) => normal.set(j, j, normal.get(j, j) + LEFT * s ** 2));
  const solver = new CholeskyDecomposition(normal.add(normal.transpose()).mul(0.5));
  return (before, after) => {
    const shown = saidOf(after.w);
    const wanted: number[] = [];
    for (const place of places) {
      const [was = [], is = []] = [before.heads[place], after.heads[place]];
      const first = wanted.length;
      const moved = is.reduce((sum, x, i) => sum + ((x - (was[i] ?? x)) / (spread[first + i] ?? 1)) ** 2, 0);
      const share = 1 - Math.exp(-moved / 2);
      for (const [i, x] of is.entries()) wanted.push(share * (x - (shown[first + i] ?? 0)));
    }
    return Float32Array.from(along.mmul(solver.solve(Matrix.columnVector(wanted))).getColumn(0));
  };
}
