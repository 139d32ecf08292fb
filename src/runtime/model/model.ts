// A loaded model: the attribute table and the weights.
import type { ModelInfo } from "../../compiler/attribute.js";
import type { EnergyWeights } from "../../compiler/weights.js";
import type { SynthesisWeights } from "./stylegan2-weights.js";

export interface Model {
  readonly info: ModelInfo;
  readonly weights: EnergyWeights;
  readonly synthesis: SynthesisWeights;
  /** An independent image classifier beside the pack (docs/packs.md). `file` is resolved. */
  readonly labeller?: { readonly file: string; readonly sha256: string };
  /** Of the whole file that the model was read from. */
  readonly sha256: string;
  readonly licence: string;
}
