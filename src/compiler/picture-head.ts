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

/** What is seen in pictures of one row of a model's table. */
export type PictureHead = LabelHead | LikenessHead | PromptHead;

/** The network that looks, where one does. */
export function networkOf(head: PictureHead): PictureNetwork | undefined {
  return head.kind === "likeness" ? head.features?.look : head.look;
}

/** How like a picture is to another: one number, the root of twice the nats that it lacks (compiler/build/likeness-head.ts). */
export interface LikenessHead extends Looking {
  readonly kind: "likeness";
  /** SHA-256 of the files of picture and mask. */
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  /** The other: [3, height, width], in [-1, 1]. */
  readonly picture: Float32Array;
  /** Shares in which pixels count, [height, width]; absent: all do. */
  readonly mask?: Float32Array;
  /** Features that are compared beside pixels: what shows them, and the other's, [F]. */
  readonly features?: { readonly look: PictureNetwork; readonly output: string; readonly of: Float32Array };
}

/** Part of a picture: shares of its width and height. */
export interface PictureCrop {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/** How like pictures are to what a text says, rather than to another: two logits, scaled cosines of the embeddings of crops with those of both texts. */
export interface PromptHead extends Looking {
  readonly kind: "prompt";
  readonly look: PictureNetwork;
  /** Of the embedding. */
  readonly output: string;
  /** Embeddings of the other text and of the text, of length 1, [F] each. */
  readonly texts: readonly [Float32Array, Float32Array];
  readonly crops: readonly PictureCrop[];
}

/** What a classifier of pictures says of one attribute: columns of one of its outputs. */
export interface LabelHead extends Looking {
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
  /** What features are told from, where that is known; absent: from 0. */
  readonly origin?: FeatureOrigin;
}

/** What is taken from features F of a model's pictures, so that what is left tells pictures apart: (F - mean), without its parts along `without`. */
export interface FeatureOrigin {
  /** [F] */
  readonly mean: Float32Array;
  /** Directions of length 1, each orthogonal to the others, [F] each: where features go with what a task asks for. */
  readonly without: readonly Float32Array[];
  /** What this is a function of besides model and network, as plain data. */
  readonly about: object;
}
