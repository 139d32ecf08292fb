// An ONNX decoder z -> image, run as if it were a synthesis graph; and how one is looked at when it is imported.
// In: the opened file and what its pack says of it. Out: an Executable with input `ws` and output `pixels`, as buildSynthesis gives.
// Invariants: z is clipped before it goes in; a file that fixes its batch is run in batches of that size, padded with zeros.
import type { Executable } from "../../compiler/graph/graph.js";
import { failure } from "../../source/diagnostic.js";
import { modelError } from "../../models/model-error.js";
import { PIXEL_UNITS } from "../../compiler/build/image-parts.js";
import { imageSizeOf, type ModelInfo } from "../../compiler/attribute.js";
import type { DecoderFacts, DecoderHints } from "../../models/decoder-facts.js";
import type { Decoder } from "../../models/model.js";
import { gaussianNoise } from "../sample/noise.js";
import type { OnnxModel, OnnxValue } from "./onnx-model.js";

/**
 * Opens a decoder.
 *
 * Shapes   input `ws` [rows, 1, zDim], any rows; outputs `pixels` [rows, H, W], each by `PIXEL_UNITS`, and, of 4 channels, `alpha` [rows, H, W].
 * Errors   from run, LaceError L5203 if it does not do what its pack says.
 * Owns     the model, from now on; the caller disposes the executable.
 */
export function openDecoder(
  model: OnnxModel,
  decoder: Omit<Decoder, "sha256">,
  info: Pick<ModelInfo, "zDim" | "resolution" | "imageSize">,
): Executable {
  const { zDim } = info;
  const { width, height } = imageSizeOf(info);
  const area = width * height;
  const size = area * decoder.channels;
  return {
    async run({ ws = new Float32Array(0) }) {
      const rows = ws.length / zDim;
      const pixels = new Float32Array(rows * area);
      const alpha = decoder.channels === 4 ? new Float32Array(rows * area) : undefined;
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
        const bytesOf = toBytes(data.subarray(0, used * size), decoder, area);
        for (let i = 0; i < used * area; i++) {
          pixels[start * area + i] = PIXEL_UNITS.reduce((sum, unit, colour) => sum + unit * bytesOf(i, colour), 0);
          if (alpha !== undefined) alpha[start * area + i] = bytesOf(i, 3);
        }
      }
      return alpha === undefined ? { pixels } : { pixels, alpha };
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

/** The bytes of a batch: pixel i (of all images) and channel -> the value in `outputRange`, rounded to the nearest byte. Grey stands for all colours. */
function toBytes(
  data: Float32Array,
  { layout, channels, outputRange }: Pick<Decoder, "layout" | "channels" | "outputRange">,
  area: number,
): (i: number, channel: number) => number {
  const [black, white] = outputRange;
  const scale = 255 / (white - black);
  return (i, asked) => {
    const [image, pixel] = [Math.floor(i / area), i % area];
    const channel = channels === 1 ? 0 : asked;
    const at =
      layout === "nchw" ? (image * channels + channel) * area + pixel : (image * area + pixel) * channels + channel;
    const value = ((data[at] ?? 0) - black) * scale;
    return Math.round(Math.min(255, Math.max(0, value)));
  };
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

type Images = Pick<DecoderFacts, "layout" | "channels" | "resolution" | "imageSize">;

/** [n, C, H, W] or [n, H, W, C] of 1 channel (shown as grey), 3 or 4 (the last is alpha). */
function imageShape(dims: readonly number[], rows: number, layout: "nchw" | "nhwc" | undefined, file: string): Images {
  const [first] = shapesOf(dims, rows).filter((f) => layout === undefined || f.layout === layout);
  if (first !== undefined) return first;
  const what = "which are no pictures of 3 channels, 1 or 4 (with alpha)";
  const asked = layout === undefined ? "" : ` in layout ${layout}`;
  throw modelError("L5107", file, `its output has shape [${dims.join(", ")}] for ${rows} latents, ${what}${asked}`);
}

/** What a shape can mean as pictures: square ones first, then channels first. */
function shapesOf(dims: readonly number[], rows: number): readonly Images[] {
  const [n, a = 0, b = 0, c = 0] = dims;
  if (dims.length !== 4 || n !== rows) return [];
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
