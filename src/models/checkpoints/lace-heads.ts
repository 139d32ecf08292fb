// The files of the LACE paper's code: one classifier head a file, and the mapping network of its generator.
// In: what torch-zip.ts read. Out: HeadWeights and MappingWeights. Invariant: layers fit each other.
import type { HeadWeights, MappingWeights, Tensor } from "../../compiler/weights.js";
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import { isDict, type PickleValue } from "../formats/pickle-value.js";
import type { StateDict } from "../formats/state-dict.js";
import { dense, denseChain } from "./dense-layers.js";
import { checkSharing, tensorsOf } from "../formats/torch-tensor.js";

/** Learning-rate multiplier of StyleGAN's mapping network, which its stored weights are divided by. */
const LR_MULTIPLIER = 0.01;

function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a LACE file: ${what}`);
}

function partOf(checkpoint: PickleValue, name: string): PickleValue | undefined {
  return isDict(checkpoint) ? checkpoint.entries.get(name) : undefined;
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
 * One attribute head of a LACE classifier file: 1x1 convolutions net.N, perhaps normalised over batches, with leaky ReLU 0.2 between
 * them, then `heads` or `linear`.
 * Shapes   weights [out, in]; the last layer gives K logits.
 * Errors   LaceError L5107 if the file is not one.
 */
export function readLaceHead(checkpoint: PickleValue, attribute: string, file: string): HeadWeights {
  const tensors = tensorsOf(partOf(checkpoint, "state_dict"));
  checkSharing(tensors, file);
  const { layers, width } = denseChain(tensors, "net.", file);
  return { attribute, layers: [...layers, dense(tensors, lastLayerOf(tensors) ?? "heads", width, file)] };
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
