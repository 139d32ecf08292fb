// Checkpoints of stylegan2-ada-pytorch (`.pkl` with `G_ema`), also as the tools of its successor save them again -> Model.
// In: what unpickling gave. Out: a Model without attributes; every shape has been checked as a pack's would be.
// Invariants: same values as the original; the tensors keep their names, which are those of docs/packs.md.
import type { Tensor } from "../../compiler/weights.js";
import type { LaceError } from "../../source/diagnostic.js";
import { checkpointModel, type CheckpointOptions } from "./checkpoint-model.js";
import { modelError } from "../model-error.js";
import type { StyleganModel } from "../model.js";
import { readMapping, TensorSource } from "../pack/pack-weights.js";
import { isCount, isDict, type PickleDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import type { SynthesisStyle } from "../../compiler/synthesis-weights.js";
import { readSynthesis } from "./stylegan2-weights.js";
import { checkSharing, tensorsOf, type TorchTensor } from "../formats/torch-tensor.js";

/** Modules nest network, block, layer; deeper is a loop. */
const MAX_DEPTH = 8;
const STYLES: readonly SynthesisStyle[] = ["skip", "orig", "resnet"];

function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a StyleGAN2-ADA checkpoint that lacec can read: ${what}`);
}

/**
 * The generator `G_ema` of a checkpoint, conditional or not, of any of the three architectures.
 * Errors   LaceError L5107 if it is no checkpoint of this kind, L5109 if a tensor is missing or has a wrong shape.
 */
export function readStylegan2Ada(checkpoint: PickleDict, file: string, options: CheckpointOptions): StyleganModel {
  const generator = pythonObject(checkpoint.entries.get("G_ema"));
  if (generator === undefined) throw unlike(file, "it has no `G_ema`");
  const mapping = moduleOf(generator, "mapping", file);
  const synthesis = moduleOf(generator, "synthesis", file);
  if (generator.get("img_channels") !== 3) throw unlike(file, "its images do not have 3 channels");
  const resolution = count(generator, "img_resolution", file);
  const [zDim, wDim] = [count(generator, "z_dim", file), count(generator, "w_dim", file)];
  const cDim = generator.get("c_dim") === 0 ? 0 : count(generator, "c_dim", file);
  const layers = count(mapping, "num_layers", file);

  const stored = new Map<string, TorchTensor>();
  collect(generator, "", new Set(), stored);
  checkSharing(stored, file);
  const source = new TensorSource(file, (name) => readTensor(stored, name), new Set(stored.keys()));
  const last = moduleOf(synthesis, `b${resolution}`, file);
  const style = STYLES.find((s) => s === last.get("architecture"));
  if (style === undefined) throw unlike(file, "its architecture is none of skip, orig, resnet");
  const clamp = last.get("conv_clamp");
  const lrMultiplier = numberOf(moduleOf(mapping, "fc0", file).get("bias_gain"));
  if (lrMultiplier === undefined) throw unlike(file, "its mapping has no gain");
  const sizes = { style, firKernel: firKernel(stored, resolution, file), wDim, resolution };
  const mappingSizes = { layers, lrMultiplier, normalize: true };
  return checkpointModel(options, {
    zDim,
    classes: cDim,
    mapping: readMapping(source, { zDim, wDim, classes: cDim, mapping: mappingSizes }),
    synthesis: readSynthesis(source, { ...sizes, ...(typeof clamp === "number" && clamp > 0 && { clamp }) }),
  });
}

function moduleOf(parent: PythonObject, name: string, file: string): PythonObject {
  const modules = parent.get("_modules");
  const found = isDict(modules) ? pythonObject(modules.entries.get(name)) : undefined;
  if (found === undefined) throw unlike(file, `the module '${name}' is missing`);
  return found;
}

function count(module: PythonObject, name: string, file: string): number {
  const value = module.get(name);
  if (!isCount(value) || value === 0 || value > 8192) throw unlike(file, `'${name}' is no size`);
  return value;
}

function numberOf(value: PickleValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** Parameters and buffers of a module and those inside it, by their dotted names. Each module once: a loop ends. */
function collect(module: PythonObject, prefix: string, seen: Set<PythonObject>, into: Map<string, TorchTensor>): void {
  if (seen.has(module)) return;
  seen.add(module);
  for (const kind of ["_parameters", "_buffers"]) {
    for (const [name, tensor] of tensorsOf(module.get(kind))) into.set(prefix + name, tensor);
  }
  const modules = module.get("_modules");
  // A network, its blocks, their layers: what lies deeper is no part of a generator.
  if (prefix.split(".").length > MAX_DEPTH) return;
  for (const [name, value] of isDict(modules) ? modules.entries : []) {
    const inner = pythonObject(value);
    if (typeof name === "string" && inner !== undefined) collect(inner, `${prefix}${name}.`, seen, into);
  }
}

function readTensor(stored: ReadonlyMap<string, TorchTensor>, name: string): Tensor | undefined {
  return stored.get(name)?.read();
}

/** The taps whose outer product the resampling filter is. */
function firKernel(stored: ReadonlyMap<string, TorchTensor>, resolution: number, file: string): number[] {
  const filter = readTensor(stored, `synthesis.b${resolution}.resample_filter`);
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
