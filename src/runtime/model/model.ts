// A loaded model: the attribute table and the weights.
import type { ModelInfo } from "../../compiler/attribute.js";
import type { EnergyWeights, Tensor } from "../../compiler/weights.js";

export interface Model {
  readonly info: ModelInfo;
  readonly weights: EnergyWeights;
  /** The tensors of the synthesis by name ("synthesis.*"), conventions of docs/packs.md. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly synthesis: { readonly style: "skip" | "orig" | "resnet"; readonly firKernel: readonly number[] };
  /** An independent image classifier beside the pack (docs/packs.md). `file` is resolved. */
  readonly labeller?: { readonly file: string; readonly sha256: string };
  readonly sha256: string;
  readonly licence: string;
}
