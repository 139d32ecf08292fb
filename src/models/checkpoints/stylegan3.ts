// Generators of StyleGAN3, as its tools pickle them, or their tensors alone -> Model.
// In: the network that unpickling gave, or its tensors. Out: a Model without attributes; every shape has been checked as a pack's would be.
// Invariants: same values as the original; filters are buffers of the file, none is designed here; the tensors keep their names, which are those of docs/packs.md.
import type { Tensor } from "../../compiler/weights.js";
import { isDict, isTuple, type PickleValue } from "../formats/pickle-value.js";
import { NumpyArray } from "../formats/numpy-array.js";
import type { PythonObject } from "../formats/python-object.js";
import type { StateDict } from "../formats/state-dict.js";
import { readMapping, TensorSource } from "../pack/pack-weights.js";
import { checkpointModel, type CheckpointOptions, type ReadGenerator } from "./checkpoint-model.js";
import { count, moduleOf, networkTensors, numberOf, refuseOthers, unlike } from "./network-object.js";
import { readStylegan3, type LayerFacts } from "./stylegan3-weights.js";

const MAX_LAYERS = 63;
const MAX_FACTOR = 8;
const MAX_PAD = 8192;
/** What the training code has by default, where a file has tensors alone. */
const DEFAULTS = { lrMultiplier: 0.01, clamp: 256, outputScale: 0.25, bandwidth: 2, margin: 10, filterSize: 6 };

/** Whether a network is one of StyleGAN3: its synthesis begins with Fourier features. */
export function isStylegan3(network: PythonObject): boolean {
  const modules = network.get("_modules");
  const synthesis = isDict(modules) ? modules.entries.get("synthesis") : undefined;
  const inner = typeof synthesis === "object" && synthesis?.kind === "opaque" ? synthesis.value : undefined;
  const names = inner !== undefined && "get" in inner ? (inner as PythonObject).get("_modules") : undefined;
  return isDict(names) && names.entries.has("input");
}

/**
 * A generator, conditional or not, of either configuration.
 * Errors   LaceError L5107 if it is no network of this kind, L5109 if a tensor is missing or has a wrong shape.
 */
export function readStylegan3Network(generator: PythonObject, file: string, options: CheckpointOptions): ReadGenerator {
  refuseOthers(generator, file);
  const mapping = moduleOf(generator, "mapping", file);
  const synthesis = moduleOf(generator, "synthesis", file);
  const [zDim, wDim] = [count(generator, "z_dim", file), count(generator, "w_dim", file)];
  const classes = generator.get("c_dim") === 0 ? 0 : count(generator, "c_dim", file);
  const layers = count(mapping, "num_layers", file);
  const { source } = networkTensors(generator, file);
  const lrMultiplier = numberOf(moduleOf(mapping, "fc0", file).get("bias_gain"));
  if (lrMultiplier === undefined) throw unlike(file, "its mapping has no gain");
  const input = moduleOf(synthesis, "input", file);
  const modules = namesOf(synthesis.get("_modules")).filter((name) => name !== "input");
  if (modules.length === 0 || modules.length > MAX_LAYERS) throw unlike(file, `it has ${modules.length} layers`);
  const first = moduleOf(synthesis, modules[0] ?? "", file);
  const clamp = numberOf(first.get("conv_clamp"));
  const model = checkpointModel(options, {
    zDim,
    classes,
    mapping: readMapping(source, { zDim, wDim, classes, mapping: { layers, lrMultiplier, normalize: true } }),
    synthesis: readStylegan3(source, {
      wDim,
      outputScale: numberOf(synthesis.get("output_scale")) ?? 1,
      ...(clamp !== undefined && { clamp }),
      input: {
        size: pair(input.get("size"), "the size of its input", file),
        samplingRate: positive(input, "sampling_rate", file),
        bandwidth: positive(input, "bandwidth", file),
      },
      layers: modules.map((name) => layerOf(moduleOf(synthesis, name, file), name, file)),
    }),
  });
  return { model, assumed: [], averageUnknown: false };
}

/**
 * The generator of the tensors alone. Sizes are told by the names of its layers, rates by the lengths of its filters; what is not, is assumed as the
 * training code has it by default.
 * Errors   as readStylegan3Network.
 */
export function readStylegan3Tensors(stored: StateDict, file: string, options: CheckpointOptions): ReadGenerator {
  const names = [...stored.keys()];
  const found = new Map<number, { readonly name: string; readonly size: number }>();
  for (const name of names) {
    const [, layer, index, size] = /^synthesis\.(L(\d{1,3})_(\d{1,5})_\d{1,5})\.weight$/.exec(name) ?? [];
    if (layer !== undefined) found.set(Number(index), { name: layer, size: Number(size) });
  }
  const ordered = [...found].sort(([a], [b]) => a - b).map(([, layer]) => layer);
  const start = ordered[0]?.size ?? 0;
  const samplingRate = start - 2 * DEFAULTS.margin;
  if (ordered.length === 0 || ordered.length > MAX_LAYERS || samplingRate <= 2 * DEFAULTS.bandwidth)
    throw unlike(file, "the names of its layers do not tell their sizes");
  let size = start;
  const layers = ordered.map(({ name, size: out }, i): LayerFacts => {
    const taps = (key: string): number => stored.get(`synthesis.${name}.${key}`)?.shape[0] ?? 1;
    const [upTaps, downTaps] = [taps("up_filter"), taps("down_filter")];
    const rate = (n: number): number => (n === 1 ? 1 : n / DEFAULTS.filterSize);
    const [up, down] = [rate(upTaps), rate(downTaps)];
    if (![up, down].every((r) => Number.isInteger(r) && r <= MAX_FACTOR) || up % down !== 0)
      throw unlike(file, `the filters of ${name} do not tell its rates`);
    const k = stored.get(`synthesis.${name}.weight`)?.shape[2] ?? 1;
    const total = (out - 1) * down + 1 - (size + k - 1) * up + upTaps + downTaps - 2;
    const before = Math.floor((total + up) / 2);
    size = out;
    return { name, up, down, pads: [before, total - before, before, total - before], toRgb: i === ordered.length - 1 };
  });
  const fcs = names.flatMap((name) => Number(/^mapping\.fc(\d+)\.weight$/.exec(name)?.[1] ?? NaN));
  const depth = 1 + Math.max(-1, ...fcs.filter((n) => n < MAX_LAYERS));
  const embed = stored.get("mapping.embed.weight");
  const zDim = (stored.get("mapping.fc0.weight")?.shape[1] ?? 0) - (embed?.shape[0] ?? 0);
  const wDim = stored.get(`mapping.fc${depth - 1}.weight`)?.shape[0] ?? 0;
  if (zDim <= 0 || wDim <= 0) throw unlike(file, "it has no mapping network");
  const averageUnknown = !stored.has("mapping.w_avg");
  const zeros: Tensor = { shape: [wDim], data: new Float32Array(wDim) };
  const read = (name: string): Tensor | undefined =>
    averageUnknown && name === "mapping.w_avg" ? zeros : stored.get(name)?.read();
  const source = new TensorSource(file, read, new Set(names));
  const { lrMultiplier, clamp, outputScale, bandwidth } = DEFAULTS;
  const classes = embed?.shape[1] ?? 0;
  const model = checkpointModel(options, {
    zDim,
    classes,
    mapping: readMapping(source, { zDim, wDim, classes, mapping: { layers: depth, lrMultiplier, normalize: true } }),
    synthesis: readStylegan3(source, {
      wDim,
      outputScale,
      clamp,
      input: { size: [start, start], samplingRate, bandwidth },
      layers,
    }),
  });
  const assumed = [
    `the learning-rate multiplier of the mapping is ${lrMultiplier}, activations are kept within ${clamp}, the output is scaled by ${outputScale}`,
    `the frequencies of the input end at ${bandwidth}, its margin is of ${DEFAULTS.margin} pixels, filters have ${DEFAULTS.filterSize} taps for each pixel`,
  ];
  return { model, assumed, averageUnknown };
}

function layerOf(module: PythonObject, name: string, file: string): LayerFacts {
  const factor = (key: string): number => {
    const value = count(module, key, file);
    if (value > MAX_FACTOR) throw unlike(file, `'${key}' of ${name} is ${value}`);
    return value;
  };
  const [up, down] = [factor("up_factor"), factor("down_factor")];
  if (up % down !== 0) throw unlike(file, `its layer ${name} goes up by ${up} and down by ${down}`);
  const pads = numbersOf(module.get("padding"));
  const [left, right, top, bottom] = pads;
  if (
    left === undefined ||
    right === undefined ||
    top === undefined ||
    bottom === undefined ||
    pads.length !== 4 ||
    !pads.every((p) => Number.isInteger(p) && Math.abs(p) <= MAX_PAD)
  )
    throw unlike(file, `'padding' of ${name} is no list of four numbers`);
  return { name, up, down, pads: [left, right, top, bottom], toRgb: module.get("is_torgb") === true };
}

function positive(module: PythonObject, key: string, file: string): number {
  const value = numberOf(module.get(key)) ?? numbersOf(module.get(key))[0];
  if (value === undefined || value <= 0 || value > MAX_PAD) throw unlike(file, `'${key}' of its input is no number`);
  return value;
}

/** Columns and rows. */
function pair(value: PickleValue | undefined, what: string, file: string): readonly [number, number] {
  const [width, height] = numbersOf(value);
  const isSide = (n: number | undefined): n is number =>
    n !== undefined && Number.isInteger(n) && n > 0 && n <= MAX_PAD;
  if (!isSide(width) || !isSide(height)) throw unlike(file, `${what} is missing`);
  return [width, height];
}

/** Numbers of a list, a tuple or an array; none of anything else. */
function numbersOf(value: PickleValue | undefined): readonly number[] {
  if (typeof value !== "object" || value === null) return [];
  if (value.kind === "list" || isTuple(value)) return value.items.flatMap((v) => (typeof v === "number" ? [v] : []));
  if (value.kind !== "opaque" || !(value.value instanceof NumpyArray)) return [];
  return value.value.shape.reduce((a, n) => a * n, 1) > MAX_LAYERS ? [] : [...value.value.read().data];
}

function namesOf(value: PickleValue | undefined): readonly string[] {
  return isDict(value) ? [...value.entries.keys()].filter((name) => typeof name === "string") : [];
}
