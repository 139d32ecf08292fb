// The tensors of a StyleGAN3 synthesis, found by name and checked: what the graph is built from.
// In: tensors of the naming in docs/packs.md, and what no tensor says. Out: Stylegan3Weights.
// Invariants: channels and sizes fit from layer to layer, no layer is empty or larger than MAX_SIDE where it is raised; the last layer gives the image.
import { sizeAfter } from "../../compiler/build/row-bands.js";
import type { FilteredLayer, FourierInput, Stylegan3Weights } from "../../compiler/synthesis-weights.js";
import type { Tensor } from "../../compiler/weights.js";
import { modelError } from "../model-error.js";
import type { TensorSource } from "../pack/pack-weights.js";

/** What of a layer is not in its tensors. */
export type LayerFacts = Pick<FilteredLayer, "name" | "up" | "down" | "pads" | "toRgb">;

export interface Stylegan3Facts {
  readonly wDim: number;
  readonly clamp?: number | undefined;
  readonly outputScale: number;
  readonly input: Pick<FourierInput, "size" | "samplingRate" | "bandwidth">;
  readonly layers: readonly LayerFacts[];
}

const MAX_TAPS = 256;
/** Pixels of a side of any image, raised or not. */
const MAX_SIDE = 16_384;

/** Finds and checks all tensors of a synthesis. Errors LaceError L5107 where layers do not fit, L5109 that names the tensor. */
export function readStylegan3(source: TensorSource, facts: Stylegan3Facts): Stylegan3Weights {
  const { wDim, clamp, outputScale } = facts;
  const phases = source.read("synthesis.input.phases", [undefined]);
  let channels = phases.data.length;
  const input: FourierInput = {
    ...facts.input,
    phases,
    weight: source.read("synthesis.input.weight", [channels, channels]),
    frequencies: source.read("synthesis.input.freqs", [channels, 2]),
    transform: source.read("synthesis.input.transform", [3, 3]),
    affineWeight: source.read("synthesis.input.affine.weight", [4, wDim]),
    affineBias: source.read("synthesis.input.affine.bias", [4]),
  };
  const layers = facts.layers.map((layer) => {
    const read = readLayer(source, layer, channels, wDim);
    channels = read.bias.data.length;
    return read;
  });
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw modelError(
      "L5107",
      source.file,
      `its pictures have ${channels} channels; lacec draws grey ones, those of 3 and of 4 (with alpha)`,
    );
  const last = layers.pop();
  const weights: Stylegan3Weights = {
    style: "alias-free",
    wDim,
    ...(clamp !== undefined && { clamp }),
    outputScale,
    input,
    layers: last === undefined ? [] : [...layers, channels === 1 ? asColour(last) : last],
  };
  checkSizes(weights, source.file);
  return weights;
}

/** A grey picture is one of three equal channels. */
function asColour({ weight, bias, ...rest }: FilteredLayer): FilteredLayer {
  const thrice = ({ shape, data }: Tensor): Tensor => ({
    shape: [3, ...shape.slice(1)],
    data: Float32Array.from({ length: 3 * data.length }, (_, i) => data[i % data.length] ?? NaN),
  });
  return { ...rest, weight: thrice(weight), bias: thrice(bias) };
}

function readLayer(source: TensorSource, facts: LayerFacts, inputs: number, wDim: number): FilteredLayer {
  const prefix = `synthesis.${facts.name}`;
  const weight = source.read(`${prefix}.weight`, [undefined, inputs, undefined, undefined]);
  const [outputs = 0, , k = 0, other] = weight.shape;
  if (outputs === 0 || k !== other || (k !== 1 && k !== 3) || (facts.toRgb && k !== 1))
    throw modelError("L5109", source.file, `the tensor '${prefix}.weight' has shape [${weight.shape.join(", ")}]`);
  const magnitude = source.read(`${prefix}.magnitude_ema`, []).data[0] ?? 0;
  if (magnitude <= 0) throw modelError("L5109", source.file, `the tensor '${prefix}.magnitude_ema' is not above 0`);
  return {
    ...facts,
    weight,
    bias: source.read(`${prefix}.bias`, [outputs]),
    affineWeight: source.read(`${prefix}.affine.weight`, [inputs, wDim]),
    affineBias: source.read(`${prefix}.affine.bias`, [inputs]),
    magnitude,
    ...optionalFilter(source, `${prefix}.up_filter`, "upFilter", [1]),
    ...optionalFilter(source, `${prefix}.down_filter`, "downFilter", [1, 2]),
  };
}

function optionalFilter<K extends "upFilter" | "downFilter">(
  source: TensorSource,
  name: string,
  key: K,
  ranks: readonly number[],
): Partial<Record<K, Tensor>> {
  if (!source.has(name)) return {};
  const rank = source.rankOf(name);
  const filter = source.read(name, new Array<undefined>(rank).fill(undefined));
  const [n = 0, m = n] = filter.shape;
  if (!ranks.includes(rank) || n === 0 || n !== m || n > MAX_TAPS)
    throw modelError("L5109", source.file, `the tensor '${name}' has shape [${filter.shape.join(", ")}]`);
  const found: Partial<Record<K, Tensor>> = {};
  found[key] = filter;
  return found;
}

/** Columns and rows behind each layer. */
export function layerSizes({ input, layers }: Stylegan3Weights): readonly (readonly [number, number])[] {
  let size = input.size;
  return layers.map((layer) => {
    size = sizeAfter(layer, size);
    return size;
  });
}

function checkSizes(weights: Stylegan3Weights, file: string): void {
  let size = weights.input.size;
  for (const layer of weights.layers) {
    const raised = Math.max(...size) * layer.up + Math.max(...layer.pads.map(Math.abs));
    size = sizeAfter(layer, size);
    if (Math.min(...size) < 1 || Math.max(raised, ...size) > MAX_SIDE)
      throw modelError("L5107", file, `its layer ${layer.name} would make pictures of ${size.join(" x ")} pixels`);
  }
}

/** The tensors by name, as `readStylegan3` finds them. */
export function stylegan3Tensors({ input, layers }: Stylegan3Weights): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>([
    ["synthesis.input.weight", input.weight],
    ["synthesis.input.freqs", input.frequencies],
    ["synthesis.input.phases", input.phases],
    ["synthesis.input.transform", input.transform],
    ["synthesis.input.affine.weight", input.affineWeight],
    ["synthesis.input.affine.bias", input.affineBias],
  ]);
  for (const layer of layers) {
    const prefix = `synthesis.${layer.name}`;
    tensors.set(`${prefix}.weight`, layer.weight);
    tensors.set(`${prefix}.bias`, layer.bias);
    tensors.set(`${prefix}.affine.weight`, layer.affineWeight);
    tensors.set(`${prefix}.affine.bias`, layer.affineBias);
    tensors.set(`${prefix}.magnitude_ema`, { shape: [], data: Float32Array.of(layer.magnitude) });
    if (layer.upFilter) tensors.set(`${prefix}.up_filter`, layer.upFilter);
    if (layer.downFilter) tensors.set(`${prefix}.down_filter`, layer.downFilter);
  }
  return tensors;
}

/** What `readStylegan3` must be told besides. */
export function stylegan3Facts(weights: Stylegan3Weights): Omit<Stylegan3Facts, "wDim"> {
  const { size, samplingRate, bandwidth } = weights.input;
  return {
    input: { size, samplingRate, bandwidth },
    outputScale: weights.outputScale,
    ...(weights.clamp !== undefined && { clamp: weights.clamp }),
    layers: weights.layers.map(({ name, up, down, pads, toRgb }) => ({ name, up, down, pads, toRgb })),
  };
}
