// Model packs (docs/packs.md): one safetensors file with weights and metadata -> Model; write-pack.ts is the way back.
// In: a Host and a path. Out: a Model whose every tensor has been checked; `loadModelInfo` reads the header alone.
// Invariants: a Model that this gives builds its graphs without further checks; nothing outside the pack's folder is named by it.
import { imageSizeOf, type Attribute, type ModelInfo } from "../../compiler/attribute.js";
import { missingHead, widthFault, type HeadTable } from "../../compiler/head-table.js";
import type { Host } from "../../ports/host.js";
import { failure } from "../../source/diagnostic.js";
import { commandsFor, isModelName, MODEL_PREFIX } from "../model-name.js";
import { modelError } from "../model-error.js";
import { labellerFile, type DecoderModel, type Model } from "../model.js";
import { attributeTable, modelInfo, parseHeadMetadata, parsePackMetadata } from "./pack-metadata.js";
import { readHeads, readMapping, TensorSource, type TableHeads, type Widths } from "./pack-weights.js";
import {
  headerLength,
  LENGTH_BYTES,
  parseHeader,
  readSafetensors,
  type Safetensors,
  type SafetensorsHeader,
} from "../formats/safetensors.js";
import { imageFacts } from "../checkpoints/image-facts.js";
import { readStylegan2 } from "../checkpoints/stylegan2-weights.js";
import { readStylegan3 } from "../checkpoints/stylegan3-weights.js";

/** The metadata key of packs and head files. */
export const METADATA_KEY = "lace";

/** The file of a pack: of a path, "builtin:NAME", or the name of an imported model. Errors LaceError L5101 for a name that no model has, L5001 for a path without a file, with the commands that would make one. */
export async function packFile(host: Host, path: string): Promise<string> {
  if (path.startsWith("builtin:")) return host.resolve("", path);
  if (!isModelName(path)) {
    if (await host.exists(path)) return path;
    throw failure("L5001", `there is no file ${path}`, [
      "check the path; paths in a script are relative to the script",
      `with the checkpoint at hand: lacec import CHECKPOINT -o ${path}`,
    ]);
  }
  const file = host.resolve("", `${MODEL_PREFIX}${path}`);
  if (await host.exists(file)) return file;
  throw failure("L5101", `no imported model is called "${path}"`, commandsFor(path));
}

function sourceOf(stored: Safetensors, file: string): TensorSource {
  return new TensorSource(file, (name) => stored.tensor(name), new Set(stored.tensors.keys()));
}

/**
 * Loads a pack: `path` is a path of the host, "builtin:NAME", or the name of an imported model.
 * Errors   LaceError L5101 (no such name), L5102 (damaged file), L5108 (metadata), L5109 (tensors); those of the host if it cannot be read.
 */
export async function loadPack(host: Host, path: string): Promise<Model> {
  const file = await packFile(host, path);
  const bytes = await host.readBytes(file);
  return readPack(readSafetensors(bytes, file), file, {
    resolve: (name) => host.resolve(file, name),
    sha256: await host.sha256(bytes),
  });
}

/**
 * The model of a pack that has been read. `resolve` finds the files beside it.
 * Errors   LaceError L5108 (metadata), L5109 (tensors).
 */
export function readPack(
  stored: Safetensors,
  file: string,
  { resolve, sha256 }: { readonly resolve: (name: string) => string; readonly sha256: string },
): Model {
  const metadata = parsePackMetadata(stored.metadata.get(METADATA_KEY), file);
  const info = modelInfo(metadata);
  const source = sourceOf(stored, file);
  const { labeller, licence } = metadata;
  const heads = readHeads(source, info.attributes, metadata.attributes, info);
  const base = {
    info,
    ...(labeller && { labeller: labeller === "faces" ? labeller : { ...labeller, file: resolve(labeller.file) } }),
    sha256,
    licence,
  };
  if (metadata.architecture === "onnx") {
    const { decoder, imageChannels } = metadata;
    return {
      ...base,
      weights: { zDim: info.zDim, ...heads },
      decoder: { ...decoder, channels: imageChannels, file: resolve(decoder.file) },
    };
  }
  const mapping = readMapping(source, metadata);
  const synthesis =
    metadata.architecture === "stylegan3"
      ? readStylegan3(source, { ...metadata.synthesis, wDim: info.wDim })
      : readStylegan2(source, { ...metadata.synthesis, wDim: info.wDim, resolution: info.resolution });
  checkImages(imageFacts(synthesis), info, file);
  return { ...base, weights: { zDim: info.zDim, ...(mapping && { mapping }), ...heads }, synthesis };
}

/** The header of a pack, which is read alone, says of its images what its tensors do. */
function checkImages(tensors: ReturnType<typeof imageFacts>, info: ModelInfo, file: string): void {
  const text = (facts: Parameters<typeof imageSizeOf>[0] & Pick<ModelInfo, "imageChannels">): string => {
    const { width, height } = imageSizeOf(facts);
    return `${width} x ${height} pixels${facts.imageChannels === 4 ? " with alpha" : ""}`;
  };
  if (text(tensors) !== text(info))
    throw modelError("L5108", file, `its metadata speak of ${text(info)}, its tensors make ${text(tensors)}`);
}

/**
 * The sizes and attribute table of a pack, from its header alone: cheap however large the pack is.
 * Errors   LaceError L5102 (damaged header), L5108 (metadata); those of the host if it cannot be read.
 */
export async function loadModelInfo(host: Host, path: string): Promise<ModelInfo> {
  const { file, metadata, tensors } = await loadPackMetadata(host, path);
  return {
    ...modelInfo(parsePackMetadata(metadata, file)),
    noise: tensors.some((name) => name.endsWith(".noise_strength")),
  };
}

/**
 * The text under the metadata key of a pack and the names of its tensors, from its header alone, and the file that it is in.
 * Errors   LaceError L5102 (damaged header); those of the host if it cannot be read.
 */
export async function loadPackMetadata(
  host: Host,
  path: string,
): Promise<{ readonly file: string; readonly metadata: string | undefined; readonly tensors: readonly string[] }> {
  const file = await packFile(host, path);
  const { metadata, tensors } = await headerOf(host, file);
  return { file, metadata: metadata.get(METADATA_KEY), tensors: [...tensors.keys()] };
}

async function headerOf(host: Host, file: string): Promise<SafetensorsHeader> {
  if (host.readRange === undefined) return readSafetensors(await host.readBytes(file), file);
  const length = headerLength(await host.readRange(file, 0, LENGTH_BYTES), undefined, file);
  return parseHeader(await host.readRange(file, LENGTH_BYTES, length), undefined, file);
}

/** Heads of a file of its own, with the rows that they add to the attribute table. */
export interface Heads extends TableHeads {
  readonly attributes: readonly Attribute[];
}

/**
 * Loads a file of attribute heads (docs/packs.md, "Head files") for a model with latents of these widths.
 * Errors   LaceError L5001 (no such file), L5102 (damaged file), L5107 (made for other widths), L5108 (metadata), L5109 (tensors).
 */
export async function loadHeads(host: Host, path: string, model: Pick<ModelInfo, "wDim" | "zDim">): Promise<Heads> {
  const { attributes, heads, witnesses, ...widths } = readHeadFile(
    readSafetensors(await host.readBytes(await findHeads(host, path)), path),
    path,
  );
  const fault = widthFault({ ...widths, spaces: heads.map((h) => h.space ?? "w") }, model);
  if (fault !== undefined) throw modelError("L5107", path, fault);
  return { attributes, heads, ...(witnesses && { witnesses }) };
}

/**
 * The rows of a file of heads, from its header alone.
 * Errors   LaceError L5001 (no such file), L5102 (damaged header), L5108 (metadata); those of the host if it cannot be read.
 */
export async function loadHeadTable(host: Host, path: string): Promise<HeadTable> {
  const { attributes, wDim, zDim } = parseHeadMetadata(
    (await headerOf(host, await findHeads(host, path))).metadata.get(METADATA_KEY),
    path,
  );
  return { attributes: attributeTable(attributes), spaces: attributes.map((a) => a.space), wDim, zDim };
}

/** The path of a file of heads, if there is one. Errors LaceError L5001. */
async function findHeads(host: Host, path: string): Promise<string> {
  if (await host.exists(path)) return path;
  throw failure("L5001", `there is no file ${path}`, [
    "check the path; paths in a script are relative to the file that names them",
    `heads are trained from labels: lacec train DATA -o ${path}`,
  ]);
}

/** The heads of a head file or a pack that has been read. Errors LaceError L5108 (metadata), L5109 (tensors). */
export function readHeadFile(stored: Safetensors, file: string): Heads & Widths {
  const metadata = parseHeadMetadata(stored.metadata.get(METADATA_KEY), file);
  const attributes = attributeTable(metadata.attributes);
  const { wDim, zDim } = metadata;
  return {
    attributes,
    ...readHeads(sourceOf(stored, file), attributes, metadata.attributes, metadata),
    wDim,
    zDim,
  };
}

/**
 * The model with the heads that a script adds, in the order of the list: each entry names an attribute and the file it is in.
 * Errors   as loadHeads; L5107 if a file has no head of that name.
 */
export async function addHeads(
  host: Host,
  model: Model,
  wanted: readonly { readonly attribute: string; readonly file: string }[],
): Promise<Model> {
  const attributes = [...model.info.attributes];
  const heads = [...model.weights.heads];
  const witnesses = attributes.map((_, i) => model.weights.witnesses?.[i]);
  for (const { attribute, file } of wanted) {
    const found = await loadHeads(host, file, model.info);
    const row = found.attributes.findIndex((a) => a.name === attribute);
    const [info, head] = [found.attributes[row], found.heads[row]];
    if (info === undefined || head === undefined) {
      const [what, hint] = missingHead(attribute, found);
      throw modelError("L5107", file, what, [hint]);
    }
    attributes.push(info);
    heads.push(head);
    witnesses.push(found.witnesses?.[row]);
  }
  return { ...model, info: { ...model.info, attributes }, weights: { ...model.weights, heads, witnesses } };
}

/**
 * The bytes of the model's labeller; undefined if it has none. Its hash is checked here, when it is used.
 * Errors   LaceError L5110 if the file is missing or is another one than the pack was made with.
 */
export async function loadLabeller(host: Host, model: Model): Promise<Uint8Array | undefined> {
  const own = labellerFile(model);
  return own && loadBeside(host, model, own, "labeller", "L5110");
}

/**
 * The bytes of the model's decoder, its hash checked.
 * Errors   LaceError L5111 if the file is missing or is another one than the pack was made with.
 */
export async function loadDecoder(host: Host, model: DecoderModel): Promise<Uint8Array> {
  return loadBeside(host, model, model.decoder, "decoder", "L5111");
}

async function loadBeside(
  host: Host,
  model: Model,
  { file, sha256 }: { readonly file: string; readonly sha256: string },
  what: string,
  code: "L5110" | "L5111",
): Promise<Uint8Array> {
  if (!(await host.exists(file))) {
    throw modelError(code, file, `the ${what} of the model is missing`, [
      `it belongs beside the pack of '${model.info.name}'`,
    ]);
  }
  const bytes = await host.readBytes(file);
  const hash = await host.sha256(bytes);
  if (hash !== sha256) throw modelError(code, file, `the ${what} has SHA-256 ${hash}, the pack names ${sha256}`);
  return bytes;
}
