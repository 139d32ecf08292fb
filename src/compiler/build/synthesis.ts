// Image synthesis as a graph: styles w, one a layer, -> images.
// In: the weights of a model and a tile of rows. Out: a Graph with input `ws` and outputs `image`, `pixels` and perhaps `alpha`.
// Invariants: what a family of generators does is in a file of its own, stylegan2.ts and stylegan3.ts; inputs and outputs are the same for all.
import { GraphBuilder } from "../graph/builder.js";
import type { Graph, ImageLayout } from "../graph/graph.js";
import { optimize } from "../passes/optimize.js";
import type { NoiseMode } from "../plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { ModelInfo } from "../attribute.js";
import type { SynthesisWeights } from "../synthesis-weights.js";
import { ImageParts } from "./image-parts.js";
import { patchOffsets, patchSize } from "./patch.js";
import { buildStylegan2, noiseLayersOf } from "./stylegan2.js";
import { buildStylegan3 } from "./stylegan3.js";

export interface SynthesisOptions {
  /** Samples in one run of the graph. */
  readonly rows: number;
  /** Layout of the activations and of `image`: what the engine asks for. */
  readonly layout: ImageLayout;
  /** The noise buffers of the checkpoint; inputs `noise{i}` (`noiseLayers` lists them); or none. StyleGAN3 has no noise. */
  readonly noise: NoiseMode;
  /** Of a band of the last layers of StyleGAN3 (buildStylegan3); default: what keeps 1024 px small. */
  readonly bandPixels?: number;
  /** With an input `patch` [patchSize], which is added to what tuning moves (patch.ts). */
  readonly patched?: boolean;
}

/**
 * The synthesis as runs want it, optimized: inputs as buildSynthesis, outputs `pixels` and perhaps `alpha` alone. Shapes as buildSynthesis.
 */
export function compileSynthesis(model: SynthesisModel, options: SynthesisOptions): Graph {
  const graph = buildSynthesis(model, options);
  return optimize({ ...graph, outputs: graph.outputs.filter((o) => o.name !== "image") });
}

/** A model as far as its synthesis goes. */
export interface SynthesisModel {
  readonly info: Pick<ModelInfo, "name" | "numWs">;
  readonly synthesis?: SynthesisWeights | undefined;
}

/**
 * The synthesis network for a tile of `rows` samples.
 *
 * Shapes   input `ws` [rows, numWs, wDim]; noise, where it is random; of StyleGAN3 `transform` [rows, 3, 3] (buildStylegan3). Outputs `image`
 *          [rows, C, H, W] (nchw) or [rows, H, W, C] (nhwc), nominally in [-1, 1]; `pixels` [rows, H, W]: floor(clip(127.5 image + 128, 0, 255))
 *          of red, green and blue in one number (`PIXEL_UNITS`); with C = 4 `alpha` [rows, H, W].
 */
export function buildSynthesis(model: SynthesisModel, options: SynthesisOptions): Graph {
  const { synthesis, info } = model;
  if (synthesis === undefined) throw new InternalError(`${info.name} has a decoder, not a synthesis`);
  const g = new GraphBuilder();
  const patch = options.patched === true ? g.input("patch", [patchSize(synthesis)]) : undefined;
  const offsets = patch === undefined ? undefined : patchOffsets(g, synthesis, patch);
  const parts = new ImageParts(g, options.rows, options.layout, offsets);
  const ws = g.input("ws", [options.rows, info.numWs, synthesis.wDim]);
  const image =
    synthesis.style === "alias-free"
      ? buildStylegan3(parts, ws, synthesis, options.bandPixels)
      : buildStylegan2(parts, ws, synthesis, options.noise);
  return g.finish({ outputs: parts.outputs(image) });
}

/** The layers that take noise, as noiseLayersOf says of StyleGAN2: the inputs `noise{i}` of a graph whose noise is random. */
export function noiseLayers(synthesis: SynthesisWeights): ReturnType<typeof noiseLayersOf> {
  return synthesis.style === "alias-free" ? [] : noiseLayersOf(synthesis);
}

/**
 * One style for all layers: w [rows, wDim] -> ws [rows, numWs, wDim].
 * Owns   the result.
 */
export function repeatStyles(w: Float32Array, rows: number, numWs: number): Float32Array {
  const wDim = w.length / rows;
  const ws = new Float32Array(rows * numWs * wDim);
  for (let row = 0; row < rows; row++) {
    const style = w.subarray(row * wDim, (row + 1) * wDim);
    for (let i = 0; i < numWs; i++) ws.set(style, (row * numWs + i) * wDim);
  }
  return ws;
}
