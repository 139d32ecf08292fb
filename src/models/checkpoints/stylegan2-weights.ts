// The tensors of a StyleGAN2 synthesis, found by name and checked: what the graph is built from.
// In: tensors of the naming in docs/packs.md. Out: Stylegan2Weights, one entry a block.
// Invariants: channels fit from block to block; the last block always has an RGB layer, the others only in style "skip".
import type { Tensor } from "../../compiler/weights.js";
import type {
  BlockBase,
  SynthesisStyle,
  ModulatedWeights,
  ConvWeights,
  LaterBlock,
  Stylegan2Weights,
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

/** Pixels of a side of an image. */
const MAX_SIDE = 8192;

/** What all blocks must fit to. */
interface Shape {
  readonly wDim: number;
  readonly style: SynthesisStyle;
  readonly resolution: number;
  /** Rows and columns of the constant: 4x4, but of generators of other pictures than square ones. */
  readonly constant: readonly [number, number];
}

/** Finds and checks all tensors of a synthesis. Errors LaceError L5109 that names the tensor. */
export function readStylegan2(source: TensorSource, sizes: SynthesisSizes): Stylegan2Weights {
  const { style, resolution, wDim } = sizes;
  const constant = source.read("synthesis.b4.const", [undefined, undefined, undefined]);
  const [deepest = 0, height = 0, width = 0] = constant.shape;
  let channels = deepest;
  const [rows, columns] = [(height * resolution) / 4, (width * resolution) / 4];
  if (Math.max(rows, columns) > MAX_SIDE)
    throw modelError(
      "L5107",
      source.file,
      `its pictures would be of ${columns} x ${rows} pixels; lacec draws up to ${MAX_SIDE} a side`,
    );
  const shape: Shape = { wDim, style, resolution, constant: [height, width] };
  const first = { resolution: 4, constant, ...readTail(source, 4, channels, shape) };
  const later: LaterBlock[] = [];
  for (let r = 8; r <= resolution; r *= 2) {
    const conv0 = readConv(source, `synthesis.b${r}.conv0`, channels, undefined, shape, r);
    const outputs = conv0.bias.data.length;
    const skip = style === "resnet" ? source.read(`synthesis.b${r}.skip.weight`, [outputs, channels, 1, 1]) : undefined;
    later.push({ resolution: r, conv0, ...(skip && { skip }), ...readTail(source, r, outputs, shape) });
    channels = outputs;
  }
  return { ...sizes, first, later };
}

/** What every block ends with. */
function readTail(source: TensorSource, r: number, width: number, sizes: Shape): Omit<BlockBase, "resolution"> {
  const conv1 = readConv(source, `synthesis.b${r}.conv1`, width, width, sizes, r);
  if (sizes.style !== "skip" && r !== sizes.resolution) return { conv1 };
  const name = `synthesis.b${r}.torgb`;
  const layer = readModulated(source, name, width, undefined, 1, sizes.wDim);
  const channels = layer.bias.data.length;
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw modelError(
      "L5107",
      source.file,
      `its pictures have ${channels} channels; lacec draws grey ones, those of 3 and of 4 (with alpha)`,
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
  { wDim, constant: [height, width] }: Shape,
  resolution: number,
): ConvWeights {
  const layer = readModulated(source, name, inputs, outputs, 3, wDim);
  if (!source.has(`${name}.noise_strength`)) return layer;
  const size = [(height * resolution) / 4, (width * resolution) / 4];
  const stored = source.read(`${name}.noise_const`, height === width ? size : [undefined, undefined]);
  // Forks for pictures that are not square left the noise images square: no such image can be added.
  const fits = stored.shape.every((n, i) => n === size[i]);
  const constant = fits ? stored : { shape: size, data: new Float32Array(size.reduce((a, n) => a * n, 1)) };
  return { ...layer, noise: { strength: source.read(`${name}.noise_strength`, []).data[0] ?? 0, constant } };
}

/** One number without dimensions: formats without tensors of rank 0 keep it as a list of one. */
export function scalarOf(x: Tensor): Tensor {
  return x.data.length === 1 ? { shape: [], data: x.data } : x;
}

/** The tensors by name, as `readStylegan2` finds them. */
export function stylegan2Tensors(synthesis: Stylegan2Weights): Map<string, Tensor> {
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
