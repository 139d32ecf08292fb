// Decoders z -> image in ONNX files, as the compiler and whoever runs them know them, and what goes into them besides z: plain data.
import { InternalError } from "../source/internal-error.js";

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

/**
 * Arrays for the further inputs of a run of `rows` images, all of one class and truncation.
 * Errors   InternalError if a class or a truncation is asked for and not given.
 */
export function feedsOf(
  { inputs = [], class: index }: Pick<Decoder, "inputs" | "class">,
  rows: number,
  truncation: number | undefined,
): Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }> {
  return Object.fromEntries(
    inputs.map((input) => {
      const dims = input.dims.map((n) => n ?? rows);
      const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
      fill(data, input, index, truncation);
      return [input.name, { data, dims }];
    }),
  );
}

function fill(
  data: Float32Array,
  input: DecoderInput,
  index: number | undefined,
  truncation: number | undefined,
): void {
  switch (input.role) {
    case "constant": {
      const { values } = input;
      data.forEach((_, i) => (data[i] = values[i % values.length] ?? 0));
      return;
    }
    case "truncation":
      if (truncation === undefined) throw new InternalError(`no truncation for the input ${input.name}`);
      data.fill(truncation);
      return;
    case "class":
      if (index === undefined) throw new InternalError(`no class for the input ${input.name}`);
      if (input.form === "index") data.fill(index);
      else for (let at = index; at < data.length; at += input.classes) data[at] = 1;
  }
}
