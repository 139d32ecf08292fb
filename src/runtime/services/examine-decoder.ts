// How an ONNX decoder is looked at when it is imported: sizes from its declarations, the rest from running it.
// In: the opened file and what the user says of it. Out: DecoderFacts. Invariant: what neither says is chosen, and the choice said.
import type { DecoderFacts, DecoderHints } from "../../models/decoder-facts.js";
import { modelError } from "../../models/model-error.js";
import { gaussianNoise } from "../sample/noise.js";
import { feedsOf } from "../../compiler/decoder.js";
import { assignInputs, clipped, takesTruncation } from "./decoder-inputs.js";
import type { OnnxArray, OnnxModel, OnnxValue } from "./onnx-model.js";

/** Latents that a decoder is tried with. */
const TRIALS = 4;

/**
 * Looks at an ONNX file as a decoder, at class 0 and truncation 1 where it takes them.
 * Owns     the model, which is disposed.
 * Errors   LaceError L5203 if it cannot be run; L5107 if it is no decoder z -> image, or hints contradict it.
 */
export async function examineDecoder(model: OnnxModel, file: string, hints: DecoderHints): Promise<DecoderFacts> {
  try {
    const { latent: input, others: inputs } = assignInputs(model.inputs, hints.inputs ?? {}, file);
    const inputShape = latentShape(input, hints.latent, file);
    const zDim = inputShape.reduce((a, b) => a * b, 1);
    const batch = input.dims[0] ?? undefined;
    const rows = batch ?? TRIALS;
    const z = clipped(trials(rows, zDim), hints.clip);
    const given = { ...(inputs.length > 0 && { inputs }) };
    const further = feedsOf({ inputs, class: 0 }, rows, takesTruncation(given) ? 1 : undefined);
    if (hints.output !== undefined && model.outputs.every(({ name }) => name !== hints.output))
      throw modelError("L5107", file, `it has no output \`${hints.output}\``, [
        `its outputs are ${namesOf(model.outputs)}`,
      ]);
    const only = hints.output === undefined ? undefined : [hints.output];
    const made = await model.run({ [input.name]: { data: z, dims: [rows, ...inputShape] }, ...further }, only);
    const { output, shape, assumed } = pictureAmong(made, rows, { ...hints, names: namesOf(model.outputs) }, file);
    const seen = rangeOf(made[output]?.data ?? new Float32Array(0));
    const isWhole = model.outputs.some(({ name, type }) => name === output && type === "uint8");
    const outputRange = hints.outputRange ?? (isWhole ? ([0, 255] as const) : guessRange(seen, file));
    const { clip } = hints;
    return {
      input: input.name,
      output,
      inputShape,
      ...given,
      ...(batch !== undefined && { batch }),
      ...(clip && { clip }),
      ...shape,
      outputRange,
      zDim,
      seen,
      assumed,
    };
  } finally {
    await model.dispose();
  }
}

function trials(rows: number, zDim: number): Float32Array {
  const z = new Float32Array(rows * zDim);
  for (let sample = 0; sample < rows; sample++)
    z.set(gaussianNoise({ seed: 0, sample, purpose: "latent", step: 0 }, zDim), sample * zDim);
  return z;
}

function latentShape(input: OnnxValue, latent: number | undefined, file: string): number[] {
  const [, ...rest] = input.dims;
  const open = rest.filter((n) => n === null).length;
  const known = rest.reduce<number>((a, b) => a * (b ?? 1), 1);
  const shown = `[${input.dims.map((n) => n ?? "n").join(", ")}]`;
  if (rest.length === 0)
    throw modelError("L5107", file, `its input \`${input.name}\` of shape ${shown} is no batch of vectors`);
  if (open > 0 && latent === undefined)
    throw modelError("L5107", file, `its input \`${input.name}\` of shape ${shown} does not say how long z is`, [
      "give the number with --latent N",
    ]);
  if (latent !== undefined && (open === 0 ? known !== latent : open > 1 || latent % known !== 0))
    throw modelError("L5107", file, `its input \`${input.name}\` of shape ${shown} does not take ${latent} numbers`);
  return rest.map((n) => n ?? (latent ?? 1) / known);
}

type Images = Pick<DecoderFacts, "layout" | "channels" | "resolution" | "imageSize">;

/** The output that is a picture: [n, C, H, W] or [n, H, W, C] of 1 channel (shown as grey), 3 or 4 (the last is alpha). */
function pictureAmong(
  made: Readonly<Record<string, OnnxArray>>,
  rows: number,
  { layout, names }: Pick<DecoderHints, "layout"> & { readonly names: string },
  file: string,
): { readonly output: string; readonly shape: Images; readonly assumed: readonly string[] } {
  const outputs = Object.entries(made);
  const found = outputs.flatMap(([output, { dims }]) => {
    const [shape] = shapesOf(dims, rows).filter((f) => layout === undefined || f.layout === layout);
    return shape === undefined ? [] : [{ output, shape }];
  });
  const [first, second] = found.sort((a, b) => preferred(a.shape, b.shape));
  if (first === undefined) {
    const shapes = outputs.map(([name, { dims }]) => `\`${name}\` of shape [${dims.join(", ")}]`).join(", ");
    const what = "which are no pictures of 3 channels, 1 or 4 (with alpha)";
    const asked = layout === undefined ? "" : ` in layout ${layout}`;
    throw modelError("L5107", file, `for ${rows} latents it gives ${shapes || "nothing"}, ${what}${asked}`);
  }
  if (second !== undefined && preferred(first.shape, second.shape) === 0)
    throw modelError(
      "L5107",
      file,
      `its outputs \`${first.output}\` and \`${second.output}\` could both be the picture`,
      ["say which is with --output NAME"],
    );
  const among = `the picture is its output \`${first.output}\`, of ${names}`;
  return { ...first, assumed: outputs.length > 1 ? [among] : [] };
}

/** Colours before alpha before grey, then the larger picture: below 0 if `a` comes first. */
function preferred(a: Images, b: Images): number {
  const rank = [3, 4, 1];
  const area = ({ resolution, imageSize = [resolution, resolution] }: Images): number => imageSize[0] * imageSize[1];
  return rank.indexOf(a.channels) - rank.indexOf(b.channels) || area(b) - area(a);
}

function namesOf(values: readonly OnnxValue[]): string {
  return values.map((v) => `\`${v.name}\``).join(", ");
}

/** What a shape can mean as pictures: square ones first, then channels first. */
function shapesOf(dims: readonly number[], rows: number): readonly Images[] {
  // One picture may come without a dimension for the batch.
  const [n, a = 0, b = 0, c = 0] = dims.length === 3 && rows === 1 ? [1, ...dims] : dims;
  if (dims.length < 3 || dims.length > 4 || n !== rows) return [];
  const found = [
    { layout: "nchw" as const, channels: a, height: b, width: c },
    { layout: "nhwc" as const, channels: c, height: a, width: b },
  ].flatMap(({ layout, channels, height, width }): Images[] => {
    if ((channels !== 1 && channels !== 3 && channels !== 4) || height < 1 || width < 1) return [];
    const resolution = Math.max(height, width);
    return [{ layout, channels, resolution, ...(height !== width && { imageSize: [width, height] as const }) }];
  });
  const isSquare = (images: Images): number => (images.imageSize === undefined ? 0 : 1);
  return found.sort((x, y) => isSquare(x) - isSquare(y));
}

function rangeOf(data: Float32Array): readonly [number, number] {
  return [data.reduce((m, v) => Math.min(m, v), Infinity), data.reduce((m, v) => Math.max(m, v), -Infinity)];
}

/** The range whose ends images usually mean, from what trial images hold. */
function guessRange([low, high]: readonly [number, number], file: string): readonly [number, number] {
  const slack = 0.05;
  if (low < -slack && low >= -1 - slack && high <= 1 + slack) return [-1, 1];
  if (low >= -slack && high <= 1 + slack && high > 0) return [0, 1];
  if (low >= -slack && high <= 255 + slack && high > 1) return [0, 255];
  throw modelError(
    "L5107",
    file,
    `its images hold values from ${low.toPrecision(3)} to ${high.toPrecision(3)}: which are black and white?`,
    ["give them with --range BLACK..WHITE, such as --range -1..1"],
  );
}
