// A loaded model: the attribute table and the weights, or the decoder that stands in for a synthesis of our own.
import type { ModelInfo } from "../compiler/attribute.js";
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
  readonly synthesis?: undefined;
}

export type Model = StyleganModel | DecoderModel;

/** What a further input of a decoder is given: the task's class or truncation, or always the same numbers (one stands for all). */
export type DecoderInputRole =
  | { readonly role: "class"; readonly classes: number; readonly form: "one-hot" | "index" }
  | { readonly role: "truncation" }
  | { readonly role: "constant"; readonly values: readonly number[] };

/** A further input. `dims`: null in the first place is the batch. */
export type DecoderInput = DecoderInputRole & { readonly name: string; readonly dims: readonly (number | null)[] };

/** How an ONNX file is used as a decoder z -> image. `file` is resolved. */
export interface Decoder {
  readonly file: string;
  readonly sha256: string;
  readonly input: string;
  readonly output: string;
  /** Dimensions behind the batch, such as [64] or [64, 1, 1]; their product is zDim. */
  readonly inputShape: readonly number[];
  /** What it takes besides z. */
  readonly inputs?: readonly DecoderInput[] | undefined;
  /** Of one with an input for it, the class that it draws: set for a task, never kept. */
  readonly class?: number | undefined;
  /** Images of one run, where the file fixes it. */
  readonly batch?: number | undefined;
  readonly layout: "nchw" | "nhwc";
  /** Of 4 the last is alpha. */
  readonly channels: 1 | 3 | 4;
  /** z is kept within these before it goes in. */
  readonly clip?: readonly [number, number] | undefined;
  /** Values of the output that are black and white. */
  readonly outputRange: readonly [number, number];
}

/** The classifier beside a pack; undefined where there is none, or the judge is no file. */
export function labellerFile({ labeller }: Pick<Model, "labeller">): LabellerFile | undefined {
  return labeller === "faces" ? undefined : labeller;
}
