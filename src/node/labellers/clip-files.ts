// Where a CLIP model lies on this machine, in the layout of transformers.js: config.json, tokenizer.json, preprocessor_config.json and
// ONNX files of the text and the vision model in onnx/. lacec downloads none.
// In: a folder, or the name of a model of the Hugging Face hub that some tool has downloaded. Out: its files and their one hash.
// Invariants: nothing but the disk is asked; every file that will be opened is there and in the hash.
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { homeFolder } from "../home.js";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import * as v from "valibot";
import { failure, LaceError } from "../../source/diagnostic.js";
import { wholeOnnx } from "../../models/onnx-file.js";
import { nodeHost } from "../host.js";
import { hashOf } from "../model-store.js";

/** Suffixes of ONNX files by precision, as transformers.js names it, best first. */
const PRECISIONS = { fp32: "", fp16: "_fp16", q8: "_quantized", int8: "_int8", uint8: "_uint8" } as const;
/** What is read beside the ONNX files. */
const SETTINGS = ["config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"] as const;
export type Precision = keyof typeof PRECISIONS;

export interface ClipFiles {
  /** Absolute path. */
  readonly folder: string;
  readonly name: string;
  /** Precision of the file that is there. */
  readonly text: Precision;
  readonly vision: Precision;
  /** Paths of the ONNX files. */
  readonly textFile: string;
  readonly visionFile: string;
  /** Edge in pixels of the images that it is made for. */
  readonly edge: number;
  /** Of the lines `SHA-256 of the file, two spaces, its path in the folder` sorted by path: what `sha256sum FILES | sha256sum` prints. */
  readonly sha256: string;
}

const edge = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));
const configSchema = v.object({ model_type: v.string() });
const imagesSchema = v.object({
  size: v.union([edge, v.object({ shortest_edge: edge }), v.object({ height: edge, width: edge })]),
});

/**
 * Finds a model.
 *
 * Errors   LaceError L5316 that says what is missing and how to get it.
 */
export async function findClip(
  reference: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ClipFiles> {
  const { folder, name } = await findFolder(reference, env);
  const files = await namesIn(folder);
  const models = await namesIn(join(folder, "onnx"));
  const missing: string[] = SETTINGS.filter((f) => !files.includes(f));
  const [text, vision] = (["text_model", "vision_model"] as const).map((stem) => {
    const found = precisions().find((p) => models.includes(modelFile(stem, p)));
    if (found === undefined) missing.push(`onnx/${stem}.onnx`);
    return found;
  });
  if (text === undefined || vision === undefined || missing.length > 0)
    throw unusable(folder, `it lacks ${missing.join(", ")}`, howToGet(name));
  const { model_type: type } = await readJson(join(folder, "config.json"), configSchema);
  if (type !== "clip") throw unusable(join(folder, "config.json"), `this is a model of type ${type}, not clip`);
  const { size } = await readJson(join(folder, "preprocessor_config.json"), imagesSchema);
  const onnx = [`onnx/${modelFile("text_model", text)}`, `onnx/${modelFile("vision_model", vision)}`] as const;
  const [textFile, visionFile] = [join(folder, onnx[0]), join(folder, onnx[1])];
  // Weights may lie in files beside: text_model.onnx_data.
  const weights = (await Promise.all([textFile, visionFile].map(weightFiles))).flat().map((f) => `onnx/${f}`);
  const used = [...new Set([...SETTINGS, ...onnx, ...weights])].sort();
  const all = createHash("sha256");
  for (const file of used) all.update(`${await hashOf(join(folder, file))}  ${file}\n`);
  return {
    ...{ folder, name, text, vision, textFile, visionFile },
    edge: typeof size === "number" ? size : "shortest_edge" in size ? size.shortest_edge : size.height,
    sha256: all.digest("hex"),
  };
}

const number = v.pipe(v.number(), v.finite());
const positive = v.pipe(number, v.minValue(1e-6));
const normalizationSchema = v.object({
  image_mean: v.optional(v.tuple([number, number, number]), [0.48145466, 0.4578275, 0.40821073]),
  image_std: v.optional(v.tuple([positive, positive, positive]), [0.26862954, 0.26130258, 0.27577711]),
});

/** What the images of a model are normalized by; of one that does not say, what OpenAI's CLIP was trained with. Errors: LaceError L5316. */
export async function readNormalization({ folder }: ClipFiles): Promise<{
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}> {
  const { image_mean: mean, image_std: std } = await readJson(
    join(folder, "preprocessor_config.json"),
    normalizationSchema,
  );
  return { mean, std };
}

/** Names of the files that hold an ONNX file's weights, where they have been found to lie beside it. */
async function weightFiles(file: string): Promise<readonly string[]> {
  try {
    const host = nodeHost();
    return (await wholeOnnx(host, file, await host.readBytes(file))).parts.map((p) => p.file);
  } catch (error) {
    if (error instanceof LaceError) throw unusable(file, `it cannot be opened: ${error.diagnostics[0]?.message ?? ""}`);
    throw error;
  }
}

/** A model that is there and cannot be used. */
export function unusable(where: string, what: string, hints: readonly string[] = []): LaceError {
  return failure("L5316", `${where}: ${what}`, hints);
}

/** A folder; else what the hub's own tools have downloaded under this name. */
async function findFolder(
  reference: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly folder: string; readonly name: string }> {
  const about = await stat(reference).catch(() => undefined);
  if (about !== undefined && !about.isDirectory())
    throw unusable(reference, "it is a file; a CLIP model is a folder of several", howToGet(undefined));
  if (about !== undefined) return { folder: resolve(reference), name: basename(resolve(reference)) };
  const hub = env["HF_HUB_CACHE"] ?? join(env["HF_HOME"] ?? join(homeFolder(), ".cache", "huggingface"), "hub");
  if (/^[\w.-]+\/[\w.-]+$/.test(reference)) {
    const cached = join(hub, `models--${reference.replace("/", "--")}`);
    const revision = await readFile(join(cached, "refs", "main"), "utf8").catch(() => "");
    if (/^[0-9a-f]{40}$/.test(revision.trim()))
      return { folder: join(cached, "snapshots", revision.trim()), name: reference };
  }
  throw failure("L5316", `there is no folder ${reference}, and no model of this name in ${hub}`, howToGet(reference));
}

function howToGet(name: string | undefined): string[] {
  const model = name !== undefined && /^[\w-][\w.-]*\/[\w.-]+$/.test(name) ? name : "Xenova/clip-vit-base-patch32";
  return [
    "lacec downloads no models by itself; the tools of the Hugging Face hub do:",
    `hf download ${model} ${[...SETTINGS, "onnx/text_model.onnx", "onnx/vision_model.onnx"].join(" ")} --local-dir clip`,
    "then: --clip-model clip",
  ];
}

function precisions(): Precision[] {
  return Object.keys(PRECISIONS) as Precision[];
}

function modelFile(stem: string, precision: Precision): string {
  return `${stem}${PRECISIONS[precision]}.onnx`;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function readJson<T>(file: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw unusable(file, "it is not JSON");
    throw error;
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const shown = result.issues.map((issue) => `${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
  throw unusable(file, shown.join("; "));
}
