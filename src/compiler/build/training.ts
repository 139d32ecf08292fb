// The loss of attribute heads as a graph, with the weights as inputs: what `lacec train` differentiates.
// In: the sizes of a network, rows of a minibatch. Out: a Graph with the loss, and one with the outputs alone.
// Invariants: heads with the same number of outputs form a stack, whose layers are one product each; nothing is shared between heads but the layer that a network
// says they share, so the loss of each depends on its own weights only; what is missing or weighted is in the inputs, not in the graph.
import { GraphBuilder, scalar } from "../graph/builder.js";
import type { Graph, NodeId, Shape } from "../graph/graph.js";
import { at } from "../graph/shape.js";

/** Slope for negatives of the leaky ReLU between a head's layers. */
const SLOPE = 0.2;

/** Heads of one form: so many logits each, or (scalars) one number. */
export interface HeadStack {
  readonly kind: "class" | "scalar";
  readonly heads: number;
  readonly outputs: number;
}

/** Heads of one depth and width on one input. */
export interface HeadNetwork {
  readonly inputs: number;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  /** Width of one layer that all heads share, of tanh, beside which each head sees the latent; there are no hidden layers then. */
  readonly shared?: number;
  readonly stacks: readonly HeadStack[];
}

/** The loss of a scalar's residual r, in units of the target: r^2 / 2, or the smooth L1 that is r^2 / (2 beta) up to beta, then linear. */
export type ScalarLoss = { readonly kind: "gaussian" } | { readonly kind: "smooth-l1"; readonly beta: number };

/** One tensor of weights: an input of the graphs, by this name and of this shape. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  readonly role: "weight" | "bias";
  /** SHARED: of the layer that all heads share. */
  readonly stack: number;
  readonly layer: number;
}

/** The stack of parameters that are of all heads, and the layer of those that read the latent beside what is shared. */
export const SHARED = -1;
export const DIRECT = -1;
/** Names of what a network with a shared layer has besides; its last layers are named as those of heads without hidden layers. */
export const sharedNames = { weight: "w.shared", bias: "b.shared" } as const;

/** Name of the input of latents [rows, inputs] that stacks of a kind take: training adds more noise for classes than for scalars. */
export const latentName = (kind: HeadStack["kind"]): string => `x.${kind}`;

/** The latents for stacks of both kinds. */
export function latentInputs<T>(network: HeadNetwork, of: (kind: HeadStack["kind"]) => T): Record<string, T> {
  return Object.fromEntries(network.stacks.map(({ kind }) => [latentName(kind), of(kind)]));
}

/** Names of a stack's inputs and outputs. */
export const stackNames = (stack: number) => ({
  /** Shape [heads, rows, outputs]: probabilities of classes times the row's weight; of scalars the wanted number. */
  target: `target${stack}`,
  /** Shape [heads, rows, 1]: the row's weight in the head's loss; 0 where the label is missing. */
  weight: `weight${stack}`,
  /** Shape [heads]: each head's part of the loss. */
  losses: `losses${stack}`,
  /** [heads, rows, outputs]. */
  outputs: `outputs${stack}`,
});

/** The weights of a network: what is shared, then stack by stack and layer by layer weight [heads, in, out] and bias [heads, 1, out]. */
export function parametersOf({ inputs, hidden, shared, stacks }: HeadNetwork): readonly Parameter[] {
  const isShared = shared !== undefined;
  const common: readonly Parameter[] = isShared
    ? [
        { name: sharedNames.weight, shape: [1, inputs, shared], role: "weight", stack: SHARED, layer: 0 },
        { name: sharedNames.bias, shape: [1, 1, shared], role: "bias", stack: SHARED, layer: 0 },
      ]
    : [];
  const own = stacks.flatMap(({ heads, outputs }, stack) => {
    const widths = [shared ?? inputs, ...hidden, outputs];
    const layers = widths.slice(1).flatMap((columns, layer): Parameter[] => [
      { name: `w${stack}.${layer}`, shape: [heads, at(widths, layer), columns], role: "weight", stack, layer },
      { name: `b${stack}.${layer}`, shape: [heads, 1, columns], role: "bias", stack, layer },
    ]);
    const shape = [heads, inputs, outputs];
    const direct: Parameter = { name: `v${stack}`, shape, role: "weight", stack, layer: DIRECT };
    return isShared ? [...layers, direct] : layers;
  });
  return [...common, ...own];
}

/**
 * The outputs of every head.
 *
 * Shapes   inputs of latents [rows, inputs] by latentName and the parameters; outputs `outputsS` [heads, rows, outputs] for stack S.
 */
export function buildHeadOutputs(network: HeadNetwork, rows: number): Graph {
  const b = new GraphBuilder();
  const outputs = buildStacks(b, network, rows);
  return b.finish({ outputs: Object.fromEntries(outputs.map((node, s) => [stackNames(s).outputs, node])) });
}

/**
 * The loss of a minibatch: the sum over heads of the weighted sum over rows of
 *
 *   classes  -sum_k p_k log softmax(f)_k = logsumexp(f) - sum_k p_k f_k
 *   scalars  the ScalarLoss of f - y
 *
 * Shapes   inputs as buildHeadOutputs and for stack S `targetS` [heads, rows, outputs], `weightS` [heads, rows, 1]; outputs `loss` [] and
 *          `lossesS` [heads].
 */
export function buildTrainingLoss(network: HeadNetwork, rows: number, scalarLoss: ScalarLoss): Graph {
  const b = new GraphBuilder();
  const outputs = buildStacks(b, network, rows);
  const losses = network.stacks.map((stack, s) => {
    const names = stackNames(s);
    const f = at(outputs, s);
    const target = b.input(names.target, [stack.heads, rows, stack.outputs]);
    const weight = b.input(names.weight, [stack.heads, rows, 1]);
    if (stack.kind === "scalar") return b.sum(b.mul(weight, scalarTerm(b, b.sub(f, target), scalarLoss)), [1, 2]);
    const partition = b.sum(b.mul(weight, b.logSumExp(f, [2], true)), [1, 2]);
    return b.sub(partition, b.sum(b.mul(target, f), [1, 2]));
  });
  const loss = losses.map((l) => b.sum(l)).reduce((sum, l) => b.add(sum, l));
  return b.finish({
    outputs: { loss, ...Object.fromEntries(losses.map((node, s) => [stackNames(s).losses, node])) },
  });
}

function scalarTerm(b: GraphBuilder, residual: NodeId, loss: ScalarLoss): NodeId {
  if (loss.kind === "gaussian") return b.mul(b.square(residual), scalar(0.5));
  // With q = min(|r|, beta) both branches are q (|r| - q / 2) / beta.
  const distance = b.abs(residual);
  const near = b.min(distance, scalar(loss.beta));
  return b.mul(b.mul(near, b.sub(distance, b.mul(near, scalar(0.5)))), scalar(1 / loss.beta));
}

function buildStacks(b: GraphBuilder, network: HeadNetwork, rows: number): NodeId[] {
  const latents = new Map<string, NodeId>();
  const parameters = parametersOf(network);
  const share = sharedLayer(b, parameters);
  return network.stacks.map(({ kind }, stack) => {
    const latent = latents.get(kind) ?? b.input(latentName(kind), [rows, network.inputs]);
    latents.set(kind, latent);
    let value = share(latent);
    const own = parameters.filter((p) => p.stack === stack);
    for (const { name, shape, role, layer } of own) {
      const parameter = b.input(name, shape);
      if (layer === DIRECT) value = b.add(value, b.matmul(latent, parameter));
      else if (role === "bias") value = b.add(value, parameter);
      else value = b.matmul(layer === 0 ? value : b.leakyRelu(value, SLOPE), parameter);
    }
    return value;
  });
}

/** The layer that all heads share, of a latent; the latent itself where there is none. */
function sharedLayer(b: GraphBuilder, parameters: readonly Parameter[]): (latent: NodeId) => NodeId {
  const [weight, bias] = parameters.filter((p) => p.stack === SHARED).map((p) => b.input(p.name, p.shape));
  if (weight === undefined || bias === undefined) return (latent) => latent;
  return (latent) => {
    const twice = b.mul(b.add(b.matmul(latent, weight), bias), scalar(2));
    return b.sub(b.mul(b.sigmoid(twice), scalar(2)), scalar(1)); // tanh
  };
}
