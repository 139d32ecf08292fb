// What a model file is, in words and numbers: for `lacec inspect` and at the end of an import.
// In: a Host and a path. Out: plain JSON. Nothing is converted or written, and a decoder is not run.
import type { Attribute } from "../compiler/attribute.js";
import type { HeadSpace, HeadWeights, MappingWeights, Tensor } from "../compiler/weights.js";
import type { Host } from "../ports/host.js";
import { DEFAULT_SIGMA, nameOfHeadFile } from "./checkpoints/head-source.js";
import { chosenHeads, type HeadCheckpoint } from "./checkpoints/head-forms.js";
import type { Decoder } from "../compiler/decoder.js";
import { labellerFile, type Model } from "./model.js";
import { openSource, type Source } from "./checkpoints/open-source.js";
import { readHeadFile, readPack, type Heads } from "./pack/pack.js";
import { synthesisTensors } from "./pack/write-pack.js";
import type { Stylegan3Weights, SynthesisWeights } from "../compiler/synthesis-weights.js";
import { noiseLayers } from "../compiler/build/synthesis.js";

/** A row of the attribute table; `validation` and the like come along where a pack has them. */
export type DescribedAttribute = Attribute & { readonly space: HeadSpace; readonly validation?: unknown };

export interface Description {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** pack, heads, onnx, or the form of checkpoint or head. */
  readonly format: string;
  readonly name: string | null;
  readonly architecture: "stylegan2" | "stylegan3" | "onnx" | null;
  readonly style: string | null;
  readonly resolution: number | null;
  /** Columns and rows, where they are not `resolution` both. */
  readonly imageSize: readonly [number, number] | null;
  /** Whether its images have a fourth channel. */
  readonly alpha: boolean | null;
  readonly zDim: number | null;
  readonly wDim: number | null;
  /** w vectors: what `layers` of a script counts. */
  readonly layers: number | null;
  readonly classes: number | null;
  readonly mappingLayers: number | null;
  readonly noise: boolean | null;
  /** Limit of the activations of generators trained in half precision. */
  readonly clamp: number | null;
  /** Channels of the block at each resolution. */
  readonly channels: Readonly<Record<string, number>> | null;
  /** Trained numbers: weights, without noise images and averages. */
  readonly parameters: number | null;
  /** Of the stored tensors. */
  readonly dtypes: readonly string[];
  readonly attributes: readonly DescribedAttribute[];
  readonly layerGroups: Readonly<Record<string, readonly [number, number]>>;
  readonly decoder: Decoder | null;
  readonly labeller: { readonly file: string; readonly sha256: string } | null;
  /** A judge that is no file. */
  readonly judge: "faces" | null;
  readonly licence: string | null;
  readonly source: string | null;
  readonly madeFrom: unknown;
}

/** Describes a file. Errors LaceError L50xx of the host, L51xx of what is read. */
export async function describeFile(host: Host, file: string): Promise<Description> {
  const bytes = await host.readBytes(file);
  const sha256 = await host.sha256(bytes);
  const source = await openSource(bytes, file, { name: baseName(file), sha256 });
  const facts = factsOf(source, file, sha256);
  return { ...NOTHING, ...facts, file: baseName(file), bytes: bytes.byteLength, sha256, format: source.kind };
}

const NOTHING: Omit<Description, "file" | "bytes" | "sha256" | "format"> = {
  name: null,
  architecture: null,
  style: null,
  resolution: null,
  imageSize: null,
  alpha: null,
  zDim: null,
  wDim: null,
  layers: null,
  classes: null,
  mappingLayers: null,
  noise: null,
  clamp: null,
  channels: null,
  parameters: null,
  dtypes: [],
  attributes: [],
  layerGroups: {},
  decoder: null,
  labeller: null,
  judge: null,
  licence: null,
  source: null,
  madeFrom: null,
};

function factsOf(source: Source, file: string, sha256: string): Partial<Description> {
  switch (source.kind) {
    case "onnx":
      return { architecture: "onnx" };
    case "heads": {
      const found = readHeadFile(source.stored, file);
      const { heads, wDim, zDim = null } = found;
      return {
        ...{ wDim, zDim },
        attributes: describeRows(found, source.metadata),
        parameters: headParameters(heads),
        dtypes: dtypesOf(source),
      };
    }
    case "pack": {
      const model = readPack(source.stored, file, { resolve: (name) => name, sha256 });
      const text = (key: string): string | null => {
        const value = source.metadata[key];
        return typeof value === "string" ? value : null;
      };
      return {
        ...modelFacts(model),
        attributes: describeRows(headsOf(model), source.metadata),
        dtypes: dtypesOf(source),
        licence: text("licence"),
        source: text("source"),
        madeFrom: source.metadata["madeFrom"] ?? null,
      };
    }
    default:
      return "model" in source ? modelFacts(source.model) : headFacts(source, file);
  }
}

function headFacts(source: HeadCheckpoint, file: string): Partial<Description> {
  const heads = chosenHeads(source, undefined, file).map(({ name, head }) => ({
    ...{ attribute: name ?? nameOfHeadFile(file), layers: head.layers },
  }));
  const outputs = (layers: HeadWeights["layers"]): number => layers.at(-1)?.bias.data.length ?? 0;
  const [first] = heads;
  const base = { wDim: first?.layers[0]?.weight.shape[1] ?? null };
  if (first !== undefined && heads.length === 1)
    return {
      ...base,
      name: first.attribute,
      classes: outputs(first.layers),
      parameters: headParameters([first]),
    };
  // What all share counts once.
  const branches = (source.branches ?? []).map(({ name, layers }) => ({ attribute: name, layers }));
  return {
    ...base,
    name: nameOfHeadFile(file),
    parameters: headParameters([{ attribute: "", layers: source.layers }, ...branches]),
    attributes: heads.map(({ attribute, layers }) => ({ ...describedOutputs(attribute, outputs(layers)), space: "w" })),
  };
}

/** What a head with so many outputs is, unless somebody says otherwise. */
function describedOutputs(name: string, outputs: number): Attribute {
  if (outputs === 1) return { name, type: "scalar", min: 0, max: 1, sigma: DEFAULT_SIGMA };
  const classes = outputs === 2 ? ["no", "yes"] : Array.from({ length: outputs }, (_, i) => `${i}`);
  return { name, type: outputs === 2 ? "binary" : "category", classes, temperature: 1 };
}

function modelFacts(model: Model): Partial<Description> {
  const { info, weights } = model;
  const own = labellerFile(model);
  const base = {
    name: info.name,
    resolution: info.resolution,
    imageSize: info.imageSize ?? null,
    alpha: info.imageChannels === 4,
    zDim: info.zDim,
    wDim: info.wDim,
    layers: info.numWs,
    attributes: describeRows(headsOf(model), {}),
    layerGroups: info.layerGroups,
    labeller: own === undefined ? null : { file: own.file, sha256: own.sha256 },
    judge: model.labeller === "faces" ? model.labeller : null,
  };
  const heads = headParameters(weights.heads);
  if (model.decoder !== undefined)
    return {
      ...base,
      architecture: "onnx",
      classes: info.classes ?? null,
      decoder: model.decoder,
      parameters: heads,
    };
  const { synthesis } = model;
  return {
    ...base,
    architecture: synthesis.style === "alias-free" ? "stylegan3" : "stylegan2",
    style: synthesis.style === "alias-free" ? configurationOf(synthesis) : synthesis.style,
    classes: info.classes ?? null,
    mappingLayers: weights.mapping?.layers.length ?? 0,
    noise: noiseLayers(synthesis).length > 0,
    clamp: synthesis.clamp ?? null,
    channels: channelsOf(synthesis),
    parameters: mappingParameters(weights.mapping) + synthesisParameters(synthesis) + heads,
  };
}

/** The name that the publication gives its configurations: T is equivariant to translation, R to rotation too. */
function configurationOf({ layers }: Stylegan3Weights): "T" | "R" {
  return layers.some((layer) => layer.downFilter?.shape.length === 2) ? "R" : "T";
}

/** Of StyleGAN3 by layer. */
function channelsOf(synthesis: SynthesisWeights): Record<string, number> {
  if (synthesis.style === "alias-free")
    return Object.fromEntries(synthesis.layers.map((layer) => [layer.name, layer.bias.data.length]));
  const { first, later } = synthesis;
  return Object.fromEntries([first, ...later].map((b) => [String(b.resolution), b.conv1.bias.data.length]));
}

function sizes(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, t) => sum + t.data.length, 0);
}

/** Names of tensors that are not trained. */
const BUFFERS = /\.(noise_const|magnitude_ema|up_filter|down_filter|freqs|phases|transform)$/;

function synthesisParameters(synthesis: SynthesisWeights): number {
  const trained = [...synthesisTensors(synthesis)].filter(([name]) => !BUFFERS.test(name));
  return sizes(trained.map(([, tensor]) => tensor));
}

function mappingParameters(mapping: MappingWeights | undefined): number {
  if (mapping === undefined) return 0;
  const { embedding } = mapping;
  return sizes([
    ...mapping.layers.flatMap((layer) => [layer.weight, layer.bias]),
    ...(embedding === undefined ? [] : [embedding.weight, embedding.bias]),
  ]);
}

function headParameters(heads: readonly HeadWeights[]): number {
  return sizes(
    heads.flatMap(({ layers, direct }) => [
      ...layers.flatMap((layer) => [layer.weight, layer.bias]),
      ...(direct === undefined ? [] : [direct]),
    ]),
  );
}

function dtypesOf(source: Extract<Source, { readonly kind: "pack" | "heads" }>): readonly string[] {
  return [...new Set([...source.stored.tensors.values()].map((t) => t.dtype))];
}

function headsOf({ info, weights }: Model): Heads {
  return { attributes: info.attributes, heads: weights.heads };
}

function describeRows(
  { attributes, heads }: Heads,
  metadata: Readonly<Record<string, unknown>>,
): readonly DescribedAttribute[] {
  const rows = Array.isArray(metadata["attributes"]) ? (metadata["attributes"] as readonly unknown[]) : [];
  return attributes.map((a, i) => {
    const row = rows[i];
    const described = { ...a, space: heads[i]?.space ?? "w" };
    const isMeasured = typeof row === "object" && row !== null && "validation" in row;
    return isMeasured ? { ...described, validation: row.validation } : described;
  });
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, "");
}
