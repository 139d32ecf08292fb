// Where the mapping comes near a given w, and heads of z say what w shows: the graph that z is looked for by.
// In: a mapping with its truncation, heads of z, how w is distributed. Out: a Graph of minus how far a z is from what is wanted, with its gradient in z.
// Invariant: where the mapping takes z by its direction alone, so does the graph: heads see z at the length of samples.
//
//   near = -(nearness |u(g(z)) - u0|^2 + sum over outputs of heads of ((h_j(z) - h0_j) / s_j)^2),  w = sqrt2 leakyRelu(A u + m)
import { scalar, GraphBuilder } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";
import type { EnergyWeights } from "../weights.js";
import { LAST_GAIN } from "./likeness.js";
import { compileReadout, type ReadoutTask } from "./gradient.js";
import { buildHead, buildLatent } from "./model.js";

/** u of styles: undone [d] is w before its last activation, whitening [d, d] the inverse of A, row-major. */
export interface StyleCoordinates {
  readonly mean: Float32Array;
  readonly whitening: Float32Array;
  /** Of negatives, in the activation that is undone. */
  readonly slope: number;
}

export interface MappingFitTask {
  /** Its heads are those of z. */
  readonly weights: EnergyWeights;
  readonly truncation: number;
  readonly rows: number;
  readonly coordinates: StyleCoordinates;
  /** s [outputs of the heads]; empty where there are none. */
  readonly spread: Float32Array;
  readonly nearness: number;
}

/** Added to |z|^2, so that z = 0 has a direction. */
const LEAST_LENGTH = 1e-8;

/**
 * How near z is to what is wanted, and the gradient.
 * Shapes   inputs `z` [rows, zDim], `target` [rows, wDim], which is u0, and with heads `said` [rows, K], h0; outputs `near` [rows], `grad` [rows, zDim].
 */
export function compileMappingFit(task: MappingFitTask): Graph {
  const { weights, truncation, rows, coordinates, spread, nearness } = task;
  const b = new GraphBuilder();
  const input = b.input("z", [rows, weights.zDim]);
  const z = weights.mapping?.normalize === true ? buildOnSphere(b, input, weights.zDim) : input;
  const w = buildLatent(b, z, weights, truncation);
  const away = b.sub(buildCoordinates(b, w, coordinates), b.input("target", b.shape(w)));
  let far = b.mul(b.sum(b.square(away), [1]), scalar(nearness));
  if (weights.heads.length > 0) {
    const said = b.concat(
      weights.heads.map((head) => buildHead(b, { z, w }, head)),
      1,
    );
    const off = b.mul(
      b.sub(said, b.input("said", b.shape(said))),
      b.constant(
        spread.map((s) => 1 / s),
        [spread.length],
      ),
    );
    far = b.add(far, b.sum(b.square(off), [1]));
  }
  const graph = b.finish({ outputs: { near: b.neg(far) } });
  return optimize(differentiate(simplify(graph), { of: "near", wrt: { z: "grad" } }));
}

/** Samples as the fit sees them. Shapes: input `z` [rows, zDim], outputs `w` [rows, wDim] and what heads of `weights` say, `logits` [rows, K], where there are any. */
export function compileStyleReading(task: Pick<ReadoutTask, "weights" | "truncation" | "rows">): Graph {
  return compileReadout(task);
}

function buildOnSphere(b: GraphBuilder, z: NodeId, zDim: number): NodeId {
  const square = b.add(b.sum(b.square(z), [1], true), scalar(LEAST_LENGTH));
  return b.mul(b.mul(z, b.rsqrt(square)), scalar(Math.sqrt(zDim)));
}

function buildCoordinates(b: GraphBuilder, w: NodeId, { mean, whitening, slope }: StyleCoordinates): NodeId {
  const d = mean.length;
  const v = b.leakyRelu(w, 1 / slope, 1 / LAST_GAIN);
  return b.matmul(b.sub(v, b.constant(mean, [d])), b.transpose(b.constant(whitening, [d, d]), [1, 0]));
}
