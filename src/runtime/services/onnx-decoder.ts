// An ONNX decoder z -> image, run as if it were a synthesis graph; and how one is looked at when it is imported.
// In: the opened file and what its pack says of it. Out: an Executable with input `ws` and output `pixels`, as buildSynthesis gives.
// Invariants: z is clipped before it goes in; a file that fixes its batch is run in batches of that size, padded with zeros.
import type { Executable } from "../../compiler/graph/graph.js";
import { failure } from "../../source/diagnostic.js";
import { modelError } from "../../models/model-error.js";
import { PIXEL_UNITS } from "../../compiler/build/synthesis.js";
import type { DecoderFacts, DecoderHints } from "../../models/decoder-facts.js";
import type { Decoder } from "../../models/model.js";
import { gaussianNoise } from "../sample/noise.js";
import type { OnnxModel, OnnxValue } from "./onnx-model.js";

/**
 * Opens a decoder.
 *
 * Shapes   input `ws` [rows, 1, zDim], any rows; output `pixels` [rows, R, R], each by `PIXEL_UNITS`.
 * Errors   from run, LaceError L5203 if it does not do what its pack says.
 * Owns     the model, from now on; the caller disposes the executable.
 */
export function openDecoder(
  model: OnnxModel,
  decoder: Omit<Decoder, "sha256">,
  { zDim, resolution }: { readonly zDim: number; readonly resolution: number },
): Executable {
  const size = resolution * resolution * decoder.channels;
  return {
    async run({ ws = new Float32Array(0) }) {
      const rows = ws.length / zDim;
      const pixels = new Float32Array(rows * resolution * resolution);
      const batch = decoder.batch ?? rows;
      for (let start = 0; start < rows; start += batch) {
        const z = new Float32Array(batch * zDim);
        z.set(ws.subarray(start * zDim, Math.min(start + batch, rows) * zDim));
        const data = await runBatch(model, decoder, clipped(z, decoder.clip), batch);
        if (data.length !== batch * size)
          throw failure(
            "L5203",
            `${decoder.file}: its output \`${decoder.output}\` has ${data.length} numbers, not ${batch * size}`,
          );
        const used = Math.min(batch, rows - start);
        pixels.set(toPixels(data.subarray(0, used * size), decoder, resolution), start * resolution * resolution);
      }
      return { pixels };
    },
    dispose: () => model.dispose(),
  };
}

async function runBatch(
  model: OnnxModel,
  { file, input, output, inputShape }: Pick<Decoder, "file" | "input" | "output" | "inputShape">,
  z: Float32Array,
  batch: number,
): Promise<Float32Array> {
  const outputs = await model.run({ [input]: { data: z, dims: [batch, ...inputShape] } });
  const image = outputs[output];
  if (image === undefined) throw failure("L5203", `${file}: it has no output called \`${output}\``);
  return image.data;
}

function clipped(z: Float32Array, clip: readonly [number, number] | undefined): Float32Array {
  return clip === undefined ? z : z.map((v) => Math.min(clip[1], Math.max(clip[0], v)));
}

/** Values in `outputRange`, rounded to the nearest byte -> pixels by `PIXEL_UNITS`. */
function toPixels(data: Float32Array, { layout, channels, outputRange }: Omit<Decoder, "sha256">, resolution: number) {
  const [black, white] = outputRange;
  const scale = 255 / (white - black);
  const size = resolution * resolution;
  return Float32Array.from({ length: data.length / channels }, (_, i) => {
    const [image, pixel] = [Math.floor(i / size), i % size];
    return PIXEL_UNITS.reduce((sum, unit, colour) => {
      const channel = channels === 3 ? colour : 0;
      const at =
        layout === "nchw" ? (image * channels + channel) * size + pixel : (image * size + pixel) * channels + channel;
      const value = ((data[at] ?? 0) - black) * scale;
      return sum + unit * Math.round(Math.min(255, Math.max(0, value)));
    }, 0);
  });
}

/** Latents that a decoder is tried with. */
const TRIALS = 4;

/**
 * Looks at an ONNX file as a decoder: sizes from its declarations, the rest from running it.
 * Owns     the model, which is disposed.
 * Errors   LaceError L5203 if it cannot be run; L5107 if it is no decoder z -> image, or hints contradict it.
 */
export async function examineDecoder(model: OnnxModel, file: string, hints: DecoderHints): Promise<DecoderFacts> {
  try {
    const input = onlyOne(model.inputs, "input", file);
    const output = onlyOne(model.outputs, "output", file);
    const inputShape = latentShape(input, hints.latent, file);
    const zDim = inputShape.reduce((a, b) => a * b, 1);
    const batch = input.dims[0] ?? undefined;
    const rows = batch ?? TRIALS;
    const z = clipped(trials(rows, zDim), hints.clip);
    const made = (await model.run({ [input.name]: { data: z, dims: [rows, ...inputShape] } }))[output.name];
    const shape = imageShape(made?.dims ?? [], rows, hints.layout, file);
    const seen = rangeOf(made?.data ?? new Float32Array(0));
    const outputRange = hints.outputRange ?? guessRange(seen, file);
    const { clip } = hints;
    return {
      input: input.name,
      output: output.name,
      inputShape,
      ...(batch !== undefined && { batch }),
      ...(clip && { clip }),
      ...shape,
      outputRange,
      zDim,
      seen,
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

function onlyOne(values: readonly OnnxValue[], what: string, file: string): OnnxValue {
  const [first, second] = values;
  if (first !== undefined && second === undefined) return first;
  const names = values.map((v) => `\`${v.name}\``).join(", ");
  throw modelError("L5107", file, `a decoder z -> image has one ${what}; this model has ${names || "none"}`);
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

/** [n, 3, R, R] or [n, R, R, 3]; one channel is shown as grey. */
function imageShape(
  dims: readonly number[],
  rows: number,
  layout: "nchw" | "nhwc" | undefined,
  file: string,
): Pick<Decoder, "layout" | "channels"> & { readonly resolution: number } {
  const [n, a = 0, b = 0, c = 0] = dims;
  const found = [
    { layout: "nchw" as const, channels: a, height: b, width: c },
    { layout: "nhwc" as const, channels: c, height: a, width: b },
  ].filter(
    (f) =>
      dims.length === 4 &&
      n === rows &&
      f.height === f.width &&
      (f.channels === 3 || f.channels === 1) &&
      (layout === undefined || f.layout === layout),
  );
  const [first] = found;
  if (first === undefined)
    throw modelError(
      "L5107",
      file,
      `its output has shape [${dims.join(", ")}] for ${rows} latents, which are no square pictures of 3 channels or 1${layout === undefined ? "" : ` in layout ${layout}`}`,
    );
  return { layout: first.layout, channels: first.channels === 3 ? 3 : 1, resolution: first.height };
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
