// Generators of stylegan2-ada-pytorch, also as the tools of its successor save them again -> Model.
// In: the network that unpickling gave, or its tensors alone. Out: a Model without attributes; every shape has been checked as a pack's would be.
// Invariants: same values as the original; the tensors keep their names, which are those of docs/packs.md.
import { imageSizeOf } from "../../compiler/attribute.js";
import type { Tensor } from "../../compiler/weights.js";
import type { StyleganModel } from "../model.js";
import { checkpointModel, type CheckpointOptions, type ReadGenerator } from "./checkpoint-model.js";
import { readMapping, TensorSource } from "../pack/pack-weights.js";
import type { PythonObject } from "../formats/python-object.js";
import { count, moduleOf, networkTensors, numberOf, refuseOthers, unlike } from "./network-object.js";
import type { StateDict } from "../formats/state-dict.js";
import type { SynthesisStyle } from "../../compiler/synthesis-weights.js";
import { readStylegan2, scalarOf } from "./stylegan2-weights.js";

const STYLES: readonly SynthesisStyle[] = ["skip", "orig", "resnet"];
const MAX_RESOLUTION = 2048;
const MAX_LAYERS = 64;
/** What the training code of stylegan2-ada-pytorch has by default. */
const DEFAULTS = { lrMultiplier: 0.01, firKernel: [1, 3, 3, 1] };

/**
 * A generator, conditional or not, of any of the three architectures.
 * Errors   LaceError L5107 if it is no network of this kind, L5109 if a tensor is missing or has a wrong shape.
 */
export function readStylegan2Ada(generator: PythonObject, file: string, options: CheckpointOptions): ReadGenerator {
  const mapping = moduleOf(generator, "mapping", file);
  const synthesis = moduleOf(generator, "synthesis", file);
  refuseOthers(generator, file);
  const resolution = count(generator, "img_resolution", file);
  const [zDim, wDim] = [count(generator, "z_dim", file), count(generator, "w_dim", file)];
  const cDim = generator.get("c_dim") === 0 ? 0 : count(generator, "c_dim", file);
  const layers = count(mapping, "num_layers", file);

  const { stored, source } = networkTensors(generator, file);
  const last = moduleOf(synthesis, `b${resolution}`, file);
  const style = STYLES.find((s) => s === last.get("architecture"));
  if (style === undefined) throw unlike(file, "its architecture is none of skip, orig, resnet");
  const clamp = last.get("conv_clamp");
  const lrMultiplier = numberOf(moduleOf(mapping, "fc0", file).get("bias_gain"));
  if (lrMultiplier === undefined) throw unlike(file, "its mapping has no gain");
  const sizes = { style, firKernel: firKernel(stored, resolution, file), wDim, resolution };
  const mappingSizes = { layers, lrMultiplier, normalize: true };
  const model = checkpointModel(options, {
    zDim,
    classes: cDim,
    mapping: readMapping(source, { zDim, wDim, classes: cDim, mapping: mappingSizes }),
    synthesis: readStylegan2(source, { ...sizes, ...(typeof clamp === "number" && clamp > 0 && { clamp }) }),
  });
  return { model, assumed: noiseAssumed(stored, model), averageUnknown: false };
}

/**
 * The generator of the tensors alone. Sizes and style are told by their names and shapes; what is not, is assumed as the family's
 * training code has it by default.
 * Errors   as readStylegan2Ada.
 */
export function readStylegan2AdaTensors(stored: StateDict, file: string, options: CheckpointOptions): ReadGenerator {
  const names = [...stored.keys()];
  const numbers = (pattern: RegExp): number[] => names.flatMap((name) => Number(pattern.exec(name)?.[1] ?? NaN));
  const resolution = Math.max(4, ...numbers(/^synthesis\.b(\d+)\./).filter((n) => n <= MAX_RESOLUTION));
  const layers = 1 + Math.max(-1, ...numbers(/^mapping\.fc(\d+)\.weight$/).filter((n) => n < MAX_LAYERS));
  const [first, last] = [stored.get("mapping.fc0.weight"), stored.get(`mapping.fc${layers - 1}.weight`)];
  const embed = stored.get("mapping.embed.weight");
  const [zDim, wDim] = [(first?.shape[1] ?? 0) - (embed?.shape[0] ?? 0), last?.shape[0] ?? 0];
  if (zDim <= 0 || wDim <= 0) throw unlike(file, "it has no mapping network");
  const style = names.some((name) => /^synthesis\.b\d+\.skip\.weight$/.test(name))
    ? "resnet"
    : resolution === 4 || stored.has("synthesis.b4.torgb.weight")
      ? "skip"
      : "orig";
  const assumed = [
    `the learning-rate multiplier of the mapping is ${DEFAULTS.lrMultiplier}, activations have no clamp`,
  ];
  const averageUnknown = !stored.has("mapping.w_avg");
  const filter = stored.has(`synthesis.b${resolution}.resample_filter`);
  if (!filter) assumed.push(`the resampling filter is [${DEFAULTS.firKernel.join(", ")}]`);
  const zeros: Tensor = { shape: [wDim], data: new Float32Array(wDim) };
  const read = (name: string): Tensor | undefined => {
    if (averageUnknown && name === "mapping.w_avg") return zeros;
    const tensor = stored.get(name)?.read();
    return tensor !== undefined && name.endsWith(".noise_strength") ? scalarOf(tensor) : tensor;
  };
  const source = new TensorSource(file, read, new Set(names));
  const classes = embed?.shape[1] ?? 0;
  const mapping = { layers, lrMultiplier: DEFAULTS.lrMultiplier, normalize: true };
  const firKernelOf = filter ? firKernel(stored, resolution, file) : DEFAULTS.firKernel;
  const model = checkpointModel(options, {
    zDim,
    classes,
    mapping: readMapping(source, { zDim, wDim, classes, mapping }),
    synthesis: readStylegan2(source, { style, firKernel: firKernelOf, wDim, resolution }),
  });
  return { model, assumed: [...assumed, ...noiseAssumed(stored, model)], averageUnknown };
}

/** What is said of noise images that do not fit pictures of unequal sides. */
function noiseAssumed(stored: StateDict, { info }: StyleganModel): readonly string[] {
  const [rows, columns] = stored.get(`synthesis.b${info.resolution}.conv1.noise_const`)?.shape ?? [];
  const { width, height } = imageSizeOf(info);
  if (rows === undefined || (rows === height && columns === width)) return [];
  return [
    "the noise images of the file do not fit its pictures: `noise const` adds none; `noise random` draws its own",
  ];
}

/** The taps whose outer product the resampling filter is. */
function firKernel(stored: StateDict, resolution: number, file: string): number[] {
  const filter = stored.get(`synthesis.b${resolution}.resample_filter`)?.read();
  const [n = 0, m] = filter?.shape ?? [];
  if (filter === undefined || n === 0 || n > 32 || n !== m) throw unlike(file, "its resampling filter is missing");
  const { data } = filter;
  const taps = Array.from({ length: n }, (_, i) => data.subarray(i * n, (i + 1) * n).reduce((a, b) => a + b, 0));
  const separable = taps.every((a, i) => taps.every((b, j) => Math.abs(a * b - (data[i * n + j] ?? NaN)) < 1e-6));
  if (!separable) throw unlike(file, "its resampling filter is not separable");
  // Written as whole numbers where it is one of those, so that the pack says [1, 3, 3, 1].
  const least = Math.min(...taps);
  const whole = taps.map((t) => t / least);
  return whole.every((t) => Math.abs(t - Math.round(t)) < 1e-4) ? whole.map(Math.round) : taps;
}
