// Checkpoints of the first StyleGAN2 release and of StyleGAN2-ADA for TensorFlow (`.pkl` with a tuple G, D, Gs) -> Model.
// In: what unpickling gave. Out: a Model without attributes; every shape has been checked as a pack's would be.
// Invariants: the equalised learning rate keeps stored weights at unit scale in both naming schemes, so only layouts differ:
// dense [in, out], convolutions [kh, kw, in, out], up-sampling kernels turned by half a turn, styles stored less 1.
// Source: the papers (arXiv 1912.04958, appendix B) and the variable names of those checkpoints.
import type { Tensor } from "../../compiler/weights.js";
import type { LaceError } from "../../source/diagnostic.js";
import { checkpointModel, type CheckpointOptions, type ReadGenerator } from "./checkpoint-model.js";
import { modelError } from "../model-error.js";
import { nameOther } from "./name-others.js";
import { numpyArray, permuted, type NumpyArray } from "../formats/numpy-array.js";
import { readMapping, TensorSource } from "../pack/pack-weights.js";
import { isDict, isTuple, newDict, type PickleDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import type { SynthesisStyle } from "../../compiler/synthesis-weights.js";
import { readStylegan2, scalarOf } from "./stylegan2-weights.js";

const MAX_RESOLUTION = 2048;
const STYLES: readonly SynthesisStyle[] = ["skip", "orig", "resnet"];
/** What the networks' settings mean where a checkpoint does not say. */
const DEFAULTS = { architecture: "skip", resample_kernel: [1, 3, 3, 1], mapping_lrmul: 0.01 };

function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a StyleGAN2 checkpoint of TensorFlow: ${what}`);
}

/**
 * A generator: of a file of three networks the last, Gs.
 * Errors   LaceError L5107 if it is no checkpoint of this kind, L5109 if a variable is missing or has a wrong shape.
 */
export function readStylegan2Tf(generator: PythonObject, file: string, options: CheckpointOptions): ReadGenerator {
  const variables = new Map<string, NumpyArray>();
  const settings = newDict();
  collect(generator, "", { variables, settings, seen: new Set() }, 0, file);
  const other = nameOther([...variables.keys()].map((name) => name.replaceAll("/", ".")));
  if (other !== undefined) throw modelError("L5107", file, other.what, [other.hint]);
  const style = STYLES.find((s) => s === (settings.entries.get("architecture") ?? DEFAULTS.architecture));
  if (style === undefined) throw unlike(file, "its architecture is none of skip, orig, resnet");
  const lrMultiplier = settings.entries.get("mapping_lrmul") ?? DEFAULTS.mapping_lrmul;
  if (typeof lrMultiplier !== "number" || !(lrMultiplier > 0)) throw unlike(file, "its `mapping_lrmul` is no number");
  const normalize = settings.entries.get("normalize_latents") ?? true;

  const tensors = new Map<string, Tensor>();
  const layers = convertMapping(variables, tensors);
  const resolution = convertSynthesis(variables, tensors);
  if (resolution > MAX_RESOLUTION) throw unlike(file, `it has more than ${MAX_RESOLUTION} pixels a side`);
  const embedded = tensors.get("mapping.embed.weight")?.shape[0] ?? 0;
  const zDim = (tensors.get("mapping.fc0.weight")?.shape[1] ?? 0) - embedded;
  const wDim = tensors.get("mapping.w_avg")?.shape[0] ?? 0;
  if (layers === 0 || zDim <= 0 || wDim === 0) throw unlike(file, "it has no mapping network or no `dlatent_avg`");
  const classes = tensors.get("mapping.embed.weight")?.shape[1] ?? 0;
  if ((settings.entries.get("label_size") ?? 0) !== classes)
    throw unlike(file, "it is conditional in a way other than StyleGAN2-ADA's");
  const clamp = settings.entries.get("conv_clamp");
  const source = new TensorSource(file, (name) => tensors.get(name), new Set(tensors.keys()));
  const mapping = { layers, lrMultiplier, normalize: normalize !== false && normalize !== 0 };
  const model = checkpointModel(options, {
    zDim,
    classes,
    mapping: readMapping(source, { zDim, wDim, classes, mapping }),
    synthesis: readStylegan2(source, {
      style,
      firKernel: firKernel(settings, file),
      wDim,
      resolution,
      ...(typeof clamp === "number" && clamp > 0 && { clamp }),
    }),
  });
  return { model, assumed: [], averageUnknown: false };
}

interface Collected {
  readonly variables: Map<string, NumpyArray>;
  readonly settings: PickleDict;
  /** Arrays that have a name already. */
  readonly seen: Set<NumpyArray>;
}

/** Variables of a network and its components, named `mapping/...`, `synthesis/...`; settings of all of them together. */
function collect(network: PythonObject, prefix: string, into: Collected, depth: number, file: string): void {
  const { variables, settings, seen } = into;
  const kwargs = network.get("static_kwargs");
  for (const [key, value] of isDict(kwargs) ? kwargs.entries : []) settings.entries.set(key, value);
  for (const pair of listItems(network.get("variables"))) {
    const [name, value] = isTuple(pair) ? pair.items : [];
    const array = numpyArray(value);
    // Some versions name a variable of the whole by its component: G_mapping/Dense0/weight.
    if (typeof name !== "string" || array === undefined) continue;
    // Each is copied when it is read: one array under many names would fill memory from a small file.
    if (seen.has(array)) throw unlike(file, `the variable '${name.slice(0, 100)}' is the array of another one`);
    seen.add(array);
    variables.set(`${prefix}${name}`.replace(/^G_/, ""), array);
  }
  const components = network.get("components");
  if (depth > 0) return;
  for (const [name, value] of isDict(components) ? components.entries : []) {
    const inner = pythonObject(value);
    if (typeof name === "string" && inner !== undefined) collect(inner, `${name}/`, into, depth + 1, file);
  }
}

function listItems(value: PickleValue | undefined): readonly PickleValue[] {
  return typeof value === "object" && (value?.kind === "list" || value?.kind === "tuple") ? value.items : [];
}

function convertMapping(variables: ReadonlyMap<string, NumpyArray>, tensors: Map<string, Tensor>): number {
  let layers = 0;
  for (let found = true; found;) {
    found = copy(variables, `mapping/Dense${layers}/weight`, tensors, `mapping.fc${layers}.weight`, swapped);
    copy(variables, `mapping/Dense${layers}/bias`, tensors, `mapping.fc${layers}.bias`);
    if (found) layers += 1;
  }
  copy(variables, "mapping/LabelEmbed/weight", tensors, "mapping.embed.weight", swapped);
  copy(variables, "mapping/LabelEmbed/bias", tensors, "mapping.embed.bias");
  copy(variables, "dlatent_avg", tensors, "mapping.w_avg");
  return layers;
}

/** Gives the resolution, 4 if there is no block beyond the first. What is missing is found by readStylegan2. */
function convertSynthesis(variables: ReadonlyMap<string, NumpyArray>, tensors: Map<string, Tensor>): number {
  const modulated = (from: string, to: string, turned = false): boolean => {
    copy(variables, `${from}/mod_weight`, tensors, `${to}.affine.weight`, swapped);
    copy(variables, `${from}/mod_bias`, tensors, `${to}.affine.bias`, plusOne);
    copy(variables, `${from}/bias`, tensors, `${to}.bias`);
    return copy(variables, `${from}/weight`, tensors, `${to}.weight`, turned ? turnedKernel : kernel);
  };
  const conv = (from: string, to: string, noise: number, turned = false): boolean => {
    copy(variables, `${from}/noise_strength`, tensors, `${to}.noise_strength`, scalarOf);
    copy(variables, `synthesis/noise${noise}`, tensors, `${to}.noise_const`, lastTwo);
    return modulated(from, to, turned);
  };
  copy(variables, "synthesis/4x4/Const/const", tensors, "synthesis.b4.const", withoutFirst);
  conv("synthesis/4x4/Conv", "synthesis.b4.conv1", 0);
  modulated("synthesis/4x4/ToRGB", "synthesis.b4.torgb");
  let resolution = 4;
  for (let r = 8, i = 0; r <= 2 * MAX_RESOLUTION; r *= 2, i++) {
    const [from, to] = [`synthesis/${r}x${r}`, `synthesis.b${r}`];
    if (!conv(`${from}/Conv0_up`, `${to}.conv0`, 2 * i + 1, true)) break;
    conv(`${from}/Conv1`, `${to}.conv1`, 2 * i + 2);
    modulated(`${from}/ToRGB`, `${to}.torgb`);
    copy(variables, `${from}/Skip/weight`, tensors, `${to}.skip.weight`, kernel);
    resolution = r;
  }
  return resolution;
}

/** Whether there is such a variable. */
function copy(
  variables: ReadonlyMap<string, NumpyArray>,
  from: string,
  tensors: Map<string, Tensor>,
  to: string,
  change: (x: Tensor) => Tensor = (x) => x,
): boolean {
  const array = variables.get(from);
  if (array === undefined) return false;
  tensors.set(to, change(array.read()));
  return true;
}

/** [in, out] -> [out, in] */
function swapped(x: Tensor): Tensor {
  return x.shape.length === 2 ? permuted(x, [1, 0]) : x;
}
/** [kh, kw, in, out] -> [out, in, kh, kw] */
function kernel(x: Tensor): Tensor {
  return x.shape.length === 4 ? permuted(x, [3, 2, 0, 1]) : x;
}
/** As kernel, turned by half a turn: TensorFlow's code convolves where the naming of packs correlates. */
function turnedKernel(x: Tensor): Tensor {
  const { shape, data } = kernel(x);
  const pixels = (shape[2] ?? 1) * (shape[3] ?? 1);
  const out = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += pixels)
    out.set(
      data
        .subarray(at, at + pixels)
        .slice()
        .reverse(),
      at,
    );
  return { shape, data: out };
}
function plusOne(x: Tensor): Tensor {
  return { shape: x.shape, data: x.data.map((v) => v + 1) };
}
function lastTwo(x: Tensor): Tensor {
  return { shape: x.shape.slice(-2), data: x.data };
}
function withoutFirst(x: Tensor): Tensor {
  return x.shape[0] === 1 ? { shape: x.shape.slice(1), data: x.data } : x;
}

function firKernel(settings: PickleDict, file: string): readonly number[] {
  const stored = settings.entries.get("resample_kernel");
  if (stored === undefined || stored === null) return DEFAULTS.resample_kernel;
  const taps = listItems(stored).flatMap((t) => (typeof t === "number" && Number.isFinite(t) ? [t] : []));
  if (taps.length === 0 || taps.length > 32 || !(taps.reduce((a, b) => a + b, 0) > 0))
    throw unlike(file, "its `resample_kernel` is no list of numbers");
  return taps;
}
