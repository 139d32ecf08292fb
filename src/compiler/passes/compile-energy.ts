// What samplers run: log p of an energy and its gradient in z, as one optimized graph; and the read-out of w and all heads.
// In: weights, attribute table, energy. Out: graphs for a tile of rows.
// Invariants: the mapping and each named head are evaluated once, forward and backward.
import type { Attribute } from "../attribute.js";
import type { Energy, Logic } from "../energy/energy.js";
import { GraphBuilder } from "../graph/builder.js";
import { buildLogProb } from "../graph/build-energy.js";
import { buildHead, buildLatent } from "../graph/build-model.js";
import type { Graph } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import type { EnergyWeights } from "../weights.js";
import { differentiate } from "./differentiate.js";
import { optimize, simplify } from "./optimize.js";
import { stack, type Stacking } from "./stack.js";

export interface ReadoutTask {
  readonly weights: EnergyWeights;
  /** psi of the truncation w = m + psi (w - m). */
  readonly truncation: number;
  /** Rows of the tile. */
  readonly rows: number;
}

export interface EnergyTask extends ReadoutTask {
  /** The model's table, in the order of `weights.heads`. */
  readonly attributes: readonly Attribute[];
  readonly energy: Energy;
  readonly logic: Logic;
}

/** log p of an energy, as built. Shapes: input `z` [rows, zDim], output `logp` [rows], nats. */
export function buildEnergyGraph(task: EnergyTask): Graph {
  const { weights, attributes, energy, logic, truncation, rows } = task;
  const b = new GraphBuilder();
  const w = buildLatent(b, b.input("z", [rows, weights.zDim]), weights, truncation);
  const head = (index: number): number => buildHead(b, w, at(weights.heads, index));
  return b.finish({ outputs: { logp: buildLogProb(b, energy, head, attributes, logic, rows) } });
}

/**
 * w and the outputs of all heads side by side, in table order, as built.
 *
 * Shapes   input `z` [rows, zDim], outputs `w` [rows, wDim] and `logits` [rows, K]; no `logits` for a model without heads.
 */
export function buildReadout({ weights, truncation, rows }: ReadoutTask): Graph {
  const b = new GraphBuilder();
  const w = buildLatent(b, b.input("z", [rows, weights.zDim]), weights, truncation);
  const logits = weights.heads.map((head) => buildHead(b, w, head));
  return b.finish({ outputs: logits.length === 0 ? { w } : { w, logits: b.concat(logits, 1) } });
}

/** The read-out, optimized. Shapes as buildReadout. */
export function compileReadout(task: ReadoutTask, stacking: Stacking = "first"): Graph {
  return optimize(stack(simplify(buildReadout(task)), stacking));
}

/**
 * log p and its gradient in z, optimized: what one step of a sampler evaluates.
 *
 * Shapes   input `z` [rows, zDim], outputs `logp` [rows] (nats) and `grad` [rows, zDim].
 */
export function compileEnergyGradient(task: EnergyTask, stacking: Stacking = "first"): Graph {
  const forward = simplify(stack(simplify(buildEnergyGraph(task)), stacking));
  return optimize(differentiate(forward, { of: "logp", wrt: { z: "grad" } }));
}
