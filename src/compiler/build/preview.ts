// Small pictures of a generator that paints at every resolution: its first blocks alone.
// In: the weights of a model. Out: a graph with inputs and outputs as the synthesis has them, and the size of what it paints.
// Invariant: for models whose small pictures cost little beside the whole ones; there is none for the others, which paint in their last block, or are small themselves.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, ImageLayout } from "../graph/graph.js";
import { sizeOf } from "../graph/shape.js";
import { optimize } from "../passes/optimize.js";
import type { ConvWeights, Stylegan2Weights } from "../synthesis-weights.js";
import { ImageParts } from "./image-parts.js";
import { blockSize, buildStylegan2 } from "./stylegan2.js";
import type { SynthesisModel } from "./synthesis.js";

/** A whole picture is at least so many times as wide. */
const TIMES = 4;
/** Most of the arithmetic of a whole picture that a small one may take. */
const MOST_WORK = 0.35;
/** Smaller ones show nothing. */
const LEAST = 16;

/** What paints the small pictures of a model. */
export interface PreviewPlan {
  readonly weights: Stylegan2Weights;
  /** The last block that is run. */
  readonly resolution: number;
  readonly width: number;
  readonly height: number;
}

/** The small pictures of a model; undefined if it has none. */
export function previewOf({ synthesis }: Pick<SynthesisModel, "synthesis">): PreviewPlan | undefined {
  if (synthesis === undefined || synthesis.style !== "skip") return undefined;
  const whole = workUpTo(synthesis, Infinity);
  const resolution = synthesis.later
    .map((block) => block.resolution)
    .filter((r) => r >= LEAST && r * TIMES <= synthesis.resolution && workUpTo(synthesis, r) <= MOST_WORK * whole)
    .at(-1);
  if (resolution === undefined) return undefined;
  const [height, width] = blockSize(synthesis, resolution);
  return { weights: synthesis, resolution, width, height };
}

/** Multiplications of the convolutions up to a resolution; those that double it run over the smaller one. */
function workUpTo({ first, later }: Stylegan2Weights, resolution: number): number {
  const of = ({ weight }: ConvWeights, side: number): number => sizeOf(weight.shape) * side * side;
  return later
    .filter((block) => block.resolution <= resolution)
    .reduce((sum, b) => sum + of(b.conv0, b.resolution / 2) + of(b.conv1, b.resolution), of(first.conv1, 4));
}

/** Shapes: input `ws` [rows, numWs, wDim], outputs `pixels` and perhaps `alpha` [rows, height, width], as compileSynthesis; without noise. */
export function compilePreview(
  { weights, resolution }: PreviewPlan,
  { rows, layout, numWs }: { readonly rows: number; readonly layout: ImageLayout; readonly numWs: number },
): Graph {
  const g = new GraphBuilder();
  const parts = new ImageParts(g, rows, layout);
  const ws = g.input("ws", [rows, numWs, weights.wDim]);
  const graph = g.finish({ outputs: parts.outputs(buildStylegan2(parts, ws, weights, "none", resolution)) });
  return optimize({ ...graph, outputs: graph.outputs.filter((o) => o.name !== "image") });
}
