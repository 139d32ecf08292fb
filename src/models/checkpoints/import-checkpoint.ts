// Any pickled checkpoint that lacec knows -> Model. What it is is found by looking inside, never by its name.
// In: the bytes of a file. Out: the kind of file and the model. Invariants: nothing in the file is run; every reader is a file of its own.
import type { CheckpointOptions, ReadGenerator } from "./checkpoint-model.js";
import { findGenerator, type FoundGenerator } from "./find-generator.js";
import { findHead, type HeadCheckpoint } from "./head-forms.js";
import { modelError } from "../model-error.js";
import { nameOther, OTHER_GENERATORS, weightsAre } from "./name-others.js";
import { NUMPY_NAMES } from "../formats/numpy-array.js";
import { isDict, type AllowList, type PickleValue } from "../formats/pickle-value.js";
import { MODULE_NAMES, PLAIN_NAMES, SKLEARN_NAMES, STYLEGAN_NAMES } from "../formats/python-object.js";
import { readRosinality } from "./rosinality.js";
import { readStylegan2Ada, readStylegan2AdaTensors } from "./stylegan2-ada.js";
import { isStylegan3, readStylegan3Network, readStylegan3Tensors } from "./stylegan3.js";
import { readStylegan2Tf } from "./stylegan2-tf.js";
import { isTorchLegacy, nestedStorages, readTorchLegacy } from "../formats/torch-legacy.js";
import { checkSharing, tensorsOf, TORCH_NAMES } from "../formats/torch-tensor.js";
import { readTorchZip } from "../formats/torch-zip.js";
import { unpickle } from "../formats/unpickle.js";
import { WorkBudget } from "../formats/work-budget.js";
import { isZip } from "../formats/zip.js";

export type CheckpointKind = "stylegan2-ada-pytorch" | "stylegan3" | "rosinality" | "stylegan2-tensorflow";

/** A generator, and where its form comes from. */
export interface GeneratorCheckpoint extends ReadGenerator {
  readonly kind: CheckpointKind;
}

/** What a file turned out to be: a generator, or an attribute head. */
export type Checkpoint = GeneratorCheckpoint | HeadCheckpoint;

/**
 * A pickled file of any kind.
 * Errors   LaceError L5103 to L5106 for damage, limits and names that are not allowed; L5107 if lacec knows no such file; L5109.
 */
export async function readPickledFile(
  bytes: Uint8Array,
  file: string,
  options: CheckpointOptions,
): Promise<Checkpoint> {
  const value = await readPickledValue(bytes, file);
  const found = findGenerator(value);
  if (found !== undefined) return readGenerator(found, file, options);
  const head = findHead(value, file);
  if (head !== undefined) return head;
  const other = nameOther(namesIn(value));
  if (other !== undefined) throw modelError("L5107", file, other.what, [other.hint]);
  throw modelError("L5107", file, `no reader knows a checkpoint ${partsOf(value)}`, [
    weightsAre(namesIn(value)),
    OTHER_GENERATORS,
  ]);
}

/** The model of a generator. Errors LaceError L5106, L5107, L5109. */
export function readGenerator(found: FoundGenerator, file: string, options: CheckpointOptions): GeneratorCheckpoint {
  switch (found.kind) {
    case "network":
      if (isStylegan3(found.network))
        return { kind: "stylegan3", ...readStylegan3Network(found.network, file, options) };
      return { kind: "stylegan2-ada-pytorch", ...readStylegan2Ada(found.network, file, options) };
    case "network-tensors":
      checkSharing(found.tensors, file);
      return { kind: "stylegan2-ada-pytorch", ...readStylegan2AdaTensors(found.tensors, file, options) };
    case "filtered-tensors":
      checkSharing(found.tensors, file);
      return { kind: "stylegan3", ...readStylegan3Tensors(found.tensors, file, options) };
    case "rosinality":
      checkSharing(found.tensors, file);
      return { kind: "rosinality", ...readRosinality(found.tensors, found.average, file, options) };
    case "tensorflow":
      return { kind: "stylegan2-tensorflow", ...readStylegan2Tf(found.network, file, options) };
  }
}

/** The generator of a checkpoint. Errors as readPickledFile; L5107 if it holds no generator. */
export async function readCheckpoint(
  bytes: Uint8Array,
  file: string,
  options: CheckpointOptions,
): Promise<GeneratorCheckpoint> {
  const found = await readPickledFile(bytes, file, options);
  if (!("model" in found)) throw modelError("L5107", file, "the file holds an attribute head, not a generator");
  return found;
}

/** Whether the bytes begin as one of the pickled forms does. */
export function isPickled(bytes: Uint8Array): boolean {
  return isZip(bytes) || isTorchLegacy(bytes) || bytes[0] === PROTO;
}

/** What a zip of PyTorch, an old PyTorch file or a plain pickle holds. Errors: LaceError L5103 to L5107. */
export async function readPickledValue(bytes: Uint8Array, file: string): Promise<PickleValue> {
  if (isZip(bytes)) return readTorchZip(bytes, file, { allow: ALL_NAMES });
  if (isTorchLegacy(bytes)) return readTorchLegacy(bytes, file, undefined, ALL_NAMES);
  if (bytes[0] === PROTO) {
    const budget = new WorkBudget(file, bytes.byteLength);
    const allow = new Map([...ALL_NAMES, ...nestedStorages(file, budget)]);
    return unpickle(bytes, { file, allow, budget }).value;
  }
  throw modelError("L5107", file, "it is neither a pickle nor a PyTorch file");
}

/** First byte of a pickle of protocol 2 and later. */
const PROTO = 0x80;

const ALL_NAMES: AllowList = new Map([
  ...TORCH_NAMES,
  ...STYLEGAN_NAMES,
  ...NUMPY_NAMES,
  ...PLAIN_NAMES,
  ...SKLEARN_NAMES,
  ...MODULE_NAMES,
]);

/** Names of tensors, in the dict itself or in one of its parts. */
function namesIn(value: PickleValue): readonly string[] {
  if (!isDict(value)) return [];
  return [value, ...value.entries.values()].flatMap((part) => [...tensorsOf(part).keys()]);
}

function partsOf(value: PickleValue): string {
  if (!isDict(value)) return "of this kind";
  const names = [...value.entries.keys()].filter((key) => typeof key === "string");
  return `with the parts ${names.length === 0 ? "(none)" : names.slice(0, 8).join(", ").slice(0, 200)}`;
}
