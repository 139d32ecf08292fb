// What a model draws, as whoever looks for a photograph wants to know it: how its styles are distributed, and small pictures of many samples.
// In: a model on an engine, a photograph at its size. Out: a StyleDistribution, the samples whose pictures are nearest. Both are kept between runs: they are of
// the model alone. Invariant: the samples are those of seed 0, so that a number names one.
import { compileMapping } from "../../compiler/build/gradient.js";
import { compileThumbnails, type PictureModel } from "../../compiler/build/likeness.js";
import type { StyleDistribution } from "../../compiler/build/likeness.js";
import { repeatStyles } from "../../compiler/build/synthesis.js";
import { imageSizeOf } from "../../compiler/attribute.js";
import type { Model } from "../../models/model.js";
import { concat } from "../../source/concat.js";
import { stopIfAborted } from "../../ports/stop.js";
import { drawLatents } from "../sample/noise-source.js";
import type { Engine } from "../services/engine.js";
import { remembered, type ResultCache } from "./result-cache.js";
import { resampled } from "./picture-floats.js";
import { classBias } from "./read-styles.js";
import { distributionOf, slopeOf } from "./style-distribution.js";

/** Samples that the distribution is made of, and those whose pictures are looked at. */
const SAMPLES = 8192;
const LOOKED_AT = 10_000;
/** Channels at which that takes seconds; of wider models fewer samples take as long. */
const NARROW = 128;
const LEAST_LOOKED_AT = 512;
/** The same where small pictures cost as much as whole ones, since a synthesis cannot stop early: of models that are small themselves, and of others. */
const LOOKED_AT_SMALL = 1024;
const LOOKED_AT_WHOLE = 64;
const SMALL = 64;
const MAPPING_ROWS = 256;
const THUMBNAIL_ROWS = 32;
/** Width up to which so many are made at once: of wider ones fewer take as much memory. */
const SMALL_ENOUGH = 32;
/** Width of the pictures that are looked at. */
const THUMBNAIL = 8;
/** psi at which samples are looked at: there pictures are whole. */
const SHOWN_AT = 0.7;

export interface SurveyTask {
  readonly model: Model;
  readonly engine: Engine;
  /** The model's pictures as a graph. */
  readonly pictures: PictureModel;
  readonly noise: "const" | "none";
  readonly resultCache?: ResultCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface ThumbnailTask extends Omit<SurveyTask, "resultCache"> {
  readonly onProgress?: (done: number) => void;
}

/** How w is distributed: before the mapping's last activation (`p`), or itself (`w`). */
export async function surveyStyles(space: "p" | "w", task: SurveyTask): Promise<StyleDistribution> {
  const { model, resultCache } = task;
  const { wDim } = model.info;
  const slope = slopeOf(space);
  const about = { kind: "style distribution", samples: SAMPLES, slope };
  const kept = { about, arrays: [classBias(model)], length: wDim + wDim * wDim };
  const numbers = await remembered(resultCache, kept, async () => {
    const indices = Array.from({ length: SAMPLES }, (_, k) => k);
    const found = distributionOf(await stylesAt(drawLatents(0, indices, model.info.zDim), task), wDim, slope);
    return concat([found.mean, found.root], Float32Array);
  });
  return { mean: numbers.slice(0, wDim), root: numbers.slice(wDim), slope };
}

export interface NearSample {
  readonly z: Float64Array;
  /** Truncated, as it was looked at. */
  readonly w: Float32Array;
}

/** Of the first samples, the `count` whose small pictures are nearest to a picture [3, height, width]. */
export async function nearestSamples(
  target: Float32Array,
  count: number,
  task: SurveyTask,
): Promise<readonly NearSample[]> {
  const { model } = task;
  const { zDim, wDim } = model.info;
  const { width, height } = imageSizeOf(model.info);
  const size = [THUMBNAIL, Math.max(1, Math.round((height * THUMBNAIL) / width))] as const;
  const wanted = resampled(target, [width, height], size);
  const all = await smallPictures(size, task);
  const distances = Array.from({ length: all.length / wanted.length }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < wanted.length; i++) sum += ((all[k * wanted.length + i] ?? 0) - (wanted[i] ?? 0)) ** 2;
    return sum;
  });
  const order = [...distances.keys()].sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0)).slice(0, count);
  const z = drawLatents(0, order, zDim);
  const w = shown(await stylesAt(z, task), model);
  return order.map((_, k) => ({ z: z.slice(k * zDim, (k + 1) * zDim), w: w.slice(k * wDim, (k + 1) * wDim) }));
}

/** w of some z [n, zDim], without truncation; z itself where there is no mapping. */
export async function stylesAt(
  z: Float64Array,
  { model, engine, signal }: Pick<SurveyTask, "model" | "engine" | "signal">,
): Promise<Float32Array> {
  const { zDim, wDim } = model.info;
  const n = z.length / zDim;
  if (model.weights.mapping === undefined) return Float32Array.from(z);
  const rows = Math.min(MAPPING_ROWS, n);
  const w = new Float32Array(n * wDim);
  const mapping = await engine.compile(compileMapping(model.weights, rows));
  try {
    const input = new Float32Array(rows * zDim);
    for (let at = 0; at < n; at += rows) {
      stopIfAborted(signal);
      const some = Math.min(rows, n - at);
      input.set(z.subarray(at * zDim, (at + some) * zDim));
      const read = await mapping.run({ z: input });
      w.set((read["w"] ?? new Float32Array(0)).subarray(0, some * wDim), at * wDim);
    }
  } finally {
    await mapping.dispose();
  }
  return w;
}

/** The small pictures of the first samples, [n, 3, height, width]. */
async function smallPictures(size: readonly [number, number], task: SurveyTask): Promise<Float32Array> {
  const { model, noise, resultCache } = task;
  const count = lookedAt(model);
  const numbers = 3 * size[0] * size[1];
  const about = { kind: "small pictures", count, size, noise, class: classOf(model) };
  const kept = { about, arrays: [classBias(model)], length: count * numbers };
  return remembered(resultCache, kept, () => samplePictures(count, size, task));
}

/** Pictures of the first samples at a size, [n, 3, height, width], nearly in [-1, 1]. */
export async function samplePictures(
  count: number,
  size: readonly [number, number],
  task: SurveyTask,
): Promise<Float32Array> {
  const indices = Array.from({ length: count }, (_, k) => k);
  const w = shown(await stylesAt(drawLatents(0, indices, task.model.info.zDim), task), task.model);
  return thumbnailsOf(w, size, task);
}

/** Pictures of w [n, wDim] at a size, [n, 3, height, width], nearly in [-1, 1]. `onProgress`: told how many there are. */
export async function thumbnailsOf(
  w: Float32Array,
  size: readonly [number, number],
  { model, engine, pictures, noise, signal, onProgress }: ThumbnailTask,
): Promise<Float32Array> {
  const { numWs, wDim } = model.info;
  const [count, numbers] = [w.length / wDim, 3 * size[0] * size[1]];
  const out = new Float32Array(count * numbers);
  const rows = Math.min(THUMBNAIL_ROWS, Math.max(1, Math.floor(THUMBNAIL_ROWS * (SMALL_ENOUGH / size[0]) ** 2)));
  const graph = await engine.compile(compileThumbnails({ pictures, rows, layout: engine.layout, noise, size }));
  try {
    const tile = new Float32Array(rows * wDim);
    for (let at = 0; at < count; at += rows) {
      stopIfAborted(signal);
      const some = Math.min(rows, count - at);
      tile.set(w.subarray(at * wDim, (at + some) * wDim));
      const { small = new Float32Array() } = await graph.run({ ws: repeatStyles(tile, rows, numWs) });
      out.set(small.subarray(0, some * numbers), at * numbers);
      onProgress?.(at + some);
    }
  } finally {
    await graph.dispose();
  }
  return out;
}

/** Styles at the truncation at which they are looked at. */
function shown(w: Float32Array, model: Model): Float32Array {
  return truncated(w, model, () => SHOWN_AT);
}

/** w [n, wDim] with each row at a truncation of its own: psi of the way from the average. */
export function truncated(
  w: Float32Array,
  { info, weights }: Pick<Model, "info" | "weights">,
  psiOf: (row: number) => number,
): Float32Array {
  const average = weights.mapping?.wAverage.data;
  return w.map((x, i) => {
    const centre = average?.[i % info.wDim] ?? 0;
    return centre + psiOf(Math.floor(i / info.wDim)) * (x - centre);
  });
}

function lookedAt({ info, synthesis }: Model): number {
  if (synthesis !== undefined && synthesis.style !== "alias-free" && synthesis.first.toRgb !== undefined) {
    const [channels = NARROW] = synthesis.first.constant.shape;
    return Math.min(LOOKED_AT, Math.max(LEAST_LOOKED_AT, Math.round(LOOKED_AT * (NARROW / channels) ** 2)));
  }
  return info.resolution <= SMALL ? LOOKED_AT_SMALL : LOOKED_AT_WHOLE;
}

/** The class that a model for one task draws. */
function classOf({ decoder }: Model): number | undefined {
  return decoder?.class;
}
