// Heads that look at pictures, as the graph builders take them: a network as plain data, how it takes pictures, and what its outputs mean.
import type { OnnxModelFile } from "./onnx-network.js";

/** How a network takes pictures. */
export interface PictureInput {
  /** The name of its input. */
  readonly name: string;
  /** Edge of the square input in pixels. */
  readonly size: number;
  readonly layout: "nchw" | "nhwc";
  readonly channels: "rgb" | "bgr";
  /** For red, green, blue in [0, 1]: what goes in is (value - mean) / std. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** A network over pictures. */
export interface PictureNetwork {
  readonly network: OnnxModelFile;
  readonly input: PictureInput;
  /** SHA-256 of its file: whether the judge of a picture is the network that was followed. */
  readonly sha256: string;
}

/** How columns of an output are read. */
export type OutputReading = "logits" | "probabilities" | "logit" | "probability" | "number";

/** How pictures are looked at while a task is solved; told of the pictures that come of it, everything is said of them as they are. */
export interface Looking {
  /** Width of the pictures that the network is shown, of which the synthesis makes no more; absent: their own. */
  readonly pixels?: number;
  /** How far the flow has come when the terms join; absent: they are there from its start. */
  readonly tau?: number;
}

/** What a classifier of pictures says of one attribute: columns of one of its outputs. */
export interface PictureHead extends Looking {
  readonly kind: "labels";
  readonly look: PictureNetwork;
  readonly output: string;
  /** Of the output: one for each class, or one. */
  readonly columns: readonly number[];
  readonly gives: OutputReading;
}

/** Features of pictures: all columns of one output. */
export interface FeatureHead extends Looking {
  readonly look: PictureNetwork;
  readonly output: string;
}
