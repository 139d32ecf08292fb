// Where in an unpickled file the generator is: people keep it alone, in a dict, in a tuple, under prefixes, beside its optimiser.
// In: what unpickling gave, or the tensors of a safetensors file. Out: the network or its tensors. Nothing is converted here.
// Invariants: containers are looked into to a small depth; of several generators the averaged one is taken.
import type { Tensor } from "../../compiler/weights.js";
import { isDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import { moduleTensors } from "./network-object.js";
import { withoutPrefix, type StateDict } from "../formats/state-dict.js";
import { tensorsOf } from "../formats/torch-tensor.js";

export type FoundGenerator =
  /** An object with modules `mapping` and `synthesis`: stylegan2-ada-pytorch and its successors. */
  | { readonly kind: "network"; readonly network: PythonObject }
  /** The tensors of such a network of StyleGAN2. */
  | { readonly kind: "network-tensors"; readonly tensors: StateDict }
  /** The tensors of such a network of StyleGAN3. */
  | { readonly kind: "filtered-tensors"; readonly tensors: StateDict }
  /** The tensors of rosinality's code; the average w where the file has one: [wDim], or one such row a layer. */
  | { readonly kind: "rosinality"; readonly tensors: StateDict; readonly average: Tensor | undefined }
  /** A network of the first TensorFlow release. */
  | { readonly kind: "tensorflow"; readonly network: PythonObject };

/** A file keeps networks in a dict or a tuple, perhaps in another dict: deeper is something else. */
const MAX_DEPTH = 3;
/** Names of the averaged generator first, then of the trained one, then of what holds either. */
const PREFERRED = [/^G_?ema$/i, /ema/i, /^Gs$/, /^(G|netG)$/, /^g$/, /^(generator|decoder)$/i, /^state_dict$/];

/** The generator of a file; undefined if there is none. */
export function findGenerator(value: PickleValue): FoundGenerator | undefined {
  return search(value, 0, averageOf(value));
}

function search(value: PickleValue, depth: number, average: Tensor | undefined): FoundGenerator | undefined {
  const object = pythonObject(value);
  if (object !== undefined) return networkOf(object) ?? findInTensors(moduleTensors(object), average);
  const own = isDict(value) ? tensorsOf(value) : new Map<string, never>();
  const found = own.size > 0 ? findInTensors(own, average ?? averageOf(value)) : undefined;
  if (found !== undefined || depth === MAX_DEPTH) return found;
  for (const inner of contents(value)) {
    const within = search(inner, depth + 1, average ?? averageOf(value));
    if (within !== undefined) return within;
  }
  return undefined;
}

/** The generator among tensors by its layers' names, under whatever prefix they have; undefined if there is none. */
export function findInTensors(tensors: StateDict, average?: Tensor): FoundGenerator | undefined {
  const prefixOf = (ending: string): string | undefined =>
    best([...tensors.keys()].filter((name) => isAt(name, ending)).map((name) => name.slice(0, -ending.length)));
  const network = prefixOf("synthesis.b4.conv1.affine.weight");
  if (network !== undefined) return { kind: "network-tensors", tensors: withoutPrefix(tensors, network) };
  const filtered = prefixOf("synthesis.input.freqs");
  if (filtered !== undefined) return { kind: "filtered-tensors", tensors: withoutPrefix(tensors, filtered) };
  const layers = prefixOf("conv1.conv.modulation.weight");
  if (layers === undefined) return undefined;
  const own = withoutPrefix(tensors, layers);
  const beside = own.get("latent_avg") ?? own.get("mean_latent") ?? tensors.get("latent_avg");
  return { kind: "rosinality", tensors: own, average: average ?? beside?.read() };
}

/** Whether a name is that ending, or ends so behind a prefix of whole parts. */
function isAt(name: string, ending: string): boolean {
  return name === ending || name.endsWith(`.${ending}`);
}

/** Of several prefixes that of the averaged generator; of several such the shortest. */
function best(prefixes: readonly string[]): string | undefined {
  const rank = (prefix: string): number => rankOf(prefix.replace(/\.$/, "").replace(/^.*\./, ""));
  return [...prefixes].sort((a, b) => rank(a) - rank(b) || a.length - b.length)[0];
}

/** Values of a dict or a tuple, most promising first. Of a tuple the last: G, D, G_ema. */
function contents(value: PickleValue): readonly PickleValue[] {
  if (isDict(value)) {
    const named = [...value.entries].filter((entry): entry is [string, PickleValue] => typeof entry[0] === "string");
    return named.sort(([a], [b]) => rankOf(a) - rankOf(b)).map(([, inner]) => inner);
  }
  if (typeof value === "object" && (value?.kind === "tuple" || value?.kind === "list"))
    return value.items.slice(-MOST_ITEMS).reverse();
  return [];
}

/** A list of more networks than this is none. */
const MOST_ITEMS = 16;

function rankOf(name: string): number {
  const rank = PREFERRED.findIndex((pattern) => pattern.test(name));
  return rank === -1 ? PREFERRED.length : rank;
}

function networkOf(object: PythonObject, depth = 0): FoundGenerator | undefined {
  if (object.className === "Network") return { kind: "tensorflow", network: object };
  const modules = object.get("_modules");
  const inner = (name: string): PythonObject | undefined =>
    isDict(modules) ? pythonObject(modules.entries.get(name)) : undefined;
  if (inner("mapping") !== undefined && inner("synthesis") !== undefined) return { kind: "network", network: object };
  // What DataParallel wraps.
  const wrapped = inner("module");
  return wrapped === undefined || depth > 0 ? undefined : networkOf(wrapped, depth + 1);
}

/** The average w that a dict has beside its networks. */
function averageOf(value: PickleValue): Tensor | undefined {
  const beside = tensorsOf(value);
  return (beside.get("latent_avg") ?? beside.get("mean_latent"))?.read();
}
