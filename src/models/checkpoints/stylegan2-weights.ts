// The tensors of a StyleGAN2 synthesis, found by name and checked: what the graph is built from.
// In: tensors of the naming in docs/packs.md. Out: SynthesisWeights, one entry a block.
// Invariants: channels fit from block to block; the last block always has an RGB layer, the others only in style "skip".
import type { Tensor } from "../../compiler/weights.js";
import type {
  BlockBase,
  SynthesisStyle,
  ModulatedWeights,
  ConvWeights,
  LaterBlock,
  SynthesisWeights,
} from "../../compiler/synthesis-weights.js";
import { modelError } from "../model-error.js";
import type { TensorSource } from "../pack/pack-weights.js";

export interface SynthesisSizes {
  readonly style: SynthesisStyle;
  readonly firKernel: readonly number[];
  readonly clamp?: number | undefined;
  readonly wDim: number;
  readonly resolution: number;
}

/** Finds and checks all tensors of a synthesis. Errors LaceError L5109 that names the tensor. */
export function readSynthesis(source: TensorSource, sizes: SynthesisSizes): SynthesisWeights {
  const { style, resolution, wDim } = sizes;
  const constant = source.read("synthesis.b4.const", [undefined, 4, 4]);
  let channels = constant.shape[0] ?? 0;
  const first = { resolution: 4, constant, ...readTail(source, 4, channels, sizes) };
  const later: LaterBlock[] = [];
  for (let r = 8; r <= resolution; r *= 2) {
    const conv0 = readConv(source, `synthesis.b${r}.conv0`, channels, undefined, wDim, r);
    const width = conv0.bias.data.length;
    const skip = style === "resnet" ? source.read(`synthesis.b${r}.skip.weight`, [width, channels, 1, 1]) : undefined;
    later.push({ resolution: r, conv0, ...(skip && { skip }), ...readTail(source, r, width, sizes) });
    channels = width;
  }
  return { ...sizes, first, later };
}

/** What every block ends with. */
function readTail(
  source: TensorSource,
  r: number,
  width: number,
  sizes: SynthesisSizes,
): Omit<BlockBase, "resolution"> {
  const conv1 = readConv(source, `synthesis.b${r}.conv1`, width, width, sizes.wDim, r);
  if (sizes.style !== "skip" && r !== sizes.resolution) return { conv1 };
  const name = `synthesis.b${r}.torgb`;
  const layer = readModulated(source, name, width, undefined, 1, sizes.wDim);
  const channels = layer.bias.data.length;
  if (channels !== 1 && channels !== 3)
    throw modelError(
      "L5107",
      source.file,
      `its pictures have ${channels} channels; lacec draws grey ones and those of 3`,
    );
  return { conv1, toRgb: channels === 1 ? asColour(layer) : layer };
}

/** A grey picture is one of three equal channels: RGB layers and what adds them up treat channels alike. */
function asColour({ weight, bias, ...affine }: ModulatedWeights): ModulatedWeights {
  const thrice = ({ shape, data }: Tensor): Tensor => {
    const repeated = new Float32Array(3 * data.length);
    for (let i = 0; i < 3; i++) repeated.set(data, i * data.length);
    return { shape: [3, ...shape.slice(1)], data: repeated };
  };
  return { ...affine, weight: thrice(weight), bias: thrice(bias) };
}

function readModulated(
  source: TensorSource,
  name: string,
  inputs: number,
  outputs: number | undefined,
  k: number,
  wDim: number,
): ModulatedWeights {
  const weight = source.read(`${name}.weight`, [outputs, inputs, k, k]);
  return {
    weight,
    bias: source.read(`${name}.bias`, [weight.shape[0]]),
    affineWeight: source.read(`${name}.affine.weight`, [inputs, wDim]),
    affineBias: source.read(`${name}.affine.bias`, [inputs]),
  };
}

function readConv(
  source: TensorSource,
  name: string,
  inputs: number,
  outputs: number | undefined,
  wDim: number,
  resolution: number,
): ConvWeights {
  const layer = readModulated(source, name, inputs, outputs, 3, wDim);
  if (!source.has(`${name}.noise_strength`)) return layer;
  const constant = source.read(`${name}.noise_const`, [resolution, resolution]);
  return { ...layer, noise: { strength: source.read(`${name}.noise_strength`, []).data[0] ?? 0, constant } };
}

/** One number without dimensions: formats without tensors of rank 0 keep it as a list of one. */
export function scalarOf(x: Tensor): Tensor {
  return x.data.length === 1 ? { shape: [], data: x.data } : x;
}

/** The tensors by name, as `readSynthesis` finds them. */
export function synthesisTensors(synthesis: SynthesisWeights): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const addModulated = (name: string, layer: ModulatedWeights): void => {
    tensors.set(`${name}.weight`, layer.weight);
    tensors.set(`${name}.bias`, layer.bias);
    tensors.set(`${name}.affine.weight`, layer.affineWeight);
    tensors.set(`${name}.affine.bias`, layer.affineBias);
  };
  const addConv = (name: string, layer: ConvWeights): void => {
    addModulated(name, layer);
    if (layer.noise === undefined) return;
    tensors.set(`${name}.noise_strength`, { shape: [], data: Float32Array.of(layer.noise.strength) });
    tensors.set(`${name}.noise_const`, layer.noise.constant);
  };
  const addTail = (prefix: string, block: BlockBase): void => {
    addConv(`${prefix}.conv1`, block.conv1);
    if (block.toRgb) addModulated(`${prefix}.torgb`, block.toRgb);
  };
  tensors.set("synthesis.b4.const", synthesis.first.constant);
  addTail("synthesis.b4", synthesis.first);
  for (const block of synthesis.later) {
    const prefix = `synthesis.b${block.resolution}`;
    addConv(`${prefix}.conv0`, block.conv0);
    if (block.skip) tensors.set(`${prefix}.skip.weight`, block.skip);
    addTail(prefix, block);
  }
  return tensors;
}
