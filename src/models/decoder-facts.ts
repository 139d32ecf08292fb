// What is known of an ONNX decoder: what the user says, and what its file and a few trial runs tell.
import type { Decoder } from "../compiler/decoder.js";

/** What the user says an input of a decoder is. */
export type DecoderInputHint =
  | { readonly role: "latent" | "truncation" }
  /** `classes` where the input takes a number and does not say how many there are. */
  | { readonly role: "class"; readonly classes?: number | undefined }
  | { readonly role: "constant"; readonly values: readonly number[] };

/** What the user says of a decoder that its file does not. */
export interface DecoderHints {
  readonly latent?: number | undefined;
  readonly clip?: readonly [number, number] | undefined;
  readonly outputRange?: readonly [number, number] | undefined;
  readonly layout?: "nchw" | "nhwc" | undefined;
  /** By name. */
  readonly inputs?: Readonly<Record<string, DecoderInputHint>> | undefined;
  readonly output?: string | undefined;
}

/** A decoder as far as its own file and a few trial runs tell. */
export interface DecoderFacts extends Omit<Decoder, "file" | "sha256"> {
  readonly zDim: number;
  /** Of a picture that is not square the longer side. */
  readonly resolution: number;
  /** Columns and rows, where they are not `resolution` both. */
  readonly imageSize?: readonly [number, number];
  /** Sentences: what was chosen because neither the user nor the file says it. */
  readonly assumed: readonly string[];
  /** Lowest and highest value of the trial images. */
  readonly seen: readonly [number, number];
}
