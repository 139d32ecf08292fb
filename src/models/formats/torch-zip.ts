// Files of torch.save since PyTorch 1.6: a zip with one folder that holds data.pkl and the storages data/KEY.
// In: the whole file. Out: what was saved, as a PickleValue whose tensors have their bytes.
// Invariants: nothing in the file is run (unpickle.ts); every storage has exactly the bytes that its type and count need.
import { modelError } from "../model-error.js";
import type { AllowList, PickleValue } from "./pickle-value.js";
import { storageOf, TORCH_NAMES, type TorchStorage } from "./torch-tensor.js";
import { unpickle, type PickleLimits } from "./unpickle.js";
import { openZip, type ZipLimits } from "./zip.js";

export interface TorchOptions {
  readonly zip?: ZipLimits;
  readonly pickle?: PickleLimits;
  /** Names that the file may use; default: those of tensors. */
  readonly allow?: AllowList;
}

/**
 * Reads a `.pt` file.
 * Errors LaceError L5103 to L5106 for damage, limits and names that are not allowed; L5107 if it is another kind of file.
 */
export async function readTorchZip(bytes: Uint8Array, file: string, options: TorchOptions = {}): Promise<PickleValue> {
  const zip = openZip(bytes, file, options.zip);
  const pickles = [...zip.entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1)
    throw modelError("L5107", file, "the zip archive is not a PyTorch file: it needs one data.pkl");
  const folder = pickle.slice(0, -"data.pkl".length);
  if (
    zip.entries.has(`${folder}byteorder`) &&
    new TextDecoder().decode(await zip.read(`${folder}byteorder`)) !== "little"
  ) {
    throw modelError("L5107", file, "the file was written on a big-endian machine, which is not supported");
  }
  const storages = new Map<string, TorchStorage>();
  const { value } = unpickle(await zip.read(pickle), {
    file,
    allow: options.allow ?? TORCH_NAMES,
    persistent: (id, fail) => storageOf(id, storages, fail),
    ...(options.pickle && { limits: options.pickle }),
  });
  for (const storage of storages.values()) {
    const data = await zip.read(`${folder}data/${storage.key}`);
    if (data.byteLength !== storage.byteLength) {
      throw modelError(
        "L5104",
        file,
        `storage '${storage.key}' needs ${storage.byteLength} bytes, the file has ${data.byteLength}`,
      );
    }
    storage.bytes = data;
  }
  return value;
}
