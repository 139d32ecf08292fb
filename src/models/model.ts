// A loaded model: the attribute table and the weights, or the decoder that stands in for a synthesis of our own.
import type { ModelInfo } from "../compiler/attribute.js";
import type { Decoder } from "../compiler/decoder.js";
import type { OnnxModelFile } from "../compiler/onnx-network.js";
import type { EnergyWeights } from "../compiler/weights.js";
import type { SynthesisWeights } from "../compiler/synthesis-weights.js";

/** An independent image classifier beside the pack (docs/packs.md). `file` is resolved. */
export interface LabellerFile {
  readonly file: string;
  readonly sha256: string;
  /** What its outputs mean (docs/labellers.md), not yet checked; absent: its columns are those of the attribute table. */
  readonly description?: Readonly<Record<string, unknown>>;
}

interface ModelBase {
  readonly info: ModelInfo;
  readonly weights: EnergyWeights;
  /** Who judges its images where nobody else is named: a classifier of its own, or one that lacec knows by name. */
  readonly labeller?: LabellerFile | "faces";
  /** Of the whole file that the model was read from. */
  readonly sha256: string;
  readonly licence: string;
}

/** Architectures `stylegan2` and `stylegan3`: their synthesis is a graph of ours. */
export interface StyleganModel extends ModelBase {
  readonly synthesis: SynthesisWeights;
  readonly decoder?: undefined;
}

/** Architecture `onnx`: w = z, and an ONNX file beside the pack makes the image. */
export interface DecoderModel extends ModelBase {
  readonly decoder: Decoder;
  /** The decoder as a network that is followed, read where pictures are looked at. */
  readonly network?: OnnxModelFile;
  readonly synthesis?: undefined;
}

export type Model = StyleganModel | DecoderModel;

/** The classifier beside a pack; undefined where there is none, or the judge is no file. */
export function labellerFile({ labeller }: Pick<Model, "labeller">): LabellerFile | undefined {
  return labeller === "faces" ? undefined : labeller;
}
