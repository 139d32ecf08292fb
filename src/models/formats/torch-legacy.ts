// The format of torch.save before PyTorch 1.6, which `.pkl` files of StyleGAN2-ADA still nest for each of their storages.
// In: the whole file, or such a nested one. Out: what was saved, its storages filled with views of the bytes.
// Invariants: nothing is run (unpickle.ts); storages lie inside the file, side by side, each read once.
// Layout: four pickles (magic number, protocol, system, the object), one pickle with the keys of the storages, then for each key
// its number of elements (int64) and the elements. Source: documentation of torch.save and pickletools.
import { modelError } from "../model-error.js";
import { isDict, type AllowList, type PickleBytes, type PickleValue, type Reconstruction } from "./pickle-value.js";
import { storageOf, TORCH_NAMES, TorchStorage } from "./torch-tensor.js";
import { unpickle } from "./unpickle.js";
import { WorkBudget } from "./work-budget.js";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
/** How the first pickle begins: PROTO 2, LONG1 of 10 bytes, the magic number. */
const BEGINNING = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46];

/** True if the bytes begin as a file of the old torch.save does. */
export function isTorchLegacy(bytes: Uint8Array): boolean {
  return BEGINNING.every((b, i) => bytes[i] === b);
}

/** Reads a file of the old torch.save. Errors LaceError L5104 to L5106 for damage, limits and names; L5107 if it is another file. */
export function readTorchLegacy(
  bytes: Uint8Array,
  file: string,
  budget: WorkBudget = new WorkBudget(file, bytes.byteLength),
  allow: AllowList = TORCH_NAMES,
): PickleValue {
  const storages = new Map<string, TorchStorage>();
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickle(
      bytes,
      { file, allow, budget, persistent: (id, fail) => storageOf(id, storages, fail) },
      at,
    );
    at = end;
    return value;
  };
  const [magic, protocol, system] = [next(), next(), next()];
  if (magic !== MAGIC || protocol !== PROTOCOL)
    throw modelError("L5107", file, "not a PyTorch file: wrong magic number");
  if (isDict(system) && system.entries.get("little_endian") === false)
    throw modelError("L5107", file, "the file was written on a big-endian machine, which is not supported");
  const [value, keys] = [next(), next()];
  if (typeof keys !== "object" || keys?.kind !== "list")
    throw modelError("L5104", file, "the list of storages is missing");
  const reader = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const key of keys.items) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined) throw modelError("L5104", file, "a storage that nothing uses");
    const end = at + 8 + storage.byteLength;
    if (end > bytes.byteLength || reader.getBigInt64(at, true) !== BigInt(storage.count))
      throw modelError(
        "L5104",
        file,
        `storage '${storage.key}' at byte ${at} does not have its ${storage.count} elements`,
      );
    storage.bytes = bytes.subarray(at + 8, end);
    at = end;
  }
  for (const storage of storages.values()) {
    if (storage.bytes === undefined) throw modelError("L5104", file, `storage '${storage.key}' has no bytes`);
  }
  return value;
}

/** The name by which pickles load a nested storage; its own reading once, however often it is asked for. */
export function nestedStorages(file: string, budget: WorkBudget): AllowList {
  const known = new Map<PickleBytes, PickleValue>();
  const load: Reconstruction = {
    call(args, fail) {
      const [bytes] = args;
      if (typeof bytes !== "object" || bytes?.kind !== "bytes") throw fail("a storage without bytes");
      const found = known.get(bytes) ?? readTorchLegacy(bytes.bytes, file, budget);
      if (typeof found !== "object" || found?.kind !== "opaque" || !(found.value instanceof TorchStorage))
        throw fail("a nested file that is no storage");
      known.set(bytes, found);
      return found;
    },
  };
  return new Map([["torch.storage._load_from_bytes", load]]);
}
