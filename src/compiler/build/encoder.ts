// The network that guesses the latents of a picture: dense layers on its small version. It is a start for a search, which looks at the picture itself.
// In: the model's widths. Out: a HeadNetwork, so that what trains heads trains it. Source: the idea of Zhu et al. 2016 (arXiv 1609.03552), section 4.1.
import type { Graph } from "../graph/graph.js";
import { compileHeadOutputs } from "./training-step.js";
import { latentName, stackNames, type HeadNetwork } from "./training.js";

/** Width and height of the pictures that an encoder looks at: three planes in [-1, 1], one after another. */
export const ENCODER_SIZE = 32;

/** An encoder to so many numbers. */
export function encoderNetwork(hidden: readonly number[], outputs: number): HeadNetwork {
  return { inputs: 3 * ENCODER_SIZE ** 2, hidden, stacks: [{ kind: "scalar", heads: 1, outputs }] };
}

/** Names of an encoder's tensors in graphs: what it looks at [rows, inputs], what it says [1, rows, outputs]. */
export const encoderNames = { input: latentName("scalar"), ...stackNames(0) } as const;

/** The encoder's graph for some pictures. Shapes as buildHeadOutputs. */
export function compileEncoder(network: HeadNetwork, rows: number): Graph {
  return compileHeadOutputs(network, rows);
}
