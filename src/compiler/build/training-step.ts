// The training step as two graphs: the loss and its gradient in the weights, for an engine; and the update by Adam of any number of weights, which
// is elementwise, for the WebAssembly target: engines read and write the weights once for each of its ten operations.
// In: the sizes of a network. Out: optimized Graphs. Invariants: the gradient is our own differentiation; that in parameter P comes out as `P.g`.
import { buildHeadOutputs, buildTrainingLoss, parametersOf, type HeadNetwork, type ScalarLoss } from "./training.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { differentiate } from "../passes/differentiate.js";
import { optimize, simplify } from "../passes/optimize.js";

export interface TrainingStep {
  readonly network: HeadNetwork;
  /** Of a minibatch. */
  readonly rows: number;
  readonly scalarLoss: ScalarLoss;
}

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay: each step weights (not biases) shrink by the learning rate times this. */
  readonly decay: number;
}

/** Names of a parameter's moments. */
export const momentNames = (parameter: string) => ({ mean: `${parameter}.m`, square: `${parameter}.v` });

/** Name of the gradient in a parameter. */
export function gradientName(parameter: string): string {
  return `${parameter}.g`;
}

/** The scalar inputs of an update. */
export type StepScalars = { readonly rate: number; readonly epsilon: number; readonly keep: number };

/**
 * The scalar inputs of step t (from 1) at a learning rate: bias corrections, and what is left of the weights by the decay.
 *
 *   m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + epsilon, times the rate, in terms of the stored moments m / (1 - beta1) and
 *   v / (1 - beta2): rate' M / (sqrt(V) + epsilon')
 */
export function stepScalars({ beta1, beta2, epsilon, decay }: AdamSettings, step: number, rate: number): StepScalars {
  const mean = (1 - beta1) / (1 - beta1 ** step);
  const root = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
  return { rate: (rate * mean) / root, epsilon: epsilon / root, keep: 1 - rate * decay };
}

/**
 * The loss of a minibatch and its gradient, optimized.
 *
 * Shapes   inputs and outputs as buildTrainingLoss; and for each parameter P an output `P.g` of its shape.
 */
export function compileTrainingGradient({ network, rows, scalarLoss }: TrainingStep): Graph {
  const loss = simplify(buildTrainingLoss(network, rows, scalarLoss));
  const wrt = Object.fromEntries(parametersOf(network).map(({ name }) => [name, gradientName(name)]));
  return optimize(differentiate(loss, { of: "loss", wrt }));
}

/** The outputs of every head, optimized. Shapes as buildHeadOutputs. */
export function compileHeadOutputs(network: HeadNetwork, rows: number): Graph {
  return optimize(buildHeadOutputs(network, rows));
}

/**
 * The update of some weights.
 *
 *   M <- beta1 M + G,  V <- beta2 V + G^2,  P <- keep P - rate M / (sqrt(V) + epsilon)
 *
 * with M and V the moments of Adam divided by 1 - beta, which saves a product each.
 *
 * Shapes   inputs `weights`, `mean`, `square`, `gradient` [size], `rate`, `epsilon`, `keep` []; outputs `weights`, `mean`, `square`.
 * Source   Kingma, Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; decay as Loshchilov, Hutter, "Decoupled weight
 *          decay regularization" (2019).
 */
export function buildAdam({ beta1, beta2 }: AdamSettings, size: number): Graph {
  const b = new GraphBuilder();
  const [rate, epsilon, keep] = [b.input("rate", []), b.input("epsilon", []), b.input("keep", [])];
  const g = b.input("gradient", [size]);
  const mean = b.add(b.mul(b.input("mean", [size]), scalar(beta1)), g);
  const square = b.add(b.mul(b.input("square", [size]), scalar(beta2)), b.square(g));
  const change = b.mul(b.div(mean, b.add(b.sqrt(square), epsilon)), rate);
  return b.finish({ outputs: { weights: b.sub(b.mul(b.input("weights", [size]), keep), change), mean, square } });
}
