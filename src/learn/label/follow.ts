// Latents that the gradient flow of a model's heads leads to, for wishes drawn at random: the rows that heads are sure of, and may be wrong about.
// In: starts z and truncations. Out: the ends z, w. Invariants: a row follows from (model, seed, its index) alone: tiles are of one size; the
// wishes are inputs of one graph, so that every row of a tile has its own.
//
//   dz/dtau = grad_z sum over the attributes wished for of log p(wish | w(z)), by the midpoint rule, tau up to 5 (docs/language.md, samplers)
import type { Attribute } from "../../compiler/attribute.js";
import { compileRowMapping, compileWishGradient } from "../../compiler/build/wishes.js";
import type { Executable } from "../../compiler/graph/graph.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Model } from "../../models/model.js";
import { fillUniformNoise } from "../../runtime/sample/noise.js";

/** Rows that flow together. */
const TILE = 32;
/** How far rows flow, each as likely: the full length of a sampler is 5. */
const LENGTHS = [1, 2, 5, 5];
/** Midpoint steps of a length of 1. */
const STEPS = 12;
/** Most attributes wished for at once. */
const MOST_WISHES = 5;

export interface Followed {
  readonly z: Float32Array;
  readonly w: Float32Array;
}

export interface Follower {
  /** Rows `indices` of a seed, from their starts. Shapes z [n, zDim], truncation [n]. */
  follow(indices: readonly number[], z: Float32Array, truncation: Float32Array): Promise<Followed>;
  dispose(): Promise<void>;
}

/** Opens the flow of the heads of a model. Errors InternalError if it has none: the caller has looked. */
export async function openFollower(model: Model, engine: Engine, seed: number): Promise<Follower> {
  const { attributes, zDim, wDim } = model.info;
  if (attributes.length === 0) throw new InternalError("a model without heads has no flow");
  const velocity = await engine.compile(compileWishGradient(model, TILE));
  const readout = await engine.compile(compileRowMapping(model, TILE));
  return {
    dispose: async () => {
      await velocity.dispose();
      await readout.dispose();
    },
    follow: async (indices, z, truncation) => {
      const ends = { z: new Float32Array(z.length), w: new Float32Array(indices.length * wDim) };
      for (let start = 0; start < indices.length; start += TILE) {
        const rows = indices.slice(start, start + TILE);
        const tile = new Float32Array(TILE * zDim);
        tile.set(z.subarray(start * zDim, (start + TILE) * zDim));
        const psi = new Float32Array(TILE).fill(1);
        psi.set(truncation.subarray(start, start + TILE));
        const { inputs, lengths } = wishesOf(attributes, seed, rows);
        await flow(velocity, { ...inputs, psi }, tile, lengths, zDim);
        const { w } = await readout.run({ z: tile, psi });
        if (w === undefined) throw new InternalError("the flow gave no w");
        ends.z.set(tile.subarray(0, rows.length * zDim), start * zDim);
        ends.w.set(w.subarray(0, rows.length * wDim), start * wDim);
      }
      return ends;
    },
  };
}

/** What each row wishes: one to five attributes, a class or a value each, and how far it flows. Shapes target [TILE, classes or 1], weight [TILE]. */
export function wishesOf(
  attributes: readonly Attribute[],
  seed: number,
  rows: readonly number[],
): { readonly inputs: Record<string, Float32Array>; readonly lengths: readonly number[] } {
  const inputs: Record<string, Float32Array> = {};
  attributes.forEach((a, i) => {
    inputs[`target${i}`] = new Float32Array(TILE * (a.type === "scalar" ? 1 : a.classes.length));
    inputs[`weight${i}`] = new Float32Array(TILE);
  });
  const lengths = rows.map((sample, row) => {
    const drawn = new Float64Array(2 + 2 * attributes.length);
    fillUniformNoise({ seed, sample, purpose: "wish", step: 0 }, drawn);
    const [length = 0, many = 0, ...rest] = drawn;
    const count = Math.min(attributes.length, 1 + Math.floor(MOST_WISHES * many));
    // The attributes with the least of the first numbers, each with the value that its second number says.
    const order = attributes.map((_, i) => i).sort((p, q) => (rest[p] ?? 0) - (rest[q] ?? 0));
    for (const i of order.slice(0, count)) {
      const a = attributes[i];
      const [target, weight] = [inputs[`target${i}`], inputs[`weight${i}`]];
      if (a === undefined || target === undefined || weight === undefined) continue;
      const value = rest[attributes.length + i] ?? 0;
      weight[row] = 1;
      if (a.type === "scalar") target[row] = a.min + (a.max - a.min) * value;
      else target[row * a.classes.length + Math.floor(a.classes.length * value)] = 1;
    }
    return LENGTHS[Math.floor(LENGTHS.length * length)] ?? 1;
  });
  return { inputs, lengths };
}

/** Follows the flow, in place: the steps of all rows are as many, each row's as long as its length asks for. */
async function flow(
  velocity: Executable,
  inputs: Readonly<Record<string, Float32Array>>,
  z: Float32Array,
  lengths: readonly number[],
  zDim: number,
): Promise<void> {
  const steps = STEPS * Math.max(...LENGTHS);
  const half = new Float32Array(z.length);
  const move = (to: Float32Array, grad: Float32Array | undefined, part: number): void => {
    if (grad === undefined) throw new InternalError("the flow has no gradient");
    lengths.forEach((length, row) => {
      const h = (part * length) / steps;
      for (let k = row * zDim; k < (row + 1) * zDim; k++) {
        const slope = grad[k] ?? NaN;
        to[k] = (z[k] ?? 0) + (Number.isFinite(slope) ? h * slope : 0);
      }
    });
  };
  for (let step = 0; step < steps; step++) {
    move(half, (await velocity.run({ ...inputs, z }))["grad"], 0.5);
    move(z, (await velocity.run({ ...inputs, z: half }))["grad"], 1);
  }
}
