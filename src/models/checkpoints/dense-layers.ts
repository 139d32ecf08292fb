// Dense layers of PyTorch's state dicts, under any names: one chain (Linear, Sequential), or several that share what lies before them or their input.
// In: tensors by name. Out: matrices [out, in] in order, batch normalisation folded in. Invariants: layers fit each other; other tensors among them mean
// that it is something else.
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
import { at } from "../../compiler/graph/shape.js";
import { modelError } from "../model-error.js";
import type { LazyTensor, StateDict } from "../formats/state-dict.js";
import { checkSharing } from "../formats/torch-tensor.js";
import { nameOther } from "./name-others.js";

export type DenseLayers = HeadWeights["layers"];

/** Layers that lead to the outputs of one attribute. */
export interface Branch {
  readonly name: string;
  readonly layers: DenseLayers;
  /** Names of its classes, where the file has them. */
  readonly classes?: readonly string[];
}

export interface DenseNetwork {
  /** What all branches share; without branches the whole. */
  readonly layers: DenseLayers;
  /** None, or two and more. */
  readonly branches: readonly Branch[];
  /** Sentences: what was assumed because no tensor says it. */
  readonly assumed: readonly string[];
}

/** A prefix, the number of a layer, its part. */
const PART = /^((?:.*?\.)??)(?:(\d+)\.)?(weight|bias|running_mean|running_var|num_batches_tracked)$/;

/** Tensors with one prefix, by the numbers of their layers; -1 without a number. */
type Group = ReadonlyMap<number, StateDict>;

/**
 * The dense layers of a file; undefined if other tensors are among them. A layer without a bias (`bias=False`) has one of zeros.
 *
 * Errors   LaceError L5106 for shared storages, L5107 if the layers of the only chain do not fit each other.
 */
export function readDenseNetwork(tensors: StateDict, file: string): DenseNetwork | undefined {
  const groups = groupsOf(tensors);
  if (groups === undefined || groups.size === 0) return undefined;
  // Matrices are often of something else that has a name, such as a LoRA.
  const other = nameOther(tensors.keys());
  const hasBiases = [...tensors.keys()].every((name) => !name.endsWith("weight") || tensors.has(biasOf(name)));
  if (other !== undefined && !other.namesHeadsToo && !hasBiases) return undefined;
  const assumed = new Set<string>();
  const chains = [...groups].flatMap(([prefix, group]) => chainsOf(prefix, group, file, assumed));
  if (chains.some((chain) => chain.layers === undefined)) {
    const [only] = chains;
    if (chains.length > 1 || only === undefined || (other !== undefined && !hasBiases)) return undefined;
    throw only.fault;
  }
  checkSharing(tensors, file);
  const whole = chains.flatMap(({ name, layers }) => (layers === undefined ? [] : [{ name, layers }]));
  const said = [...assumed];
  const [first] = whole;
  if (whole.length === 1 && first !== undefined) return { layers: first.layers, branches: [], assumed: said };
  const shared = trunkOf(whole);
  if (shared === undefined) return undefined;
  return { ...shared, assumed: said };
}

function biasOf(weight: string): string {
  return weight.replace(/weight$/, "bias");
}

/** Tensors by prefix and number; undefined if one is no part of a dense layer or of its normalisation. */
function groupsOf(tensors: StateDict): ReadonlyMap<string, Group> | undefined {
  const groups = new Map<string, Map<number, Map<string, LazyTensor>>>();
  for (const [name, tensor] of tensors) {
    const found = PART.exec(name);
    if (found === null) return undefined;
    const [, prefix = "", number = "-1", part = ""] = found;
    const group = groups.get(prefix) ?? new Map<number, Map<string, LazyTensor>>();
    const layer = group.get(Number(number)) ?? new Map<string, LazyTensor>();
    groups.set(prefix, group.set(Number(number), layer.set(part, tensor)));
  }
  const all = [...groups.values()].flatMap((group) => [...group.values()]);
  return all.every((layer) => isMatrix(layer) || isNorm(layer)) && all.some(isMatrix) ? groups : undefined;
}

/** Whether a layer has a weight [out, in], or one with ones behind, as a 1x1 convolution has. */
function isMatrix(layer: StateDict): boolean {
  const shape = layer.get("weight")?.shape ?? [];
  return shape.length >= 2 && shape.slice(2).every((n) => n === 1) && !layer.has("running_mean");
}

function isNorm(layer: StateDict): boolean {
  return layer.has("running_mean") && layer.has("running_var") && (layer.get("weight")?.shape.length ?? 1) === 1;
}

interface Chain {
  readonly name: string;
  /** Undefined: they do not fit each other. */
  readonly layers: DenseLayers | undefined;
  readonly fault?: unknown;
}

/** The chain of a group; where its layers are not one behind the other but all take as much (a list of heads), a chain for each. */
function chainsOf(prefix: string, group: Group, file: string, assumed: Set<string>): readonly Chain[] {
  const name = prefix.replace(/\.$/, "").replace(/^.*\./, "");
  const numbers = [...group.keys()].sort((a, b) => a - b);
  try {
    return [{ name, layers: foldedChain(prefix, group, numbers, file, assumed) }];
  } catch (fault) {
    const inputs = new Set(numbers.map((n) => group.get(n)?.get("weight")?.shape[1]));
    if (inputs.size > 1 || ![...group.values()].every(isMatrix)) return [{ name, layers: undefined, fault }];
    const stem = /^[A-Za-z_]/.test(name) ? name : "head";
    return numbers.map((n) => ({ name: `${stem}_${n}`, layers: [layerOf(prefix, group, n, undefined, file)] }));
  }
}

function layerOf(
  prefix: string,
  group: Group,
  n: number,
  width: number | undefined,
  file: string,
): DenseLayers[number] {
  const own = group.get(n) ?? new Map<string, LazyTensor>();
  const outputs = own.get("weight")?.shape[0] ?? 0;
  const zeros = { shape: [outputs], read: () => ({ shape: [outputs], data: new Float32Array(outputs) }) };
  const name = n === -1 ? prefix.replace(/\.$/, "") : `${prefix}${n}`;
  const of = (part: string): string => (name === "" ? part : `${name}.${part}`);
  const named = new Map<string, LazyTensor>([
    [of("bias"), zeros],
    ...[...own].map(([part, tensor]) => [of(part), tensor] as const),
  ]);
  return dense(named, name, width, file);
}

/** A stored weight as a matrix [out, in]: trailing dimensions of 1 (a 1x1 convolution) are dropped. */
function matrix(tensor: LazyTensor, name: string, file: string): Tensor {
  const { shape, data } = tensor.read();
  const [out, inputs, ...rest] = shape;
  if (out === undefined || inputs === undefined || rest.some((n) => n !== 1))
    throw modelError("L5107", file, `'${name}' has shape [${shape.join(", ")}], not that of a dense layer`);
  return { shape: [out, inputs], data };
}

/**
 * One dense layer `NAME.weight`, `NAME.bias` that takes `inputs` numbers (any, if undefined).
 * Errors   LaceError L5107 if it is missing or does not fit.
 */
export function dense(
  tensors: StateDict,
  name: string,
  inputs: number | undefined,
  file: string,
): { weight: Tensor; bias: Tensor } {
  const of = (part: string): string => (name === "" ? part : `${name}.${part}`);
  const [weight, bias] = [tensors.get(of("weight")), tensors.get(of("bias"))];
  if (weight === undefined || bias === undefined)
    throw modelError("L5107", file, `'${of("weight")}' or '${of("bias")}' is missing`);
  const layer = { weight: matrix(weight, of("weight"), file), bias: bias.read() };
  const [out, width] = layer.weight.shape;
  if (inputs !== undefined && width !== inputs)
    throw modelError("L5107", file, `'${name}' takes ${width ?? 0} numbers, the layer before it gives ${inputs}`);
  if (layer.bias.shape.length !== 1 || layer.bias.shape[0] !== out)
    throw modelError("L5107", file, `'${name}.bias' does not fit its weight`);
  return layer;
}

/**
 * The layers `PREFIX<n>` in the order of their numbers, with what normalises them over batches folded in; and what the last gives.
 * Errors   LaceError L5107 if they do not fit each other.
 */
export function denseChain(
  tensors: StateDict,
  prefix: string,
  file: string,
): { readonly layers: DenseLayers; readonly width: number | undefined } {
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  const group = groupsOf(new Map(own))?.get(prefix) ?? new Map<number, StateDict>();
  const numbers = [...group.keys()].sort((a, b) => a - b);
  const layers = foldedChain(prefix, group, numbers, file, new Set());
  return { layers, width: layers.at(-1)?.weight.shape[0] };
}

/** The dense layers of a group in order, with what normalises them in the one before or behind. */
function foldedChain(
  prefix: string,
  group: Group,
  numbers: readonly number[],
  file: string,
  assumed: Set<string>,
): DenseLayers {
  const layers: DenseLayers[number][] = [];
  let width: number | undefined;
  let pending: Affine | undefined;
  numbers.forEach((n, k) => {
    const own = group.get(n) ?? new Map<string, LazyTensor>();
    if (isMatrix(own)) {
      const layer = layerOf(prefix, group, n, width, file);
      layers.push(pending === undefined ? layer : foldedBehind(layer, pending));
      pending = undefined;
      width = layer.weight.shape[0];
      return;
    }
    assumed.add(`batch normalisation as of a trained network, with epsilon ${EPSILON}`);
    const affine = affineOf(own, width, `${prefix}${n}`, file);
    width ??= affine.scale.length;
    const next = numbers[k + 1];
    // Right behind a layer it comes before what is between layers; right before one, after it.
    const last = layers.at(-1);
    if (last !== undefined && (n - at(numbers, k - 1) === 1 || next === undefined || next - n > 1))
      layers[layers.length - 1] = foldedBefore(last, affine);
    else pending = pending === undefined ? affine : composed(pending, affine);
  });
  if (layers.length > 1) assumed.add("leaky ReLU of slope 0.2 between the layers");
  return layers;
}

/** PyTorch's default. */
const EPSILON = 1e-5;

/** y = scale x + shift, number by number. */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** (x - mean) / sqrt(variance + epsilon) weight + bias. */
function affineOf(norm: StateDict, width: number | undefined, name: string, file: string): Affine {
  const numbers = (part: string): Float32Array | undefined => norm.get(part)?.read().data;
  const [mean, variance] = [numbers("running_mean"), numbers("running_var")];
  const size = mean?.length ?? 0;
  const [weight = new Float32Array(size).fill(1), bias = new Float32Array(size)] = [numbers("weight"), numbers("bias")];
  if ([variance?.length, weight.length, bias.length, width ?? size].some((n) => n !== size))
    throw modelError("L5107", file, `'${name}' normalises ${size} numbers, the layer before it gives ${width ?? 0}`);
  const scale = Float64Array.from(weight, (w, i) => w / Math.sqrt((variance?.[i] ?? 1) + EPSILON));
  return { scale, shift: scale.map((s, i) => (bias[i] ?? 0) - (mean?.[i] ?? 0) * s) };
}

function composed(first: Affine, second: Affine): Affine {
  const scale = first.scale.map((s, i) => s * (second.scale[i] ?? 1));
  return { scale, shift: first.shift.map((t, i) => t * (second.scale[i] ?? 1) + (second.shift[i] ?? 0)) };
}

/** The layer, and behind it the affine: diag(scale) W x + scale b + shift. */
function foldedBefore({ weight, bias }: DenseLayers[number], { scale, shift }: Affine): DenseLayers[number] {
  const inputs = at(weight.shape, 1);
  const rows = weight.data.map((v, i) => v * (scale[Math.floor(i / inputs)] ?? 1));
  const terms = bias.data.map((v, o) => v * (scale[o] ?? 1) + (shift[o] ?? 0));
  return { weight: { shape: weight.shape, data: rows }, bias: { shape: bias.shape, data: terms } };
}

/** The affine, and behind it the layer: W diag(scale) x + W shift + b. */
export function foldedBehind({ weight, bias }: DenseLayers[number], { scale, shift }: Affine): DenseLayers[number] {
  const inputs = at(weight.shape, 1);
  const columns = weight.data.map((v, i) => v * (scale[i % inputs] ?? 1));
  const terms = bias.data.map((b, o) => {
    const row = weight.data.subarray(o * inputs, (o + 1) * inputs);
    return b + shift.reduce((sum, t, i) => sum + t * (row[i] ?? 0), 0);
  });
  return { weight: { shape: weight.shape, data: columns }, bias: { shape: bias.shape, data: terms } };
}

/** Which of several chains comes before all others, if one does; undefined if they neither share what lies before them nor their input. */
function trunkOf(chains: readonly Branch[]): Pick<DenseNetwork, "layers" | "branches"> | undefined {
  const [inputs, outputs] = [
    ({ layers }: Branch): number | undefined => at(layers, 0).weight.shape[1],
    ({ layers }: Branch): number | undefined => at(layers, -1).weight.shape[0],
  ];
  const trunk = chains.find((t) => chains.every((chain) => chain === t || inputs(chain) === outputs(t)));
  if (trunk !== undefined) {
    const rest = chains.filter((chain) => chain !== trunk);
    const [only] = rest;
    if (rest.length === 1 && only !== undefined) return { layers: [...trunk.layers, ...only.layers], branches: [] };
    return { layers: trunk.layers, branches: rest };
  }
  const widths = new Set(chains.map(inputs));
  return widths.size === 1 ? { layers: [], branches: chains } : undefined;
}

/** A logit against zero: p(yes) = sigmoid(weight x + bias). */
export function binaryLayer(weight: Float32Array, bias: number): DenseLayers[number] {
  const rows = new Float32Array(2 * weight.length);
  rows.set(weight, weight.length);
  return { weight: { shape: [2, weight.length], data: rows }, bias: { shape: [2], data: Float32Array.of(0, bias) } };
}

/** Rows `from` to `to` - 1 of the last layer alone. */
export function slicedOutputs(layers: DenseLayers, from: number, to: number): DenseLayers {
  const { weight, bias } = at(layers, -1);
  const inputs = at(weight.shape, 1);
  const rows: Tensor = { shape: [to - from, inputs], data: weight.data.slice(from * inputs, to * inputs) };
  return [...layers.slice(0, -1), { weight: rows, bias: { shape: [to - from], data: bias.data.slice(from, to) } }];
}
