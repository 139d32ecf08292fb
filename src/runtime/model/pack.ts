// Model packs (docs/packs.md): one safetensors file with weights and metadata -> Model, and back.
// In: a Host and a path. Out: a Model whose every tensor has been checked; `loadModelInfo` reads the header alone.
// Invariants: a Model that this gives builds its graphs without further checks; nothing outside the pack's folder is named by it.
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
import { InternalError } from "../../source/internal-error.js";
import type { Host } from "../host.js";
import { modelError } from "./model-error.js";
import type { Model } from "./model.js";
import { attributeTable, modelInfo, PACK_FORMAT, parseHeadMetadata, parsePackMetadata } from "./pack-metadata.js";
import { readHead, readMapping, TensorSource } from "./pack-weights.js";
import {
  headerLength,
  LENGTH_BYTES,
  parseHeader,
  readSafetensors,
  writeSafetensors,
  type Safetensors,
} from "./safetensors.js";
import { readSynthesis, synthesisTensors } from "./stylegan2-weights.js";

const METADATA_KEY = "lace";

function resolvePack(host: Host, path: string): string {
  return path.startsWith("builtin:") ? host.resolve("", path) : path;
}

function sourceOf(stored: Safetensors, file: string): TensorSource {
  return new TensorSource(file, (name) => stored.tensor(name), new Set(stored.tensors.keys()));
}

/**
 * Loads a pack: `path` is a path of the host or "builtin:NAME".
 * Errors   LaceError L5102 (damaged file), L5108 (metadata), L5109 (tensors); those of the host if it cannot be read.
 */
export async function loadPack(host: Host, path: string): Promise<Model> {
  const file = resolvePack(host, path);
  const bytes = await host.readBytes(file);
  const stored = readSafetensors(bytes, file);
  const metadata = parsePackMetadata(stored.metadata.get(METADATA_KEY), file);
  const info = modelInfo(metadata);
  const source = sourceOf(stored, file);
  const mapping = readMapping(source, metadata);
  const synthesis = readSynthesis(source, { ...metadata.synthesis, wDim: info.wDim, resolution: info.resolution });
  const { labeller, licence } = metadata;
  return {
    info,
    weights: {
      zDim: info.zDim,
      ...(mapping && { mapping }),
      heads: info.attributes.map((a) => readHead(source, a, info.wDim)),
    },
    synthesis,
    ...(labeller && { labeller: { file: host.resolve(file, labeller.file), sha256: labeller.sha256 } }),
    sha256: await host.sha256(bytes),
    licence,
  };
}

/**
 * The sizes and attribute table of a pack, from its header alone: cheap however large the pack is.
 * Errors   LaceError L5102 (damaged header), L5108 (metadata); those of the host if it cannot be read.
 */
export async function loadModelInfo(host: Host, path: string): Promise<ModelInfo> {
  const file = resolvePack(host, path);
  if (host.readRange === undefined) {
    return modelInfo(
      parsePackMetadata(readSafetensors(await host.readBytes(file), file).metadata.get(METADATA_KEY), file),
    );
  }
  const length = headerLength(await host.readRange(file, 0, LENGTH_BYTES), undefined, file);
  const header = parseHeader(await host.readRange(file, LENGTH_BYTES, length), undefined, file);
  return modelInfo(parsePackMetadata(header.metadata.get(METADATA_KEY), file));
}

/** Heads of a file of its own, with the rows that they add to the attribute table. */
export interface Heads {
  readonly attributes: readonly Attribute[];
  readonly heads: readonly HeadWeights[];
}

/**
 * Loads a file of attribute heads (docs/packs.md, "Head files") for a model of width `wDim`.
 * Errors   LaceError L5102 (damaged file), L5107 (made for another width), L5108 (metadata), L5109 (tensors).
 */
export async function loadHeads(host: Host, path: string, wDim: number): Promise<Heads> {
  const stored = readSafetensors(await host.readBytes(path), path);
  const metadata = parseHeadMetadata(stored.metadata.get(METADATA_KEY), path);
  if (metadata.wDim !== wDim)
    throw modelError("L5107", path, `its heads take ${metadata.wDim} numbers, the model's w has ${wDim}`);
  const attributes = attributeTable(metadata.attributes);
  const source = sourceOf(stored, path);
  return { attributes, heads: attributes.map((a) => readHead(source, a, wDim)) };
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
  for (const { attribute, file } of wanted) {
    const found = await loadHeads(host, file, model.info.wDim);
    const row = found.attributes.findIndex((a) => a.name === attribute);
    const [info, head] = [found.attributes[row], found.heads[row]];
    if (info === undefined || head === undefined) {
      const names = found.attributes.map((a) => a.name).join(", ");
      throw modelError("L5107", file, `it has no head for '${attribute}'`, [`it has heads for: ${names}`]);
    }
    attributes.push(info);
    heads.push(head);
  }
  return { ...model, info: { ...model.info, attributes }, weights: { ...model.weights, heads } };
}

/**
 * The bytes of the model's labeller; undefined if it has none. Its hash is checked here, when it is used.
 * Errors   LaceError L5110 if the file is missing or is another one than the pack was made with.
 */
export async function loadLabeller(host: Host, model: Model): Promise<Uint8Array | undefined> {
  const { labeller } = model;
  if (labeller === undefined) return undefined;
  if (!(await host.exists(labeller.file))) {
    throw modelError("L5110", labeller.file, "the labeller of the model is missing", [
      `it belongs beside the pack of '${model.info.name}'`,
    ]);
  }
  const bytes = await host.readBytes(labeller.file);
  const hash = await host.sha256(bytes);
  if (hash !== labeller.sha256)
    throw modelError("L5110", labeller.file, `the labeller has SHA-256 ${hash}, the pack names ${labeller.sha256}`);
  return bytes;
}

/** Bytes of a file of heads. Errors InternalError if rows and heads do not correspond. */
export function writeHeads({ attributes, heads }: Heads, wDim: number, dtype: "F16" | "F32" = "F32"): Uint8Array {
  const metadata = { format: PACK_FORMAT, wDim, attributes: attributes.map(storedRow) };
  return writeSafetensors(headTensors(attributes, heads), { [METADATA_KEY]: JSON.stringify(metadata) }, dtype);
}

/**
 * Bytes of a pack that loads as this model. Mapping gains must be those of one learning-rate multiplier.
 * Errors   InternalError if they are not, or heads and attributes do not correspond.
 */
export function writePack(
  model: Model,
  options: { readonly source: string; readonly dtype?: "F16" | "F32" },
): Uint8Array {
  const { info, weights, synthesis, labeller, licence } = model;
  const { attributes, ...sizes } = info;
  const tensors = new Map<string, Tensor>();
  const { mapping } = weights;
  const lrMultiplier = mapping?.layers[0]?.biasGain ?? 1;
  mapping?.layers.forEach((layer, i) => {
    const gain = lrMultiplier / Math.sqrt(layer.weight.shape[1] ?? 1);
    if (layer.biasGain !== lrMultiplier || Math.abs(layer.weightGain / gain - 1) > 1e-6)
      throw new InternalError("a mapping with gains of its own");
    tensors.set(`mapping.fc${i}.weight`, layer.weight);
    tensors.set(`mapping.fc${i}.bias`, layer.bias);
  });
  if (mapping) tensors.set("mapping.w_avg", mapping.wAverage);
  if (mapping?.embedding) {
    tensors.set("mapping.embed.weight", mapping.embedding.weight);
    tensors.set("mapping.embed.bias", mapping.embedding.bias);
  }
  for (const [name, tensor] of synthesisTensors(synthesis)) tensors.set(name, tensor);
  for (const [name, tensor] of headTensors(attributes, weights.heads)) tensors.set(name, tensor);
  const metadata = {
    format: PACK_FORMAT,
    ...sizes,
    architecture: "stylegan2",
    imageChannels: 3,
    ...(mapping && { mapping: { layers: mapping.layers.length, lrMultiplier, normalize: mapping.normalize } }),
    synthesis: {
      style: synthesis.style,
      firKernel: synthesis.firKernel,
      ...(synthesis.clamp !== undefined && { clamp: synthesis.clamp }),
    },
    attributes: attributes.map(storedRow),
    ...(labeller && { labeller: { file: labeller.file.replace(/^.*[/\\]/, ""), sha256: labeller.sha256 } }),
    licence,
    source: options.source,
  };
  return writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(metadata) }, options.dtype);
}

function storedRow(a: Attribute): object {
  if (a.type === "scalar") return { ...a, space: "w" };
  const { name, type, temperature, classes } = a;
  return { name, type, ...(type === "category" && { classes }), space: "w", temperature };
}

function headTensors(attributes: readonly Attribute[], heads: readonly HeadWeights[]): Map<string, Tensor> {
  if (attributes.length !== heads.length || attributes.some((a, i) => heads[i]?.attribute !== a.name)) {
    throw new InternalError("heads and attributes do not correspond");
  }
  const tensors = new Map<string, Tensor>();
  for (const { attribute, layers } of heads) {
    layers.forEach((layer, i) => {
      const name = `heads.${attribute}.${i === layers.length - 1 ? "out" : `fc${i}`}`;
      tensors.set(`${name}.weight`, layer.weight);
      tensors.set(`${name}.bias`, layer.bias);
    });
  }
  return tensors;
}
