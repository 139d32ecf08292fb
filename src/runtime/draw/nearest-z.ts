// The z whose w is nearest to a given one: where edits of pictures that came from elsewhere begin.
// In: a model on an engine, some w. Out: a z for each. What w has beyond the mapping of its z stays with the picture as its shift.
// Invariants: a z depends on its own w alone, whatever others are looked for with it; where the mapping takes z by its direction alone, z has the length
// that samples have, sqrt(zDim), since heads of z look at that too.
import { compileMappingFit } from "../../compiler/build/mapping-fit.js";
import type { Model } from "../../models/model.js";
import { drawLatents } from "../sample/noise-source.js";
import type { Engine } from "../services/engine.js";
import { ascend, bestRow } from "./ascent.js";
import { stylesAt, truncated } from "./survey.js";

/** Samples that the search begins at the nearest of. */
const CANDIDATES = 4096;
/** Starts for each w. */
const STARTS = 4;
const STEPS = 600;
const RATE = 0.2;
/** Rows of the fit's tile. */
const ROWS = 16;

export interface NearestZ {
  readonly model: Model;
  readonly engine: Engine;
  readonly truncation: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A z for each w.
 * Shapes   `targets` [wDim] each -> [zDim] each. Errors: LaceError L4106 if `signal` aborts.
 */
export async function nearestZ(targets: readonly Float32Array[], source: NearestZ): Promise<readonly Float64Array[]> {
  const { model, engine, truncation, signal } = source;
  const { zDim, wDim } = model.info;
  const { mapping } = model.weights;
  if (mapping === undefined) return targets.map((w) => Float64Array.from(w));
  const onSphere = mapping.normalize;
  const candidates = await drawCandidates(source);
  const fit = await engine.compile(compileMappingFit({ weights: model.weights, truncation, rows: ROWS }));
  const all: Float64Array[] = [];
  try {
    for (let first = 0; first < targets.length; first += ROWS / STARTS) {
      const own = targets.slice(first, first + ROWS / STARTS);
      const z = new Float64Array(ROWS * zDim);
      const target = new Float32Array(ROWS * wDim);
      own.forEach((w, k) => {
        nearestOf(candidates, w).forEach((start, s) => {
          z.set(start, (k * STARTS + s) * zDim);
          target.set(w, (k * STARTS + s) * wDim);
        });
      });
      const found = await ascend(z, {
        ...{ graph: fit, of: "z", value: "near", inputs: { target }, rows: ROWS, steps: STEPS, rate: RATE, signal },
        ...(onSphere && { project: (x: Float64Array) => toSphere(x, zDim) }),
      });
      own.forEach((_, k) => {
        const rows = Array.from({ length: STARTS }, (_unused, s) => k * STARTS + s);
        all.push(bestRow(found, rows));
      });
    }
  } finally {
    await fit.dispose();
  }
  return all;
}

/** Every row at the distance from the origin that samples have. */
export function toSphere(z: Float64Array, zDim: number): void {
  for (let at = 0; at < z.length; at += zDim) {
    const row = z.subarray(at, at + zDim);
    const length = Math.hypot(...row);
    if (length > 0) row.forEach((x, i) => (row[i] = (x * Math.sqrt(zDim)) / length));
  }
}

interface Candidates {
  readonly z: Float64Array;
  readonly w: Float32Array;
  readonly zDim: number;
  readonly wDim: number;
}

async function drawCandidates({ model, engine, truncation, signal }: NearestZ): Promise<Candidates> {
  const { zDim, wDim } = model.info;
  const z = drawLatents(0, [...Array(CANDIDATES).keys()], zDim);
  const w = truncated(await stylesAt(z, { model, engine, signal }), model, () => truncation);
  return { z, w, zDim, wDim };
}

/** The z of the STARTS candidates whose w is nearest. */
function nearestOf({ z, w, zDim, wDim }: Candidates, target: Float32Array): readonly Float64Array[] {
  const distances = Float64Array.from({ length: z.length / zDim }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < wDim; i++) sum += ((w[k * wDim + i] ?? 0) - (target[i] ?? 0)) ** 2;
    return sum;
  });
  const order = [...distances.keys()].sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0));
  return order.slice(0, STARTS).map((k) => z.subarray(k * zDim, (k + 1) * zDim));
}
