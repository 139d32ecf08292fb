// Model packs and files of heads as bytes (docs/packs.md): what pack.ts reads.
// In: a Model, or heads and the rows that they add. Out: the bytes of one safetensors file with metadata.
// Invariants: what is written loads as what it was written from.
import { baseName } from "../../source/public-name.js";
import type { Attribute } from "../../compiler/attribute.js";
import type { HeadSpace, HeadWeights, Tensor } from "../../compiler/weights.js";
import { InternalError } from "../../source/internal-error.js";
import type { Decoder } from "../../compiler/decoder.js";
import type { Model, StyleganModel } from "../model.js";
import { PACK_FORMAT } from "./pack-metadata.js";
import type { Widths } from "./pack-weights.js";
import { writeSafetensors } from "../formats/safetensors.js";
import { stylegan2Tensors } from "../checkpoints/stylegan2-weights.js";
import { stylegan3Facts, stylegan3Tensors } from "../checkpoints/stylegan3-weights.js";
import type { SynthesisWeights } from "../../compiler/synthesis-weights.js";
import { METADATA_KEY, type Heads } from "./pack.js";

/** What was found out of another head is not of this one. */
const OF_ONE_HEAD = {
  skill: undefined,
  residuals: undefined,
  witness: undefined,
  labelledBy: undefined,
  calibratedBy: undefined,
};

/**
 * Bytes of a file of heads. `original` is more metadata for it, rows among it, which give way to what is known here.
 * Errors   InternalError if rows and heads do not correspond.
 */
export function writeHeads(
  { attributes, heads, witnesses }: Heads,
  { wDim, zDim }: Widths,
  dtype: "F16" | "F32" = "F32",
  original: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const metadata = {
    ...original,
    format: PACK_FORMAT,
    wDim,
    ...(zDim !== undefined && { zDim }),
    attributes: storedRows({ attributes, heads }, original),
  };
  return writeSafetensors(
    headTensors({ attributes, heads, ...(witnesses && { witnesses }) }),
    { [METADATA_KEY]: JSON.stringify(metadata) },
    dtype,
  );
}

/**
 * Bytes of a pack that loads as this model. Mapping gains must be those of one learning-rate multiplier.
 * Errors   InternalError if they are not, or heads and attributes do not correspond.
 */
export function writePack(
  model: Model,
  options: {
    readonly source: string;
    readonly dtype?: "F16" | "F32";
    /** The files that it was made from. */
    readonly madeFrom?: readonly { readonly file: string; readonly sha256: string; readonly format: string }[];
    /** Metadata of the pack that this one was made from: fields that lacec does not use go on into the new one. */
    readonly original?: Readonly<Record<string, unknown>>;
  },
): Uint8Array {
  const { info, weights, labeller, licence } = model;
  const { attributes, ...sizes } = info;
  const tensors = new Map<string, Tensor>();
  const architecture = model.decoder === undefined ? styleganMetadata(model, tensors) : decoderMetadata(model.decoder);
  for (const [name, tensor] of headTensors({ ...weights, attributes })) tensors.set(name, tensor);
  const { madeFrom, original = {} } = options;
  const metadata = {
    ...original,
    format: PACK_FORMAT,
    ...sizes,
    ...{ movable: undefined, truncates: undefined }, // the architecture says it, and the decoder's inputs
    ...architecture,
    attributes: storedRows({ attributes, heads: weights.heads }, original),
    ...(labeller && { labeller: labeller === "faces" ? labeller : { ...labeller, file: baseName(labeller.file) } }),
    licence,
    source: options.source,
    ...(madeFrom && { madeFrom }),
  };
  return writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(metadata) }, options.dtype);
}

/** Rows of a table, each with what the original metadata say of it besides. */
function storedRows({ attributes, heads }: Heads, original: Readonly<Record<string, unknown>>): readonly object[] {
  const { attributes: rows } = original;
  const known: readonly unknown[] = Array.isArray(rows) ? rows : [];
  return attributes.map((a, i) => {
    const found = known.find(
      (r): r is object => typeof r === "object" && r !== null && "name" in r && r.name === a.name,
    );
    return { ...found, ...OF_ONE_HEAD, ...storedRow(a, heads[i]?.space ?? "w") };
  });
}

/** The tensors of a synthesis by name, as packs hold them. */
export function synthesisTensors(synthesis: SynthesisWeights): Map<string, Tensor> {
  return synthesis.style === "alias-free" ? stylegan3Tensors(synthesis) : stylegan2Tensors(synthesis);
}

/** Metadata of a StyleGAN; its tensors go `into` the map. */
function styleganMetadata({ weights, synthesis, info }: StyleganModel, into: Map<string, Tensor>): object {
  const { mapping } = weights;
  const imageChannels = info.imageChannels ?? 3;
  const lrMultiplier = mapping?.layers[0]?.biasGain ?? 1;
  mapping?.layers.forEach((layer, i) => {
    const gain = lrMultiplier / Math.sqrt(layer.weight.shape[1] ?? 1);
    if (layer.biasGain !== lrMultiplier || Math.abs(layer.weightGain / gain - 1) > 1e-6)
      throw new InternalError("a mapping with gains of its own");
    into.set(`mapping.fc${i}.weight`, layer.weight);
    into.set(`mapping.fc${i}.bias`, layer.bias);
  });
  if (mapping) into.set("mapping.w_avg", mapping.wAverage);
  if (mapping?.embedding) {
    into.set("mapping.embed.weight", mapping.embedding.weight);
    into.set("mapping.embed.bias", mapping.embedding.bias);
  }
  const mapped = mapping && {
    mapping: { layers: mapping.layers.length, lrMultiplier, normalize: mapping.normalize },
  };
  for (const [name, tensor] of synthesisTensors(synthesis)) into.set(name, tensor);
  if (synthesis.style === "alias-free")
    return { architecture: "stylegan3", imageChannels, ...mapped, synthesis: stylegan3Facts(synthesis) };
  return {
    architecture: "stylegan2",
    imageChannels,
    ...mapped,
    synthesis: {
      style: synthesis.style,
      firKernel: synthesis.firKernel,
      ...(synthesis.clamp !== undefined && { clamp: synthesis.clamp }),
    },
  };
}

function decoderMetadata({ file, channels, ...rest }: Decoder): object {
  const decoder = { ...rest, class: undefined, file: baseName(file) }; // no task draws from a pack
  const classes = undefined; // its inputs say it
  return { architecture: "onnx", imageChannels: channels, classes, decoder };
}

function storedRow(a: Attribute, space: HeadSpace): object {
  if (a.type === "scalar") return { ...a, space };
  const { classes, ...rest } = a;
  return { ...rest, ...(a.type === "category" && { classes }), space };
}

function headTensors({ attributes, heads, witnesses = [] }: Heads): Map<string, Tensor> {
  if (attributes.length !== heads.length || attributes.some((a, i) => heads[i]?.attribute !== a.name)) {
    throw new InternalError("heads and attributes do not correspond");
  }
  const tensors = new Map<string, Tensor>();
  const add = (group: "heads" | "witnesses", { attribute, layers, direct }: HeadWeights): void => {
    layers.forEach((layer, i) => {
      const isLast = i === layers.length - 1;
      const own = direct === undefined ? (isLast ? "out" : `fc${i}`) : isLast ? "mix" : "units";
      const name = `${group}.${attribute}.${own}`;
      tensors.set(`${name}.weight`, layer.weight);
      tensors.set(`${name}.bias`, layer.bias);
    });
    if (direct !== undefined) tensors.set(`${group}.${attribute}.direct.weight`, direct);
  };
  for (const head of heads) add("heads", head);
  attributes.forEach((a, i) => {
    const witness = witnesses[i];
    if ((a.witness === undefined) !== (witness === undefined))
      throw new InternalError(`a second head of ${a.name} that its row does not name`);
    if (witness !== undefined) add("witnesses", witness);
  });
  return tensors;
}
