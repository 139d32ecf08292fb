// Any checkpoint that lacec knows -> Model. What it is is found by looking inside, never by its name.
// In: the bytes of a file. Out: the kind of file and the model. Invariants: nothing in the file is run; every reader is a file of its own.
import { modelError } from "./model-error.js";
import type { Model } from "./model.js";
import { NUMPY_NAMES } from "./numpy-array.js";
import { isDict, isTuple, type PickleDict, type PickleValue } from "./pickle-value.js";
import { pythonObject, STYLEGAN_NAMES } from "./python-object.js";
import { readRosinality } from "./rosinality.js";
import { readStylegan2Ada, type CheckpointOptions } from "./stylegan2-ada.js";
import { readStylegan2Tf } from "./stylegan2-tf.js";
import { isTorchLegacy, nestedStorages, readTorchLegacy } from "./torch-legacy.js";
import { TORCH_NAMES } from "./torch-tensor.js";
import { readTorchZip } from "./torch-zip.js";
import { unpickle } from "./unpickle.js";
import { isZip } from "./zip.js";

export type CheckpointKind = "stylegan2-ada-pytorch" | "rosinality" | "stylegan2-tensorflow";

/**
 * The generator of a checkpoint.
 * Errors   LaceError L5103 to L5106 for damage, limits and names that are not allowed; L5107 if lacec knows no such file; L5109.
 */
export async function readCheckpoint(
  bytes: Uint8Array,
  file: string,
  options: CheckpointOptions,
): Promise<{ readonly kind: CheckpointKind; readonly model: Model }> {
  const value = await readPickled(bytes, file);
  if (isTuple(value)) return { kind: "stylegan2-tensorflow", model: readStylegan2Tf(value, file, options) };
  if (!isDict(value)) throw modelError("L5107", file, "the file holds no generator");
  const generator = value.entries.get("G_ema");
  if (pythonObject(generator) !== undefined)
    return { kind: "stylegan2-ada-pytorch", model: readStylegan2Ada(value, file, options) };
  if (value.entries.has("g_ema")) return { kind: "rosinality", model: readRosinality(value, file, options) };
  throw modelError("L5107", file, `no reader knows a checkpoint with the parts ${keysOf(value)}`, [
    "lacec imports StyleGAN2 in the forms of stylegan2-ada-pytorch, rosinality and the first TensorFlow release",
  ]);
}

/** What a zip of PyTorch, an old PyTorch file or a plain pickle holds. */
async function readPickled(bytes: Uint8Array, file: string): Promise<PickleValue> {
  if (isZip(bytes)) return readTorchZip(bytes, file);
  if (isTorchLegacy(bytes)) return readTorchLegacy(bytes, file);
  if (bytes[0] === PROTO) {
    const allow = new Map([...TORCH_NAMES, ...STYLEGAN_NAMES, ...NUMPY_NAMES, ...nestedStorages(file)]);
    return unpickle(bytes, { file, allow }).value;
  }
  throw modelError("L5107", file, "it is neither a pickle nor a PyTorch file", [
    "a file that is cut short or a page of a web site is a common cause: compare its size with the original",
  ]);
}

/** First byte of a pickle of protocol 2 and later. */
const PROTO = 0x80;

function keysOf(dict: PickleDict): string {
  const names = [...dict.entries.keys()].filter((key) => typeof key === "string");
  return names.length === 0 ? "(none)" : names.slice(0, 8).join(", ").slice(0, 200);
}
