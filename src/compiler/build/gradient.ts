// What samplers run: log p of an energy and its gradient in z, as one optimized graph; and the read-out of w and all heads.
// In: weights, attribute table, energy, for edits what is held. Out: graphs for a tile of rows.
// Invariants: the mapping and each named head are evaluated once, forward and backward.
import type { Attribute } from "../attribute.js";
import { attributesNamed, type Energy, type Logic } from "../energy/energy.js";
import type { Varying } from "../energy/varying.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import { buildLogProb } from "./energy.js";
import { Numbers, readArguments, remember, type HeadOutput } from "./predicates.js";
import { buildHead, buildLatent } from "./model.js";
import { buildIdentityCharge, widthOfPicture, withPictures, type PictureTask } from "./pictures.js";
import type { Graph, NodeId, Shape } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { Keep } from "../plan.js";
import type { EnergyWeights } from "../weights.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import { stack, type Stacking } from "../passes/stack.js";

export interface ReadoutTask {
  readonly weights: EnergyWeights;
  /** psi of the truncation w = m + psi (w - m). */
  readonly truncation: number;
  /** Rows of the tile. */
  readonly rows: number;
  /** Whether w is the mapping's and a shift, which comes in as the input `shift` [rows, wDim]. */
  readonly shifted?: true;
}

export interface EnergyTask extends ReadoutTask {
  /** The model's table, in the order of `weights.heads`. */
  readonly attributes: readonly Attribute[];
  readonly energy: Energy;
  readonly logic: Logic;
  /** Of an edit: what holds the state near its anchor, which comes in as inputs. */
  readonly keep?: Keep;
  /** Numbers of the energy that come in as an input. */
  readonly varying?: Varying;
  /** Where heads look at pictures: how. */
  readonly look?: PictureTask | undefined;
}

/**
 * log p of an energy, less what `keep` charges, as built.
 *
 *   log p - latent (|w - w0|^2 + |z - z0|^2) - attributes sum over held of |f_j(w) - f_j(w0)|^2 - identity 100 (1 - cos(F(x), F(x0)))
 *
 * Shapes   input `z` [rows, zDim], output `logp` [rows], nats. With `shifted`, the input `shift`. With `keep`, inputs that its weights ask for: `z0` [rows, zDim] and
 *          `w0` [rows, wDim], `held0` [rows, K] (outputs of the held heads side by side), and where pictures are looked at that move from given styles,
 *          `styles0` and `w0`: see anchorsOf. With `varying`, `numbers` [rows, columns].
 * Errors   LaceError L5204 if an operation of a network over pictures is not read.
 */
export function buildEnergyGraph(task: EnergyTask): Graph {
  const { weights, attributes, energy, logic, truncation, rows, keep, varying, look } = task;
  const b = new GraphBuilder();
  const z = b.input("z", [rows, weights.zDim]);
  const w = shiftedBy(b, buildLatent(b, z, weights, truncation), task);
  const anchor = anchorInputs(b);
  const latents = withPictures(b, { z, w }, weights, look, anchor);
  const outputs = new Map<number, NodeId>();
  const head = (index: number): NodeId => {
    const output = outputs.get(index) ?? buildHead(b, latents, at(weights.heads, index));
    outputs.set(index, output);
    return output;
  };
  const numbers = new Numbers(b, rows, varying);
  const read = readArguments(head, attributes, numbers);
  const logp = buildLogProb(energy, read, attributes, logic, numbers);
  const charge = keep === undefined ? undefined : buildCharge(b, { ...latents, keep, head, anchor });
  return b.finish({ outputs: { logp: charge === undefined ? logp : b.sub(logp, charge) } });
}

/** w with the shift of each row, where there is one: the input `shift`, of the shape of w. */
function shiftedBy(b: GraphBuilder, w: NodeId, { shifted }: Pick<ReadoutTask, "shifted">): NodeId {
  return shifted === true ? b.add(w, b.input(SHIFT, b.shape(w))) : w;
}

/** The input by which w is shifted. */
export const SHIFT = "shift";

interface Held {
  readonly z: NodeId;
  readonly w: NodeId;
  readonly keep: Keep;
  readonly head: HeadOutput;
  readonly features?: () => NodeId;
  readonly anchor: AnchorInput;
}

/** The input of an anchor, which is in the graph once, and only where it is asked for. */
export type AnchorInput = (name: AnchorName, shape: Shape) => NodeId;

/** The anchors of a graph. */
export function anchorInputs(b: GraphBuilder): AnchorInput {
  const made = new Map<string, NodeId>();
  return (name, shape) => remember(made, name, () => b.input(name, shape));
}

/** What `keep` charges, [rows], nats; undefined if nothing. Adds the inputs that buildEnergyGraph names. */
export function buildCharge(b: GraphBuilder, { z, w, keep, head, features, anchor: input }: Held): NodeId | undefined {
  const charge = (x: NodeId, anchor: AnchorName, weight: number): NodeId => {
    const offset = b.sub(x, input(anchor, b.shape(x)));
    return b.mul(b.sum(b.square(offset), [1]), scalar(weight));
  };
  const anchors = anchorsOf(keep);
  const parts: NodeId[] = [];
  if (anchors.includes("z0")) parts.push(charge(z, "z0", keep.latent), charge(w, "w0", keep.latent));
  if (anchors.includes("held0")) parts.push(charge(b.concat(keep.held.map(head), 1), "held0", keep.attributes));
  if (keep.identity !== undefined && features !== undefined) {
    const own = features();
    parts.push(buildIdentityCharge(b, own, input("features0", b.shape(own)), keep.identity.weight));
  }
  return parts.length === 0 ? undefined : parts.reduce((sum, part) => b.add(sum, part));
}

/** Inputs of the gradient of an edit beside `z`. */
export type AnchorName = "z0" | "w0" | "held0" | "styles0" | "features0";

/** The anchors that a Keep needs. */
export function anchorsOf({ latent, attributes, held, identity }: Keep): readonly AnchorName[] {
  return [
    ...(identity === undefined ? [] : (["features0"] as const)),
    ...(latent > 0 ? (["z0", "w0"] as const) : []),
    ...(attributes > 0 && held.length > 0 ? (["held0"] as const) : []),
  ];
}

/** Whether pictures are looked at for an energy, or for what is held. */
export function looksAtPictures({
  energy,
  keep,
  weights,
}: Pick<EnergyTask, "energy" | "weights"> & { readonly keep?: Keep | undefined }): boolean {
  if (keep?.identity !== undefined) return true;
  const held = keep !== undefined && keep.attributes > 0 ? keep.held : [];
  return [...attributesNamed(energy), ...held].some((a) => weights.heads[a]?.picture !== undefined);
}

/** The anchors of a gradient: those of its Keep, and of pictures that move from given styles. */
export function anchorsOfGradient(task: EnergyTask): readonly AnchorName[] {
  const moved = task.look?.anchored === true && looksAtPictures(task) ? (["styles0", "w0"] as const) : [];
  return [...new Set([...(task.keep === undefined ? [] : anchorsOf(task.keep)), ...moved])];
}

/**
 * w and the outputs of all heads side by side, in table order, as built. Of heads that look at pictures there are zeros: what they say is told of
 * the styles that the picture is made from (compilePictureReadout).
 *
 * Shapes   input `z` [rows, zDim] and perhaps `shift` [rows, wDim], outputs `w` [rows, wDim] and `logits` [rows, K]; no `logits` for a model without heads.
 */
export function buildReadout(task: ReadoutTask): Graph {
  const { weights, truncation, rows } = task;
  const b = new GraphBuilder();
  const z = b.input("z", [rows, weights.zDim]);
  const w = shiftedBy(b, buildLatent(b, z, weights, truncation), task);
  const logits = weights.heads.map((head) => {
    if (head.picture === undefined) return buildHead(b, { z, w }, head);
    return b.mul(b.broadcast(b.sliceAxis(z, 1, 0, 1), [rows, widthOfPicture(head.picture)]), scalar(0));
  });
  return b.finish({ outputs: logits.length === 0 ? { w } : { w, logits: b.concat(logits, 1) } });
}

/** The read-out, optimized. Shapes as buildReadout. */
export function compileReadout(task: ReadoutTask, stacking: Stacking = "first"): Graph {
  return optimize(stack(simplify(buildReadout(task)), stacking));
}

/** The mapping alone, without truncation: z to w, optimized. Shapes as buildReadout without `logits`. */
export function compileMapping(weights: EnergyWeights, rows: number): Graph {
  return compileReadout({ weights: { ...weights, heads: [] }, truncation: 1, rows });
}

/**
 * log p and its gradient in z, optimized: what one step of a sampler evaluates.
 *
 * Shapes   inputs as buildEnergyGraph, outputs `logp` [rows] (nats) and `grad` [rows, zDim].
 */
export function compileEnergyGradient(task: EnergyTask, stacking: Stacking = "first"): Graph {
  const forward = simplify(stack(simplify(buildEnergyGraph(task)), stacking));
  return optimize(differentiate(forward, { of: "logp", wrt: { z: "grad" } }));
}
