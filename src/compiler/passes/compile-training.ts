// The training step: loss, its gradient in the weights and the update by Adam in one graph, so that one run is one step.
// In: the sizes of a network. Out: an optimized Graph.
// Invariants: the gradient is our own differentiation; every parameter P goes in with its two moments as `P`, `P.m`, `P.v` and comes
// out under the same names.
import {
  buildTrainingLoss,
  parametersOf,
  type HeadNetwork,
  type Parameter,
  type ScalarLoss,
} from "../graph/build-training.js";
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { differentiate } from "./differentiate.js";
import { optimize, simplify } from "./optimize.js";
import { copyNode } from "./rewrite.js";

export interface TrainingStep {
  readonly network: HeadNetwork;
  /** Of a minibatch. */
  readonly rows: number;
  readonly scalarLoss: ScalarLoss;
  readonly adam: AdamSettings;
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

/** The scalar inputs of a step. */
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
 * One step of training, optimized.
 *
 *   G = dloss/dP,  M <- beta1 M + G,  V <- beta2 V + G^2,  P <- keep P - rate M / (sqrt(V) + epsilon)
 *
 * with M and V the moments of Adam divided by 1 - beta, which saves a product each.
 *
 * Shapes   inputs as buildTrainingLoss, the moments, and `rate`, `epsilon`, `keep` []; outputs as its, and the new parameters and moments.
 * Source   Kingma, Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; decay as Loshchilov, Hutter, "Decoupled weight
 *          decay regularization" (2019).
 */
export function compileTrainingStep({ network, rows, scalarLoss, adam }: TrainingStep): Graph {
  const parameters = parametersOf(network);
  const loss = simplify(buildTrainingLoss(network, rows, scalarLoss));
  const gradient = differentiate(loss, {
    of: "loss",
    wrt: Object.fromEntries(parameters.map(({ name }) => [name, gradientName(name)])),
  });
  return optimize(appendAdam(gradient, parameters, adam));
}

function gradientName(parameter: string): string {
  return `${parameter}.g`;
}

function appendAdam(graph: Graph, parameters: readonly Parameter[], adam: AdamSettings): Graph {
  const b = new GraphBuilder();
  const mapped: NodeId[] = [];
  for (const node of graph.nodes) mapped.push(copyNode(b, node, mapped));
  const output = (name: string): NodeId =>
    at(
      mapped,
      at(
        graph.outputs.filter((o) => o.name === name),
        0,
      ).node,
    );
  const input = (name: string): NodeId =>
    at(
      mapped,
      at(
        graph.inputs.filter((i) => i.name === name),
        0,
      ).node,
    );
  const [rate, epsilon, keep] = [b.input("rate", []), b.input("epsilon", []), b.input("keep", [])];
  const gradients = new Set(parameters.map((p) => gradientName(p.name)));
  const updates = parameters.flatMap(({ name, shape, role }) => {
    const names = momentNames(name);
    const g = output(gradientName(name));
    const mean = b.add(b.mul(b.input(names.mean, shape), scalar(adam.beta1)), g);
    const square = b.add(b.mul(b.input(names.square, shape), scalar(adam.beta2)), b.square(g));
    const change = b.mul(b.div(mean, b.add(b.sqrt(square), epsilon)), rate);
    const before = input(name);
    const kept = adam.decay > 0 && role === "weight" ? b.mul(before, keep) : before;
    return [
      [name, b.sub(kept, change)],
      [names.mean, mean],
      [names.square, square],
    ] as const;
  });
  const values = graph.outputs.filter((o) => !gradients.has(o.name));
  return b.finish({
    outputs: { ...Object.fromEntries(values.map((o) => [o.name, output(o.name)])), ...Object.fromEntries(updates) },
  });
}
