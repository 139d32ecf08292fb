// `lacec import`: a file of any kind that lacec reads -> a pack, or a file of heads, with everything that belongs beside it.
// In: a Host, a path, what the user says. Out: the files to write, whole. Nothing is written here.
// Invariants: nothing in the file is run; a pack that comes out has been checked by the rules that load it; whatever it was
// made from is in its metadata by SHA-256.
import { baseName } from "../source/public-name.js";
import type { Attribute } from "../compiler/attribute.js";
import type { HeadSpace, HeadWeights, MappingWeights } from "../compiler/weights.js";
import type { PhaseClock } from "../ports/events.js";
import type { Host } from "../ports/host.js";
import type { HeadCheckpoint } from "./checkpoints/head-forms.js";
import type { DecoderFacts } from "./decoder-facts.js";
import {
  gatherHeads,
  listOf,
  outputOf,
  readWhole,
  type FoundHead,
  type HeadSettings,
  type Origin,
  type ImportProvenance,
} from "./gather-heads.js";
import { modelError } from "./model-error.js";
import { labellerFile, type DecoderModel, type LabellerFile, type Model, type StyleganModel } from "./model.js";
import { openSource, type Source } from "./checkpoints/open-source.js";
import { loadDecoder, loadLabeller, METADATA_KEY, readPack } from "./pack/pack.js";
import { writeHeads, writePack } from "./pack/write-pack.js";
import { wholeOnnx } from "./onnx-file.js";
import { inputFacts, parseHeadMetadata, parsePackMetadata } from "./pack/pack-metadata.js";
import { widthIn } from "./pack/pack-weights.js";
import { readSafetensors } from "./formats/safetensors.js";

/** Looks at an ONNX decoder, which takes running it: services bring it. */
export type ExamineDecoder = (bytes: Uint8Array, file: string) => Promise<Omit<DecoderFacts, "seen">>;

/** Estimates the average w of a mapping [wDim], which takes many samples of it: services bring it. */
export type AverageStyle = (mapping: MappingWeights, zDim: number) => Promise<Float32Array>;

export interface ImportSettings extends HeadSettings {
  /** Path of the pack to be. */
  readonly out: string;
  readonly licence?: string;
  /** Default: what the source has, if it is a pack; else F32. */
  readonly dtype?: "F16" | "F32";
  readonly examineDecoder: ExamineDecoder;
  readonly averageStyle: AverageStyle;
  /** Who judges the model's images: goes into the pack, in place of the judge that it has. */
  readonly labeller?:
    "faces" | (Required<Pick<LabellerFile, "sha256" | "description">> & { readonly bytes: Uint8Array });
  /** What the file must hold; default: whatever it does. */
  readonly as?: "head";
  /** Version of this lacec, for the pack's `source`. */
  readonly lacec: string;
}

export interface Imported {
  /** What the source was. */
  readonly format: string;
  /** The pack first, then what belongs beside it. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** Sentences: what was assumed because no file has it. It is in the pack's `source` too. */
  readonly assumed: readonly string[];
}

/**
 * Imports a file.
 * Errors   LaceError L50xx of the host, L51xx of what is read, L52xx of a decoder that cannot be run.
 */
export async function importModel(
  host: Host,
  path: string,
  given: ImportSettings,
  clock: PhaseClock,
): Promise<Imported> {
  const { file, output } = await outputOf(host, path);
  const settings = { ...given, ...(output !== undefined && { output }) };
  const base = baseName(file);
  const name = settings.name ?? base.replace(/\.[^.]*$/, "");
  const { bytes, sha256 } = await clock.run("read", {}, () => readWhole(host, file));
  const licence = settings.licence === undefined ? {} : { licence: settings.licence };
  const source = await clock.run(
    "check",
    {},
    () => openSource(bytes, file, { name, sha256, ...licence }),
    (found) => found.kind,
  );
  if (settings.as === "head" && !("layers" in source) && source.kind !== "heads")
    throw modelError("L5107", file, `it holds no attribute head (${source.kind})`, [
      "dense layers alone are read (nn.Linear, nn.Sequential), boundaries, linear models of scikit-learn and the heads of LACE",
    ]);
  const origin: Origin = { file: base, sha256, format: source.kind };
  const gathered = await gatherHeads(host, source, file, settings);
  const found = { origins: [origin, ...gathered.origins], assumed: [...assumptions(source), ...gathered.assumed] };
  return clock.run("convert", {}, async () => {
    if ("layers" in source || source.kind === "heads") {
      if (settings.labeller !== undefined)
        throw modelError("L5107", file, "it holds heads alone: a labeller goes into the pack of a model");
      return { format: source.kind, files: [headFile(gathered.heads, file, found, settings)], assumed: found.assumed };
    }
    const whole = source.kind === "onnx" ? await wholeOnnx(host, file, bytes) : { bytes, parts: [] };
    const parts = whole.parts.map((p) => ({ file: baseName(p.file), sha256: p.sha256, format: "weights of ONNX" }));
    const read = {
      ...{ file, bytes: whole.bytes },
      ...{ sha256: parts.length > 0 ? await host.sha256(whole.bytes) : sha256, name },
    };
    const opened = await modelOf(host, source, read, settings);
    const model = judgedBy(host, opened.model, settings);
    const assumed = [...found.assumed, ...opened.assumed];
    const made = { origins: [origin, ...parts, ...gathered.origins], assumed };
    const pack = packBytes(withHeads(model, gathered.heads, file), gathered.heads, made, settings, source);
    parsePackMetadata(readSafetensors(pack, settings.out).metadata.get(METADATA_KEY), settings.out);
    const beside = await filesBeside(host, model, source, whole.bytes, settings);
    return { format: source.kind, files: [{ path: settings.out, bytes: pack }, ...beside], assumed };
  });
}

/** What the reader of the model had to assume; that of heads is gathered with them. */
function assumptions(source: Source): readonly string[] {
  if (!("model" in source)) return [];
  const average = "the average w is the mean of 10,000 samples, for the file has none";
  return source.averageUnknown ? [...source.assumed, average] : source.assumed;
}

/** The model of a source that is no file of heads, and what was chosen in looking at it. */
async function modelOf(
  host: Host,
  source: Exclude<Source, HeadCheckpoint | { readonly kind: "heads" }>,
  read: { readonly file: string; readonly bytes: Uint8Array; readonly sha256: string; readonly name: string },
  settings: ImportSettings,
): Promise<{ readonly model: Model; readonly assumed: readonly string[] }> {
  const { file, sha256, name } = read;
  if (source.kind === "pack") {
    const model = readPack(source.stored, file, { resolve: (beside) => host.resolve(file, beside), sha256 });
    const { licence = model.licence } = settings;
    const info = { ...model.info, name: settings.name ?? model.info.name };
    return { model: { ...model, info, licence }, assumed: [] };
  }
  if (source.kind !== "onnx") {
    const { model } = source;
    return { model: source.averageUnknown ? await withAverage(model, settings) : model, assumed: [] };
  }
  const { zDim, resolution, imageSize, assumed, ...decoder } = await settings.examineDecoder(read.bytes, file);
  // The source is never written to: where its weights had to be taken in, the whole is another file.
  const own = besideName(settings.out, ".onnx");
  const isSource = host.resolve(settings.out, own) === host.resolve(file, baseName(file));
  const decoderFile = isSource && read.bytes !== source.bytes ? besideName(settings.out, ".whole.onnx") : own;
  const model: DecoderModel = {
    info: {
      ...{ name, zDim, wDim: zDim, numWs: 1, resolution, attributes: [], layerGroups: {} },
      ...(imageSize && { imageSize }),
      ...(decoder.channels === 4 && { imageChannels: 4 }),
      ...inputFacts(decoder.inputs),
    },
    weights: { zDim, heads: [] },
    decoder: { ...decoder, file: decoderFile, sha256 },
    sha256,
    licence: settings.licence ?? "unknown",
  };
  return { model, assumed };
}

/** The model with the judge that the user gives. */
function judgedBy(host: Host, model: Model, { labeller: given, out }: ImportSettings): Model {
  if (given === undefined) return model;
  if (given === "faces") return { ...model, labeller: given };
  const { sha256, description } = given;
  return { ...model, labeller: { file: host.resolve(out, besideName(out, ".labeller.onnx")), sha256, description } };
}

async function withAverage(model: StyleganModel, { averageStyle }: ImportSettings): Promise<StyleganModel> {
  const { mapping, zDim } = model.weights;
  if (mapping === undefined) return model;
  const data = await averageStyle(mapping, zDim);
  return {
    ...model,
    weights: { ...model.weights, mapping: { ...mapping, wAverage: { shape: [data.length], data } } },
  };
}

function packBytes(
  model: Model,
  found: readonly FoundHead[],
  provenance: ImportProvenance,
  settings: ImportSettings,
  source: Source,
): Uint8Array {
  const { origins } = provenance;
  const original = source.kind === "pack" ? source.metadata : {};
  const tensors = source.kind === "pack" ? [...source.stored.tensors.values()] : [];
  const halves = tensors.length > 0 && tensors.every((t) => t.dtype === "F16");
  const text = original["source"];
  return writePack(model, {
    source: typeof text === "string" ? text : importedFrom(provenance, settings),
    dtype: settings.dtype ?? (halves ? "F16" : "F32"),
    madeFrom: source.kind === "pack" ? [...earlierOrigins(source, settings.out), ...origins] : origins,
    original: { ...original, attributes: [...listOf(original["attributes"]), ...found.map((f) => f.stored)] },
  });
}

function importedFrom({ origins, assumed }: ImportProvenance, { lacec }: ImportSettings): string {
  const names = origins.map(({ file, format }) => `${file} (${format})`);
  const said = assumed.length === 0 ? "" : `; assumed: ${assumed.join("; ")}`;
  return `imported by lacec ${lacec} from ${names.join(", ")}${said}`;
}

function earlierOrigins(source: Extract<Source, { readonly kind: "pack" }>, file: string): readonly Origin[] {
  return parsePackMetadata(source.stored.metadata.get(METADATA_KEY), file).madeFrom;
}

/** Labeller and decoder, under names that the new pack can refer to. A decoder imported from where it lies is not copied. */
async function filesBeside(
  host: Host,
  model: Model,
  source: Source,
  bytes: Uint8Array,
  { out, labeller: given }: ImportSettings,
): Promise<{ path: string; bytes: Uint8Array }[]> {
  const files: { path: string; bytes: Uint8Array }[] = [];
  const add = (file: string, content: Uint8Array): void => {
    files.push({ path: host.resolve(out, baseName(file)), bytes: content });
  };
  const labeller = typeof given === "object" ? given.bytes : await loadLabeller(host, model);
  const own = labellerFile(model);
  if (own !== undefined && labeller !== undefined) add(own.file, labeller);
  if (model.decoder !== undefined)
    add(model.decoder.file, source.kind === "onnx" ? bytes : await loadDecoder(host, model));
  return files;
}

function widthOf(head: HeadWeights): number {
  return head.layers[0]?.weight.shape[1] ?? 0;
}

function checkDistinct(rows: readonly Attribute[], file: string): void {
  const twice = rows.find((row, i) => rows.findIndex((r) => r.name === row.name) < i);
  if (twice !== undefined)
    throw modelError("L5107", file, `two heads are called \`${twice.name}\``, ["rename one: --heads NAME=FILE"]);
}

function withHeads(model: Model, found: readonly FoundHead[], file: string): Model {
  for (const { row, head } of found) {
    const { space = "w" } = head;
    const width = widthIn(space, model.info);
    if (widthOf(head) !== width)
      throw modelError(
        "L5107",
        file,
        `the head \`${row.name}\` takes ${widthOf(head)} numbers, the model's ${space} has ${width ?? 0}`,
      );
  }
  const attributes = [...model.info.attributes, ...found.map((f) => f.row)];
  checkDistinct(attributes, file);
  const heads = [...model.weights.heads, ...found.map((f) => f.head)];
  const witnesses = [
    ...model.info.attributes.map((_, i) => model.weights.witnesses?.[i]),
    ...found.map((f) => f.witness),
  ];
  return { ...model, info: { ...model.info, attributes }, weights: { ...model.weights, heads, witnesses } };
}

function headFile(
  found: readonly FoundHead[],
  file: string,
  provenance: ImportProvenance,
  settings: ImportSettings,
): { readonly path: string; readonly bytes: Uint8Array } {
  const { out, dtype } = settings;
  const attributes = found.map((f) => f.row);
  checkDistinct(attributes, file);
  const [wDim, zDim] = [commonWidth(found, "w", file), commonWidth(found, "z", file)];
  const widths = { wDim: wDim ?? zDim ?? 0, zDim };
  const witnesses = found.map((f) => f.witness);
  const bytes = writeHeads({ attributes, heads: found.map((f) => f.head), witnesses }, widths, dtype, {
    source: importedFrom(provenance, settings),
    madeFrom: provenance.origins,
    attributes: found.map((f) => f.stored),
  });
  parseHeadMetadata(readSafetensors(bytes, out).metadata.get(METADATA_KEY), out);
  return { path: out, bytes };
}

/** Numbers that the heads of a space take; undefined where there is none. Errors LaceError L5107 if they differ. */
function commonWidth(found: readonly FoundHead[], space: HeadSpace, file: string): number | undefined {
  const own = found.filter(({ head }) => (head.space ?? "w") === space);
  const [first] = own;
  if (first === undefined) return undefined;
  const width = widthOf(first.head);
  const other = own.find(({ head }) => widthOf(head) !== width);
  if (other !== undefined)
    throw modelError(
      "L5107",
      file,
      `the head \`${other.row.name}\` takes ${widthOf(other.head)} numbers, the first ${width}`,
    );
  return width;
}

/** The pack's name with another extension, in characters that a pack may refer to. */
function besideName(out: string, extension: string): string {
  const stem = baseName(out)
    .replace(/\.safetensors$/, "")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^[.-]/, "_");
  return `${stem}${extension}`;
}
