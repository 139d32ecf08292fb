// The files of the LACE paper's code: one classifier head a file, and the mapping network of its generator.
// In: what torch-zip.ts read. Out: HeadWeights and MappingWeights.
// Invariants: layers fit each other; 1x1 convolutions become matrices [out, in].
import type { HeadWeights, MappingWeights, Tensor } from "../../compiler/weights.js";
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import { isDict, type PickleValue } from "../formats/pickle-value.js";
import type { LazyTensor, StateDict } from "../formats/state-dict.js";
import { checkSharing, tensorsOf } from "../formats/torch-tensor.js";

/** Learning-rate multiplier of StyleGAN's mapping network, which its stored weights are divided by. */
const LR_MULTIPLIER = 0.01;

function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a LACE file: ${what}`);
}

function partOf(checkpoint: PickleValue, name: string): PickleValue | undefined {
  return isDict(checkpoint) ? checkpoint.entries.get(name) : undefined;
}

/** A stored weight as a matrix [out, in]: trailing dimensions of 1 (a 1x1 convolution) are dropped. */
function matrix(tensor: LazyTensor, name: string, file: string): Tensor {
  const { shape, data } = tensor.read();
  const [out, inputs, ...rest] = shape;
  if (out === undefined || inputs === undefined || rest.some((n) => n !== 1))
    throw unlike(file, `'${name}' has shape [${shape.join(", ")}], not that of a dense layer`);
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
  if (weight === undefined || bias === undefined) throw unlike(file, `'${of("weight")}' or '${of("bias")}' is missing`);
  const layer = { weight: matrix(weight, of("weight"), file), bias: bias.read() };
  const [out, width] = layer.weight.shape;
  if (inputs !== undefined && width !== inputs)
    throw unlike(file, `'${name}' takes ${width ?? 0} numbers, the layer before it gives ${inputs}`);
  if (layer.bias.shape.length !== 1 || layer.bias.shape[0] !== out)
    throw unlike(file, `'${name}.bias' does not fit its weight`);
  return layer;
}

/** Numbers in `PREFIX<n>SUFFIX` over the names, ascending. */
function layerNumbers(tensors: StateDict, pattern: RegExp): number[] {
  const numbers = [...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b);
}

/** What the last layer of a LACE head is called: of attributes `heads`, of the classes of CIFAR-10 `linear`. Undefined: it is no such head. */
export function lastLayerOf(tensors: StateDict): "heads" | "linear" | undefined {
  if (tensors.has("heads.weight")) return "heads";
  return tensors.has("linear.weight") && tensors.has("net.0.weight") ? "linear" : undefined;
}

/**
 * One attribute head of a LACE classifier file: 1x1 convolutions net.N with leaky ReLU 0.2 between them, then `heads` or `linear`.
 * Shapes   weights [out, in]; the last layer gives K logits.
 * Errors   LaceError L5107 if the file is not one.
 */
export function readLaceHead(checkpoint: PickleValue, attribute: string, file: string): HeadWeights {
  const tensors = tensorsOf(partOf(checkpoint, "state_dict"));
  checkSharing(tensors, file);
  if ([...tensors.keys()].some((name) => name.endsWith("running_mean")))
    throw unlike(file, "its layers are normalised over batches, which lacec does not read");
  const names = [
    ...layerNumbers(tensors, /^net\.(\d+)\.weight$/).map((n) => `net.${n}`),
    lastLayerOf(tensors) ?? "heads",
  ];
  let width: number | undefined;
  const layers = names.map((name) => {
    const layer = dense(tensors, name, width, file);
    width = layer.weight.shape[0];
    return layer;
  });
  return { attribute, layers };
}

/**
 * The mapping network of a LACE run: `style` (pixel norm, then dense layers N of learning-rate multiplier 0.01) and `mean_latent`.
 * Shapes   weights [out, in]; wAverage [wDim].
 * Errors   LaceError L5107 if the file is not one.
 */
export function readLaceMapping(checkpoint: PickleValue, file: string): MappingWeights {
  const mean = tensorsOf(checkpoint).get("mean_latent")?.read();
  if (mean === undefined) throw unlike(file, "'mean_latent' is missing");
  return readStyle(tensorsOf(partOf(checkpoint, "style")), "", mean, file);
}

/** The mapping layers `PREFIX<n>.weight`, `.bias` of rosinality's `style` module. Without a mean the average w is zeros. */
export function readStyle(tensors: StateDict, prefix: string, mean: Tensor | undefined, file: string): MappingWeights {
  const numbers = layerNumbers(tensors, new RegExp(`^${prefix.replaceAll(".", "\\.")}(\\d+)\\.weight$`));
  if (numbers.length === 0) throw unlike(file, "it has no mapping network");
  let width: number | undefined;
  const layers = numbers.map((n) => {
    const layer = dense(tensors, `${prefix}${n}`, width, file);
    width = layer.weight.shape[0];
    return { ...layer, weightGain: LR_MULTIPLIER / Math.sqrt(layer.weight.shape[1] ?? 1), biasGain: LR_MULTIPLIER };
  });
  const average = mean?.data ?? new Float32Array(width ?? 0);
  if (average.length !== width)
    throw unlike(file, `the mean latent has ${average.length} numbers, the mapping gives ${width ?? 0}`);
  return { normalize: true, layers, wAverage: { shape: [average.length], data: average } };
}
