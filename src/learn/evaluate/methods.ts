// Other ways to the images of a set, for the table that they stand in beside the script's own: rejection and linear directions.
// In: a task's condition, its model's read-out, draws of the prior. Out: latents, as a sampler would give them, and what they cost.
// Invariants: nothing here asks the judge; images start from the noise, or the pictures, that the script's own start from; every draw is keyed
// by seed and index.
import type { Attribute } from "../../compiler/attribute.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import { holds, log1mexp, logProb, type HeadOutputs } from "../../compiler/energy/interpret.js";
import { drawLatents } from "../../runtime/sample/noise-source.js";
import type { ReadoutRow } from "../../runtime/draw/readout.js";
import { stylesOf } from "../../runtime/draw/styles.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import { conjunctsOf } from "./conditions.js";
import { fitLinear, linearMove, readLinear, type LinearFit } from "./linear.js";

/** Seeds that scripts do not happen to use. */
const FIT_SEED = 4_000_000_011;
const REJECTION_SEED = 4_000_000_019;
/** Unconditional draws that directions are fitted to: their latents and what the heads say, no images. */
const FITTED = 2000;
/** Log odds further out say no more than that something is sure. */
const SURE = 8;
/** Fewer draws that satisfy a condition do not tell where such draws lie. */
const FEW = 5;

/** w and the heads at some z, [n, zDim]. */
export type ReadLatents = (z: Float64Array) => Promise<readonly ReadoutRow[]>;

/** A picture-to-be of another method. */
export interface Candidate {
  /** Layer by layer, [numWs, wDim]. */
  readonly styles: Float32Array;
  readonly owner: { readonly seed: number; readonly sample: number };
  /** Where it is known: [zDim]. */
  readonly z?: Float64Array;
  /** The picture of the script's that it stands beside. */
  readonly beside: SampleResult;
}

/** What a method gave. */
export interface Candidates {
  readonly images: readonly Candidate[];
  /** Of the network, for one image. */
  readonly evaluations: number;
}

/** Draws of the prior with what the heads say of them, to fit directions to. */
export interface Draws {
  readonly latents: readonly Float32Array[];
  readonly heads: readonly HeadOutputs[];
}

/** Draws that directions are fitted to. */
export async function drawPrior(read: ReadLatents, zDim: number): Promise<Draws> {
  const rows = await read(
    drawLatents(
      FIT_SEED,
      Array.from({ length: FITTED }, (_, i) => i),
      zDim,
    ),
  );
  return { latents: rows.map((r) => r.w), heads: rows.map((r) => r.heads) };
}

/**
 * Rejection by the heads: for each image as many draws of the prior as `tries`, until the heads are satisfied; the likeliest by them if they
 * never are.
 */
export async function rejectByHeads(
  outcomes: readonly SampleResult[],
  energy: Energy,
  read: ReadLatents,
  { tries, zDim, numWs }: { readonly tries: number; readonly zDim: number; readonly numWs: number },
): Promise<Candidates> {
  const images: Candidate[] = [];
  let evaluations = 0;
  for (const [i, beside] of outcomes.entries()) {
    const samples = Array.from({ length: tries }, (_, k) => i * tries + k);
    const z = drawLatents(REJECTION_SEED, samples, zDim);
    const rows = await read(z);
    const accepted = rows.findIndex((r) => holds(energy, r.heads));
    const likeliest = (): number => {
      const each = rows.map((r) => logProb(energy, "product", r.heads));
      return each.indexOf(Math.max(...each));
    };
    const k = accepted >= 0 ? accepted : likeliest();
    evaluations += accepted >= 0 ? accepted + 1 : tries;
    const row = rows[k];
    if (row === undefined) continue;
    images.push({
      ...{ styles: stylesOf(row, numWs), z: z.slice(k * zDim, (k + 1) * zDim), beside },
      owner: { seed: REJECTION_SEED, sample: samples[k] ?? 0 },
    });
  }
  return { images, evaluations: evaluations / Math.max(1, outcomes.length) };
}

/** A condition as a linear move: how far each of its conjuncts is to be moved, where the others are held. */
export interface Direction {
  /** What to add to a w that one has, [d]. */
  move(w: ArrayLike<number>): Float64Array;
}

/**
 * The direction of a condition among draws of the prior. A conjunct `is x` moves its scalar to x; any other moves the log odds that the heads
 * give it to their mean over the draws that they say satisfy it, and stays where it is beyond. `held`: attributes that the condition does not
 * name are projected out, but those whose heads look at pictures.
 *
 * Out      undefined where too few draws satisfy a conjunct: nothing says then where to go.
 */
export function directionOf(
  energy: Energy,
  attributes: readonly Attribute[],
  { latents, heads }: Draws,
  held: boolean,
): Direction | undefined {
  const conjuncts = conjunctsOf(energy);
  const named = attributesNamed(energy);
  const others = held
    ? attributes.flatMap((a, k) => (named.has(k) || heads[0]?.[k]?.length === 0 ? [] : [{ a, k }]))
    : [];
  const readings = heads.map((h) => [
    ...conjuncts.map((e) => readingOf(e, h)),
    ...others.flatMap(({ a, k }) => (a.type === "scalar" ? [h[k]?.[0] ?? NaN] : centred(h[k] ?? []))),
  ]);
  const fit: LinearFit = fitLinear(latents, readings);
  const targets: number[] = [];
  for (const [c, e] of conjuncts.entries()) {
    const satisfied = readings.flatMap((r, i) => (holds(e, heads[i] ?? []) ? [r[c] ?? NaN] : []));
    if (e.kind === "near") targets.push(e.target);
    else if (satisfied.length < FEW) return undefined;
    else targets.push(satisfied.reduce((a, b) => a + b, 0) / satisfied.length);
  }
  const move = linearMove(fit, conjuncts.length, held);
  return {
    move: (w) => {
      const now = readLinear(fit, w);
      return move(
        conjuncts.map((e, c) => {
          const change = (targets[c] ?? 0) - (now[c] ?? 0);
          return e.kind === "near" ? change : Math.max(0, change);
        }),
      );
    },
  };
}

/** What of a conjunct a linear function is fitted to. */
function readingOf(e: Energy, heads: HeadOutputs): number {
  if (e.kind === "near") return heads[e.attribute]?.[0] ?? NaN;
  const logp = logProb(e, "product", heads);
  return Math.max(-SURE, Math.min(SURE, logp - log1mexp(Math.min(0, logp))));
}

/** Logits less their mean: what of them means something. */
function centred(logits: readonly number[]): number[] {
  const mean = logits.reduce((a, b) => a + b, 0) / Math.max(1, logits.length);
  return logits.map((v) => v - mean);
}

/** Styles moved by a step, in the layers `layers` (inclusive; default: all). */
export function moveStyles(
  styles: Float32Array,
  move: Float64Array,
  layers: readonly [number, number] | undefined,
): Float32Array {
  const d = move.length;
  const [from, to] = layers ?? [0, styles.length / d - 1];
  return styles.map((value, i) => {
    const layer = Math.floor(i / d);
    return layer < from || layer > to ? value : value + (move[i % d] ?? 0);
  });
}
