// The latents that are labelled: sample i of a seed, its truncation and its jitter, and the w that they give.
// In: a model's mapping on an engine, a seed, ranges. Out: rows z, w, truncation, jitter.
// Invariants: row i is a pure function of (model, seed, i, ranges), so a run that goes on after a stop draws the rows that it would have drawn.
//
// A part of the rows may follow the flow of the model's heads first (follow.ts); the file then has the z where they end.
//
//   w_i = m + psi_i (g(z_i) - m) + s_i n_i     psi_i uniform in the range, n_i ~ N(0, I), s_i = jitter S u_i^2, u_i uniform in [0, 1)
//
// with S the root mean square of the standard deviations of g(z). Heads must know more than the latents a generator draws: sampling
// happens at truncation 0.7, and its flow leads where the prior has few samples. Small noise is drawn most often (u^2).
import type { Executable } from "../../compiler/graph/graph.js";
import { compileMapping } from "../../compiler/build/gradient.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Model } from "../../models/model.js";
import { fillGaussianNoise, fillUniformNoise } from "../../runtime/sample/noise.js";
import { openFollower } from "./follow.js";
import { drawLatents } from "../../runtime/sample/noise-source.js";

/** Rows of the mapping's tile: fixed, so that no bit depends on where a run began. */
const TILE = 16;
/** Samples that S is measured on. */
const MEASURED = 512;

export interface RowDrawing {
  readonly seed: number;
  readonly truncation: readonly [number, number];
  /** Largest noise in standard deviations of w. */
  readonly jitter: number;
  /** Part of the rows that go where the flow of the model's heads leads (follow.ts), before the jitter. */
  readonly follow?: number;
}

/** Row-major arrays of the rows asked for. */
export interface DrawnRows {
  readonly z: Float32Array;
  readonly w: Float32Array;
  /** g(z) of the starts: w before truncation, flow and jitter. */
  readonly mapped: Float32Array;
  readonly truncation: Float32Array;
  readonly jitter: Float32Array;
}

export interface RowDrawer {
  draw(start: number, count: number): Promise<DrawnRows>;
  dispose(): Promise<void>;
}

/**
 * Opens the mapping of a model.
 * Errors   InternalError for a conditional one whose class is not fixed (modelForClass).
 * Owns     an executable until it is disposed.
 */
export async function openDrawer(model: Model, engine: Engine, options: RowDrawing): Promise<RowDrawer> {
  const { weights, info } = model;
  const { wDim, zDim } = info;
  if (weights.mapping?.embedding !== undefined) throw new InternalError(`no class of ${info.name} has been chosen`);
  const mapping = await engine.compile(compileMapping(weights, TILE));
  const centre = weights.mapping?.wAverage.data ?? new Float32Array(wDim);
  const { seed, jitter, follow = 0 } = options;
  const follower = follow > 0 ? await openFollower(model, engine, seed) : undefined;
  const scale = jitter === 0 ? 0 : await spread(mapping, seed, zDim, wDim);
  return {
    dispose: async () => {
      await mapping.dispose();
      await follower?.dispose();
    },
    draw: async (start, count) => {
      const indices = Array.from({ length: count }, (_, i) => start + i);
      const { z, w: mapped } = await mapAll(mapping, seed, indices, zDim, wDim);
      const w = new Float32Array(count * wDim);
      const truncation = new Float32Array(count);
      const noise = new Float32Array(count);
      const uniform = new Float64Array(3);
      const moved: number[] = [];
      const normal = new Float64Array(wDim);
      // A model without mapping has no centre to truncate towards: its w is z (docs/language.md).
      // A decoder that truncates is told how much, and does it itself.
      const isTold = weights.mapping === undefined;
      const [low, high] = isTold && info.truncates !== true ? [1, 1] : options.truncation;
      indices.forEach((sample, row) => {
        fillUniformNoise({ seed, sample, purpose: "label", step: 0 }, uniform);
        const psi = low + (high - low) * (uniform[0] ?? 0);
        for (let k = 0; k < wDim; k++) {
          const m = centre[k] ?? 0;
          w[row * wDim + k] = m + (isTold ? 1 : psi) * ((mapped[row * wDim + k] ?? NaN) - m);
        }
        truncation[row] = psi;
        noise[row] = jitter * scale * (uniform[1] ?? 0) ** 2;
        if ((uniform[2] ?? 1) < follow) moved.push(row);
      });
      if (follower !== undefined && moved.length > 0) {
        const starts = pick(z, moved, zDim);
        const ends = await follower.follow(
          moved.map((row) => start + row),
          starts,
          pick(truncation, moved, 1),
        );
        moved.forEach((row, i) => {
          z.set(ends.z.subarray(i * zDim, (i + 1) * zDim), row * zDim);
          w.set(ends.w.subarray(i * wDim, (i + 1) * wDim), row * wDim);
        });
      }
      indices.forEach((sample, row) => {
        const s = noise[row] ?? 0;
        if (s === 0) return;
        fillGaussianNoise({ seed, sample, purpose: "label", step: 0, slot: 1 }, normal);
        for (let k = 0; k < wDim; k++) w[row * wDim + k] = (w[row * wDim + k] ?? NaN) + s * (normal[k] ?? 0);
      });
      if (weights.mapping === undefined) z.set(w);
      return { z, w, mapped, truncation, jitter: noise };
    },
  };
}

/** Some rows of a row-major array. */
function pick(data: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, i) => picked.set(data.subarray(row * width, (row + 1) * width), i * width));
  return picked;
}

/** g(z) of samples, in tiles. */
async function mapAll(
  mapping: Executable,
  seed: number,
  indices: readonly number[],
  zDim: number,
  wDim: number,
): Promise<{ readonly z: Float32Array; readonly w: Float32Array }> {
  const z = Float32Array.from(drawLatents(seed, indices, zDim));
  const w = new Float32Array(indices.length * wDim);
  for (let start = 0; start < indices.length; start += TILE) {
    const tile = new Float32Array(TILE * zDim);
    tile.set(z.subarray(start * zDim, (start + TILE) * zDim));
    const { w: mapped } = await mapping.run({ z: tile });
    if (mapped === undefined) throw new InternalError("the mapping gave no w");
    w.set(mapped.subarray(0, Math.min(TILE, indices.length - start) * wDim), start * wDim);
  }
  return { z, w };
}

/** S: the root mean square over dimensions of the standard deviation of g(z). */
async function spread(mapping: Executable, seed: number, zDim: number, wDim: number): Promise<number> {
  const indices = Array.from({ length: MEASURED }, (_, i) => i);
  const { w } = await mapAll(mapping, seed, indices, zDim, wDim);
  let total = 0;
  for (let k = 0; k < wDim; k++) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < MEASURED; row++) {
      const v = w[row * wDim + k] ?? NaN;
      sum += v;
      squares += v * v;
    }
    total += squares / MEASURED - (sum / MEASURED) ** 2;
  }
  return Math.sqrt(total / wDim);
}
