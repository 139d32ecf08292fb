// What every reader of StyleGAN checkpoints ends with: the networks that it found, as a model without attributes.
import type { MappingWeights } from "../../compiler/weights.js";
import type { StyleganModel } from "../model.js";
import { imageFacts } from "./image-facts.js";
import type { SynthesisWeights } from "../../compiler/synthesis-weights.js";

export interface CheckpointOptions {
  readonly name: string;
  /** SHA-256 of the checkpoint. */
  readonly sha256: string;
  readonly licence?: string;
}

/** A generator as a reader found it, and what the file did not say. */
export interface ReadGenerator {
  readonly model: StyleganModel;
  /** Sentences: what was assumed because the file does not have it. */
  readonly assumed: readonly string[];
  /** The file has no average w: that of the model is zeros until somebody estimates it. */
  readonly averageUnknown: boolean;
}

/** The networks of a checkpoint; `classes` is how many a conditional generator draws, 0 otherwise. */
export interface CheckpointParts {
  readonly zDim: number;
  readonly classes: number;
  readonly mapping: MappingWeights;
  readonly synthesis: SynthesisWeights;
}

/** The model of a checkpoint's networks, with the layer groups of the StyleGAN papers. */
export function checkpointModel(
  { name, sha256, licence = "unknown" }: CheckpointOptions,
  { zDim, classes, mapping, synthesis }: CheckpointParts,
): StyleganModel {
  const { wDim } = synthesis;
  return {
    info: {
      name,
      zDim,
      wDim,
      ...imageFacts(synthesis),
      attributes: [],
      ...(classes > 0 && { classes }),
    },
    weights: { zDim, mapping, heads: [] },
    synthesis,
    sha256,
    licence,
  };
}
