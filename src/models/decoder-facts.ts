// What is known of an ONNX decoder: what the user says, and what its file and a few trial runs tell.
import type { Decoder } from "./model.js";

/** What the user says of a decoder that its file does not. */
export interface DecoderHints {
  readonly latent?: number | undefined;
  readonly clip?: readonly [number, number] | undefined;
  readonly outputRange?: readonly [number, number] | undefined;
  readonly layout?: "nchw" | "nhwc" | undefined;
}

/** A decoder as far as its own file and a few trial runs tell. */
export interface DecoderFacts extends Omit<Decoder, "file" | "sha256"> {
  readonly zDim: number;
  /** Of a picture that is not square the longer side. */
  readonly resolution: number;
  /** Columns and rows, where they are not `resolution` both. */
  readonly imageSize?: readonly [number, number];
  /** Lowest and highest value of the trial images. */
  readonly seen: readonly [number, number];
}
