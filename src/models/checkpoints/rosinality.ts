// Generators of rosinality/stylegan2-pytorch, and of encoders built on it (pSp, e4e) -> Model in the naming of docs/packs.md.
// In: its tensors and the average w, where the file has one. Out: a Model without attributes; every shape has been checked as a pack's would be.
// Invariants: same values as the original, up to rounding. Its convolutions are scaled by 1/sqrt(in k^2) at run time; a pack
// has no such gain, so it is folded into the weights here, except in RGB layers, whose style carries it in a pack too.
// Orientation: both codes use the transposed convolution with the weight as stored, and a symmetric FIR kernel.
import type { Tensor } from "../../compiler/weights.js";
import type { LaceError } from "../../source/diagnostic.js";
import { checkpointModel, type CheckpointOptions, type ReadGenerator } from "./checkpoint-model.js";
import { readStyle } from "./lace-heads.js";
import { modelError } from "../model-error.js";
import { TensorSource } from "../pack/pack-weights.js";
import type { StateDict } from "../formats/state-dict.js";
import { readStylegan2 } from "./stylegan2-weights.js";

const FIR_KERNEL = [1, 3, 3, 1];
const MAX_RESOLUTION = 2048;

/**
 * The generator of a checkpoint, any size and channel multiplier.
 * Average  [wDim], or one such row for each layer, of which the first is taken; undefined: `averageUnknown`, and zeros stand in its place.
 * Errors   LaceError L5107 if it is no checkpoint of this kind, L5109 if a tensor is missing or has a wrong shape.
 */
export function readRosinality(
  stored: StateDict,
  average: Tensor | undefined,
  file: string,
  options: CheckpointOptions,
): ReadGenerator {
  const mapping = readStyle(stored, "style.", average && firstRow(average), file);
  const wDim = mapping.wAverage.data.length;
  const tensors = convertSynthesis(stored, file);
  const resolution = Math.max(
    ...[...tensors.keys()].map((name) => Number(/^synthesis\.b(\d+)\./.exec(name)?.[1] ?? 0)),
  );
  const assumed = addNoise(tensors);
  const source = new TensorSource(file, (name) => tensors.get(name), new Set(tensors.keys()));
  const synthesis = readStylegan2(source, { style: "skip", firKernel: FIR_KERNEL, wDim, resolution });
  const zDim = mapping.layers[0]?.weight.shape[1] ?? 0;
  const model = checkpointModel(options, { zDim, classes: 0, mapping, synthesis });
  return { model, assumed, averageUnknown: average === undefined };
}

/** The one row of [1, wDim], the first of [layers, wDim]. */
function firstRow({ shape, data }: Tensor): Tensor {
  const width = shape.at(-1) ?? 0;
  return { shape: [width], data: data.subarray(0, width) };
}

/** Noise images that the file left out are zeros: what `noise const` adds is then nothing. Gives what is to be said of it. */
function addNoise(tensors: Map<string, Tensor>): readonly string[] {
  let missing = false;
  for (const name of [...tensors.keys()]) {
    const [, layer, r] = /^(synthesis\.b(\d+)\.conv\d)\.noise_strength$/.exec(name) ?? [];
    if (layer === undefined || tensors.has(`${layer}.noise_const`)) continue;
    const size = Number(r);
    tensors.set(`${layer}.noise_const`, { shape: [size, size], data: new Float32Array(size * size) });
    missing = true;
  }
  return missing ? ["the file has no noise images: `noise const` adds none; `noise random` draws its own"] : [];
}

function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a rosinality StyleGAN2 checkpoint: ${what}`);
}

/** State dict of the generator -> tensors of a pack. What is missing is found by readStylegan2. */
function convertSynthesis(stored: StateDict, file: string): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const copy = (from: string, to: string, shapeOf: (shape: readonly number[]) => readonly number[], gain = 1): void => {
    const tensor = stored.get(from)?.read();
    if (tensor === undefined) return;
    tensors.set(to, {
      shape: shapeOf(tensor.shape),
      data: gain === 1 ? tensor.data : tensor.data.map((v) => v * gain),
    });
  };
  const layer = (from: string, to: string): void => {
    copy(`${from}.conv.modulation.weight`, `${to}.affine.weight`, same);
    copy(`${from}.conv.modulation.bias`, `${to}.affine.bias`, same);
  };
  const conv = (from: string, to: string, noise: number): void => {
    const [, , inputs = 1, kh = 1, kw = 1] = stored.get(`${from}.conv.weight`)?.shape ?? [];
    copy(`${from}.conv.weight`, `${to}.weight`, withoutFirst, 1 / Math.sqrt(inputs * kh * kw));
    copy(`${from}.activate.bias`, `${to}.bias`, same);
    copy(`${from}.noise.weight`, `${to}.noise_strength`, () => []);
    copy(`noises.noise_${noise}`, `${to}.noise_const`, (shape) => shape.slice(2));
    layer(from, to);
  };
  const rgb = (from: string, to: string): void => {
    copy(`${from}.conv.weight`, `${to}.weight`, withoutFirst);
    copy(`${from}.bias`, `${to}.bias`, (shape) => shape.slice(1, 2));
    layer(from, to);
  };
  copy("input.input", "synthesis.b4.const", withoutFirst);
  conv("conv1", "synthesis.b4.conv1", 0);
  rgb("to_rgb1", "synthesis.b4.torgb");
  for (let i = 0, r = 8; stored.has(`convs.${2 * i}.conv.weight`); i++, r *= 2) {
    if (r > MAX_RESOLUTION) throw unlike(file, `it has more than ${MAX_RESOLUTION} pixels a side`);
    checkKernel(stored, `convs.${2 * i}.conv.blur.kernel`, file);
    conv(`convs.${2 * i}`, `synthesis.b${r}.conv0`, 2 * i + 1);
    conv(`convs.${2 * i + 1}`, `synthesis.b${r}.conv1`, 2 * i + 2);
    rgb(`to_rgbs.${i}`, `synthesis.b${r}.torgb`);
  }
  return tensors;
}

function same(shape: readonly number[]): readonly number[] {
  return shape;
}
function withoutFirst(shape: readonly number[]): readonly number[] {
  return shape.slice(1);
}

/** The FIR kernel is a buffer of the checkpoint; only the one of StyleGAN2 (times 4) is known. */
function checkKernel(stored: StateDict, name: string, file: string): void {
  const kernel = stored.get(name)?.read();
  const sum = FIR_KERNEL.reduce((a, b) => a + b, 0);
  const expected = FIR_KERNEL.flatMap((a) => FIR_KERNEL.map((b) => (4 * a * b) / (sum * sum)));
  if (
    kernel === undefined ||
    kernel.data.length !== expected.length ||
    expected.some((v, i) => Math.abs(v - (kernel.data[i] ?? NaN)) > 1e-6)
  ) {
    throw unlike(file, `'${name}' is not the FIR kernel [${FIR_KERNEL.join(", ")}]`);
  }
}
