// Any pickled checkpoint that lacec knows -> Model. What it is is found by looking inside, never by its name.
// In: the bytes of a file. Out: the kind of file and the model. Invariants: nothing in the file is run; every reader is a file of its own.
import type { CheckpointOptions } from "./checkpoint-model.js";
import { modelError } from "../model-error.js";
import type { StyleganModel } from "../model.js";
import { NUMPY_NAMES } from "../formats/numpy-array.js";
import { isDict, isTuple, type PickleDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, STYLEGAN_NAMES } from "../formats/python-object.js";
import { readRosinality } from "./rosinality.js";
import { readStylegan2Ada } from "./stylegan2-ada.js";
import { readStylegan2Tf } from "./stylegan2-tf.js";
import { isTorchLegacy, nestedStorages, readTorchLegacy } from "../formats/torch-legacy.js";
import { tensorsOf, TORCH_NAMES } from "../formats/torch-tensor.js";
import { readTorchZip } from "../formats/torch-zip.js";
import { unpickle } from "../formats/unpickle.js";
import { WorkBudget } from "../formats/work-budget.js";
import { isZip } from "../formats/zip.js";

export type CheckpointKind = "stylegan2-ada-pytorch" | "rosinality" | "stylegan2-tensorflow";

/** What a pickled file turned out to be: a generator, or one attribute head of the LACE paper's code. */
export type Checkpoint =
  | { readonly kind: CheckpointKind; readonly model: StyleganModel }
  | { readonly kind: "lace-head"; readonly checkpoint: PickleDict };

/**
 * A pickled file of any kind.
 * Errors   LaceError L5103 to L5106 for damage, limits and names that are not allowed; L5107 if lacec knows no such file; L5109.
 */
export async function readPickledFile(
  bytes: Uint8Array,
  file: string,
  options: CheckpointOptions,
): Promise<Checkpoint> {
  const value = await readPickled(bytes, file);
  if (isTuple(value)) return { kind: "stylegan2-tensorflow", model: readStylegan2Tf(value, file, options) };
  if (!isDict(value)) throw modelError("L5107", file, "the file holds no generator");
  if (pythonObject(value.entries.get("G_ema")) !== undefined)
    return { kind: "stylegan2-ada-pytorch", model: readStylegan2Ada(value, file, options) };
  if (value.entries.has("g_ema")) return { kind: "rosinality", model: readRosinality(value, file, options) };
  if (tensorsOf(value.entries.get("state_dict")).has("heads.weight")) return { kind: "lace-head", checkpoint: value };
  throw modelError("L5107", file, `no reader knows a checkpoint with the parts ${keysOf(value)}`, [
    "lacec imports StyleGAN2 in the forms of stylegan2-ada-pytorch, rosinality and the first TensorFlow release",
  ]);
}

/** The generator of a checkpoint. Errors as readPickledFile; L5107 if it holds no generator. */
export async function readCheckpoint(
  bytes: Uint8Array,
  file: string,
  options: CheckpointOptions,
): Promise<{ readonly kind: CheckpointKind; readonly model: StyleganModel }> {
  const found = await readPickledFile(bytes, file, options);
  if (found.kind === "lace-head") throw modelError("L5107", file, "the file holds an attribute head, not a generator");
  return found;
}

/** Whether the bytes begin as one of the pickled forms does. */
export function isPickled(bytes: Uint8Array): boolean {
  return isZip(bytes) || isTorchLegacy(bytes) || bytes[0] === PROTO;
}

/** What a zip of PyTorch, an old PyTorch file or a plain pickle holds. */
async function readPickled(bytes: Uint8Array, file: string): Promise<PickleValue> {
  if (isZip(bytes)) return readTorchZip(bytes, file);
  if (isTorchLegacy(bytes)) return readTorchLegacy(bytes, file);
  if (bytes[0] === PROTO) {
    const budget = new WorkBudget(file, bytes.byteLength);
    const allow = new Map([...TORCH_NAMES, ...STYLEGAN_NAMES, ...NUMPY_NAMES, ...nestedStorages(file, budget)]);
    return unpickle(bytes, { file, allow, budget }).value;
  }
  throw modelError("L5107", file, "it is neither a pickle nor a PyTorch file");
}

/** First byte of a pickle of protocol 2 and later. */
const PROTO = 0x80;

function keysOf(dict: PickleDict): string {
  const names = [...dict.entries.keys()].filter((key) => typeof key === "string");
  return names.length === 0 ? "(none)" : names.slice(0, 8).join(", ").slice(0, 200);
}
