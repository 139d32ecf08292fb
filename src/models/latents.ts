// Files of latents, as projectors and editors of many projects write them: .npy, .npz, .pt, pickles and .safetensors; and ours.
// In: the bytes of a file. Out: its arrays of w and z; or the bytes of a file of them. Invariants: nothing in a file is run, and what it may cost is bounded
// by its size (the readers of formats/ see to it); numbers are finite.
import type { LatentForm, LatentFormat, LatentTable } from "../compiler/latent-table.js";
import type { Tensor } from "../compiler/weights.js";
import { failure } from "../source/diagnostic.js";
import type { Host } from "../ports/host.js";
import { isPickled, readPickledValue } from "./checkpoints/import-checkpoint.js";
import { isSafetensorsFile } from "./checkpoints/open-source.js";
import { isNpy, readNpy, writeNpy } from "./formats/npy.js";
import { numpyArray } from "./formats/numpy-array.js";
import { isDict, type PickleValue } from "./formats/pickle-value.js";
import { readSafetensors, writeSafetensors } from "./formats/safetensors.js";
import { stateDictOf, type LazyTensor } from "./formats/state-dict.js";
import { TorchTensor } from "./formats/torch-tensor.js";
import { isZip, openZip, writeZip } from "./formats/zip.js";
import { modelError } from "./model-error.js";

/** The arrays of a file, not read yet. */
export type LatentArrays = Readonly<Partial<Record<keyof LatentTable, LazyTensor>>>;

/** What projects call their w: in files of StyleGAN2's projectors, of e4e and pSp, StyleFlow, rosinality and our own. */
const W_NAMES = /^(w|ws|w_?plus|w\+|latents?|latent_codes?|codes?|projected_w|styles?)$/i;
const Z_NAMES = /^(zs?|latents?_z|z_latents?)$/i;
/** A file larger than this is no file of latents. */
const MOST_BYTES = 2 ** 30;

/**
 * Reads a file of latents.
 * Errors   LaceError L5001 if there is none, L5102 to L5106 for damage and names that are not allowed, L5323 if it holds none.
 */
export async function loadLatents(host: Host, path: string): Promise<LatentArrays> {
  if (!(await host.exists(path)))
    throw failure("L5001", `there is no file ${path}`, [
      "check the path; paths in a script are relative to the file that names them",
    ]);
  const bytes = await host.readBytes(path);
  if (bytes.byteLength > MOST_BYTES) throw noLatents(path, "it is larger than 1 GiB");
  return readLatents(bytes, path);
}

/** The shapes of a file's arrays. Errors as loadLatents. */
export async function loadLatentTable(host: Host, path: string): Promise<LatentTable> {
  const arrays = await loadLatents(host, path);
  return Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, shape]));
}

/** What is known of a photograph before it is opened: that it is there. Errors: LaceError L5001. */
export async function lookForPhotograph(host: Host, path: string): Promise<LatentTable> {
  if (await host.exists(path)) return {};
  throw failure("L5001", `there is no file ${path}`, [
    "check the path; paths in a script are relative to the file that names them",
  ]);
}

/** The arrays in the bytes of a file. Errors as loadLatents. */
export async function readLatents(bytes: Uint8Array, file: string): Promise<LatentArrays> {
  if (isSafetensorsFile(bytes)) return named(stateDictOf(readSafetensors(bytes, file)), file);
  if (isNpy(bytes)) return { plain: readNpy(bytes, file) };
  if (isZip(bytes)) {
    const zip = openZip(bytes, file);
    const arrays = [...zip.entries.keys()].filter((name) => name.endsWith(".npy"));
    if (arrays.length > 0) {
      const found = new Map<string, LazyTensor>();
      for (const name of arrays) {
        const inside = await zip.read(name);
        // Arrays of text and of objects lie beside latents in some files; what is asked for is found or missed by name.
        if (isNpy(inside) && isNumeric(inside)) found.set(name.slice(0, -".npy".length), readNpy(inside, file));
      }
      return named(found, file);
    }
  }
  if (isPickled(bytes)) return pickled(await readPickledValue(bytes, file), file);
  throw noLatents(file, "it is no .npy, .npz, .pt, .pkl or .safetensors");
}

/** Whether an array in a zip holds plain numbers, as its header says. */
function isNumeric(npy: Uint8Array): boolean {
  return /'descr': '[<|=][fiu]\d'/.test(new TextDecoder("latin1").decode(npy.subarray(0, 256)));
}

/** What a dict of arrays has: w and z by their names, or its only array. */
function named(arrays: ReadonlyMap<string, LazyTensor>, file: string): LatentArrays {
  const find = (names: RegExp): LazyTensor | undefined => [...arrays].find(([name]) => names.test(name))?.[1];
  const [w, z] = [find(W_NAMES), find(Z_NAMES)];
  if (w !== undefined || z !== undefined) return { ...(w && { w }), ...(z && { z }) };
  const [plain, second] = arrays.values();
  if (plain === undefined || second !== undefined)
    throw noLatents(
      file,
      `it has the arrays ${[...arrays.keys()].slice(0, 8).join(", ").slice(0, 200) || "(none)"}, and none is called w, ws, latent or z`,
    );
  return { plain };
}

function pickled(value: PickleValue, file: string): LatentArrays {
  const one = tensorOf(value);
  if (one !== undefined) return { plain: one };
  if (!isDict(value)) throw noLatents(file, "it holds no array");
  const entries = [...value.entries];
  const arrays = new Map<string, LazyTensor>();
  for (const [key, entry] of entries) {
    const tensor = tensorOf(entry);
    if (tensor !== undefined) arrays.set(typeof key === "string" ? key : `${arrays.size}`, tensor);
  }
  // rosinality's projector: { "face.png": { latent, img, noise } }, one for each picture
  const inside = entries.flatMap(([, entry]) => (isDict(entry) ? [tensorOf(entry.entries.get("latent"))] : []));
  const found = inside.filter((t) => t !== undefined);
  if (arrays.size === 0 && found.length > 0) return { w: stacked(found, file) };
  return named(arrays, file);
}

function tensorOf(value: PickleValue | undefined): LazyTensor | undefined {
  if (typeof value === "object" && value?.kind === "opaque" && value.value instanceof TorchTensor) return value.value;
  return numpyArray(value);
}

/** Latents of several pictures, of one shape each, as one array. */
function stacked(all: readonly LazyTensor[], file: string): LazyTensor {
  const [first] = all;
  const shape = first?.shape ?? [];
  if (all.some((t) => t.shape.join() !== shape.join())) throw noLatents(file, "its latents are of several shapes");
  return {
    shape: [all.length, ...shape],
    read() {
      const parts = all.map((t) => t.read().data);
      const data = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
      parts.reduce((at, part) => (data.set(part, at), at + part.length), 0);
      return { shape: this.shape, data };
    },
  };
}

function noLatents(file: string, what: string): Error {
  return modelError("L5323", file, `no latents are in this file: ${what}`, [
    "latents are arrays [d], [n, d] or [n, layers, d] of numbers; in a file of several arrays they are called w, ws, latent or z",
  ]);
}

/** The latents of a picture. */
export interface LatentRow {
  /** [zDim]; absent where the file has none. */
  readonly z?: Float32Array;
  /** [wDim] or [numWs, wDim]; absent where the file has z alone. */
  readonly w?: Float32Array;
}

/** The rows of a file, as `form` says they are laid out. Errors: LaceError L5323 for numbers that are not finite, and a file that has changed since it was looked into. */
export function latentRows(arrays: LatentArrays, { array, space, rows, hasZ }: LatentForm, file: string): LatentRow[] {
  const rowsOf = (name: keyof LatentTable): readonly Float32Array[] => {
    const data = arrays[name]?.read().data ?? new Float32Array(0);
    if (data.length === 0 || data.length % rows !== 0) throw noLatents(file, "it has changed since it was looked into");
    if (!data.every(Number.isFinite)) throw noLatents(file, "not all of its numbers are finite");
    const width = data.length / rows;
    return Array.from({ length: rows }, (_, row) => data.slice(row * width, (row + 1) * width));
  };
  const own = rowsOf(array);
  if (space === "z") return own.map((z) => ({ z }));
  const z = hasZ ? rowsOf("z") : [];
  return own.map((w, row) => ({ w, ...(z[row] && { z: z[row] }) }));
}

/** The bytes of a file of latents: `w` [n, layers, d], and, where the format holds several arrays, `z` [n, d]. */
export function writeLatents(format: LatentFormat, { w, z }: { readonly w: Tensor; readonly z: Tensor }): Uint8Array {
  switch (format) {
    case "npy":
      return writeNpy(w);
    case "npz":
      return writeZip(
        new Map([
          ["w.npy", writeNpy(w)],
          ["z.npy", writeNpy(z)],
        ]),
      );
    case "safetensors":
      return writeSafetensors(
        new Map([
          ["w", w],
          ["z", z],
        ]),
        {},
      );
  }
}
