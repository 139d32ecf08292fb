// `--labeller clip`: attributes described in words, by a CLIP model on this machine through @huggingface/transformers (an optional package).
// In: prompts, a model. Out: logits of the classes: cosine similarities of image and prompts, scaled; the embedding of the image as features.
// Invariants: nothing is downloaded; prompts are embedded once. The library turns texts into tokens and images into arrays; its networks are
// opened here as every ONNX file is, so that they read no file that they name themselves. Images larger than the model's are made smaller
// here: the library's own resampling leaves pixels out.
// Source: Radford et al. 2021, Learning transferable visual models from natural language supervision, section 3.1 (classes of several
// prompts: the mean of their embeddings, section 3.1.4).
import { LaceError, failure } from "../../source/diagnostic.js";
import { wholeOnnx } from "../../models/onnx-file.js";
import type { OnnxArray, OnnxInput, OnnxModel } from "../../runtime/services/onnx-model.js";
import { openOnnxModel } from "../engines/open-onnx-model.js";
import { loadOrt } from "../engines/ort.js";
import { nodeHost } from "../host.js";
import type { Labeller, FeaturedLabels } from "../../runtime/services/services.js";
import { onWhite, type RgbImage } from "../../runtime/image/rgb.js";
import type { ReadClip } from "../../learn/labellers/other-picture.js";
import { findClip, readNormalization, unusable, type ClipFiles } from "./clip-files.js";
import { thumbnail } from "../../learn/labellers/preprocess.js";
import { printPrompts, type PromptedAttribute } from "../../learn/labellers/prompts.js";

/** Of similarities: what CLIP models have learnt, and the most that their training allows. */
const SCALE = 100;

interface Tensor {
  readonly dims: readonly number[];
  readonly data: unknown;
}
interface Loader<T> {
  from_pretrained(folder: string, options: object): Promise<T>;
}
interface Tokenizer {
  (texts: readonly string[], options: object): Readonly<Record<string, Tensor>>;
  readonly model_max_length: number;
}
/** What is used of @huggingface/transformers. */
export interface Transformers {
  readonly env: { allowRemoteModels: boolean; logLevel: number };
  readonly LogLevel: { readonly NONE: number };
  readonly AutoTokenizer: Loader<Tokenizer>;
  readonly AutoImageProcessor: Loader<(images: readonly object[]) => Promise<{ readonly pixel_values: Tensor }>>;
  readonly RawImage: new (data: Uint8Array, width: number, height: number, channels: number) => object;
}

/** Rows of numbers, one after another. */
interface Rows {
  readonly data: Float32Array;
  readonly width: number;
}

/**
 * Opens the labeller.
 *
 * Errors   LaceError L5314 (the package is not installed), L5316 (the model is not there or cannot be used), L5312 (a prompt is too long).
 * Owns     the caller disposes the labeller.
 */
export async function openClipLabeller(
  model: string,
  attributes: readonly PromptedAttribute[],
  load: () => Promise<Transformers> = importTransformers,
): Promise<Labeller> {
  const files = await findClip(model);
  const library = await loadTransformers(load);
  const texts = await embedTexts(library, files, attributes);
  const [processor, network] = await opening(files, async () => [
    await library.AutoImageProcessor.from_pretrained(files.folder, LOCAL),
    await openNetwork(files.visionFile),
  ]);
  const look = async (images: readonly RgbImage[]): Promise<FeaturedLabels> => {
    const seen = await running(files, async () => {
      const { pixel_values } = await processor(images.map((i) => rawImage(library, i, files.edge)));
      return embed(network, { pixel_values }, "image_embeds", files);
    });
    if (seen.width !== texts.width)
      throw unusable(files.folder, `embeddings of images have ${seen.width} numbers, those of texts ${texts.width}`);
    return { columns: similarities(seen, texts), features: seen.data };
  };
  return {
    attributes: attributes.map((a) => a.attribute),
    name: `clip ${files.name}`,
    sha256: files.sha256,
    prompts: attributes.map(printPrompts),
    look,
    label: look,
    dispose: async () => {
      await network.dispose();
    },
  };
}

/**
 * A CLIP model for pictures that are followed: its image tower, not run here, and embeddings of texts.
 * Errors   LaceError L5314, L5316, L5312 as openClipLabeller.
 */
export async function readClip(
  folder: string,
  prompts: readonly string[],
  load: () => Promise<Transformers> = importTransformers,
): Promise<ReadClip> {
  const files = await findClip(folder);
  const library = await loadTransformers(load);
  const classes = prompts.map((prompt) => [prompt]);
  const { data, width } = await embedTexts(library, files, [{ prompts: classes }]);
  const host = nodeHost();
  const { bytes } = await wholeOnnx(host, files.visionFile, await host.readBytes(files.visionFile));
  const { mean, std } = await readNormalization(files);
  return {
    ...{ bytes, sha256: files.sha256, output: "image_embeds" },
    input: { name: "pixel_values", size: files.edge, layout: "nchw", channels: "rgb", mean, std },
    texts: prompts.map((_, k) => data.slice(k * width, (k + 1) * width)),
  };
}

/** One row of length 1 for each class of each attribute: the mean direction of its prompts. */
async function embedTexts(
  library: Transformers,
  files: ClipFiles,
  attributes: readonly Pick<PromptedAttribute, "prompts">[],
): Promise<Rows> {
  const classes = attributes.flatMap((a) => a.prompts);
  const prompts = classes.flat();
  const [tokenizer, network] = await opening(files, async () => [
    await library.AutoTokenizer.from_pretrained(files.folder, LOCAL),
    await openNetwork(files.textFile),
  ]);
  try {
    for (const prompt of prompts) {
      const length = tokenizer([prompt], { padding: false, truncation: false })["input_ids"]?.dims[1] ?? 0;
      if (length > tokenizer.model_max_length)
        throw failure(
          "L5312",
          `prompts: \`${prompt}\` has ${length} tokens, the model takes ${tokenizer.model_max_length}`,
        );
    }
    const rows = await running(files, async () =>
      embed(network, tokenizer(prompts, { padding: true, truncation: true }), "text_embeds", files),
    );
    const { width } = rows;
    const data = new Float32Array(classes.length * width);
    let prompt = 0;
    classes.forEach((own, k) => {
      const sum = data.subarray(k * width, (k + 1) * width);
      for (let n = 0; n < own.length; n++, prompt++) {
        const row = unit(rows.data.subarray(prompt * width, (prompt + 1) * width));
        for (let i = 0; i < width; i++) sum[i] = (sum[i] ?? 0) + (row[i] ?? 0);
      }
      sum.set(unit(sum));
    });
    return { data, width };
  } finally {
    await network.dispose();
  }
}

/** Scaled cosines of each image with each class. Shapes [n, F], [K, F] -> [n, K]. */
function similarities(images: Rows, classes: Rows): Float32Array {
  const { width } = images;
  const [n, count] = [images.data.length / width, classes.data.length / width];
  const columns = new Float32Array(n * count);
  for (let row = 0; row < n; row++) {
    const image = unit(images.data.subarray(row * width, (row + 1) * width));
    for (let k = 0; k < count; k++) {
      let dot = 0;
      for (let i = 0; i < width; i++) dot += (image[i] ?? 0) * (classes.data[k * width + i] ?? 0);
      columns[row * count + k] = SCALE * dot;
    }
  }
  return columns;
}

function unit(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  return row.map((x) => x / length);
}

function rawImage({ RawImage }: Transformers, image: RgbImage, edge: number): object {
  if (image.width <= edge) return new RawImage(onWhite(image).data, image.width, image.height, 3);
  return new RawImage(thumbnail(onWhite(image), edge), edge, edge, 3);
}

async function openNetwork(file: string): Promise<OnnxModel> {
  const host = nodeHost();
  return openOnnxModel((await wholeOnnx(host, file, await host.readBytes(file))).bytes);
}

/** Runs a network on those of the tensors that it takes. */
async function embed(
  network: OnnxModel,
  tensors: Readonly<Record<string, Tensor>>,
  output: string,
  files: ClipFiles,
): Promise<Rows> {
  if (!network.outputs.some((o) => o.name === output)) {
    const names = network.outputs.map((o) => o.name).join(", ");
    throw unusable(files.folder, `a model in onnx/ has no output ${output}, but ${names}`);
  }
  const inputs: Record<string, OnnxInput> = {};
  for (const { name } of network.inputs) {
    const tensor = tensors[name];
    if (tensor === undefined) throw unusable(files.folder, `a model in onnx/ wants an input ${name}`);
    const { data, dims } = tensor;
    if (!(data instanceof Float32Array || data instanceof BigInt64Array))
      throw unusable(files.folder, `its ${name} are neither float32 nor int64`);
    inputs[name] = { data, dims };
  }
  return rowsOf((await network.run(inputs, [output]))[output], output, files);
}

function rowsOf(output: OnnxArray | undefined, name: string, files: ClipFiles): Rows {
  const width = output?.dims[1];
  if (output === undefined || width === undefined) throw unusable(files.folder, `the output ${name} is no table`);
  return { data: output.data, width };
}

const LOCAL = { local_files_only: true } as const;

function opening<T>(files: ClipFiles, open: () => Promise<T>): Promise<T> {
  return explained(files, "it cannot be opened", open);
}

function running<T>(files: ClipFiles, run: () => Promise<T>): Promise<T> {
  return explained(files, "it cannot be run", run);
}

/** What the library throws is about the model's files. */
async function explained<T>(files: ClipFiles, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LaceError && error.diagnostics[0]?.code === "L5316") throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw unusable(files.folder, `${what}: ${why.split("\n")[0] ?? ""}`, [
      "its files may be damaged, or of a kind that transformers.js does not know",
    ]);
  }
}

/** onnxruntime first: transformers.js runs on the same copy, with the telemetry off. */
async function importTransformers(): Promise<Transformers> {
  await loadOrt();
  return (await import("@huggingface/transformers")) as unknown as Transformers;
}

async function loadTransformers(load: () => Promise<Transformers>): Promise<Transformers> {
  let library: Transformers;
  try {
    library = await load();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw failure("L5314", "the labeller `clip` needs the package @huggingface/transformers", [
      "install it beside lacec: npm install @huggingface/transformers",
    ]);
  }
  library.env.allowRemoteModels = false;
  library.env.logLevel = library.LogLevel.NONE; // what goes wrong is thrown as well
  return library;
}
