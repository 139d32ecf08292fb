// A pickled network object of the StyleGAN family in PyTorch: modules in modules, with parameters, buffers and plain fields.
// In: what unpickling gave. Out: modules by name, sizes, all tensors. Nothing of it is run.
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import { isCount, isDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import type { StateDict } from "../formats/state-dict.js";
import { nameOther } from "./name-others.js";
import { checkSharing, tensorsOf, type TorchTensor } from "../formats/torch-tensor.js";
import { TensorSource } from "../pack/pack-weights.js";

/** Modules nest network, block, layer; deeper is a loop. */
const MAX_DEPTH = 8;

/** The error of a network that is not as its family's are. */
export function unlike(file: string, what: string): LaceError {
  return modelError("L5107", file, `not a StyleGAN checkpoint that lacec can read: ${what}`);
}

/** A module inside another. Errors LaceError L5107 if there is none of that name. */
export function moduleOf(parent: PythonObject, name: string, file: string): PythonObject {
  const modules = parent.get("_modules");
  const found = isDict(modules) ? pythonObject(modules.entries.get(name)) : undefined;
  if (found === undefined) throw unlike(file, `the module '${name}' is missing`);
  return found;
}

/** A size that a module keeps as a field, 1 to 8192. Errors LaceError L5107. */
export function count(module: PythonObject, name: string, file: string): number {
  const value = module.get(name);
  if (!isCount(value) || value === 0 || value > 8192) throw unlike(file, `'${name}' is no size`);
  return value;
}

/** A number above 0. */
export function numberOf(value: PickleValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** Parameters and buffers of a network by their dotted names, and a source that reads them. Errors LaceError L5106 if they share more bytes than the file has. */
export function networkTensors(
  network: PythonObject,
  file: string,
): { readonly stored: StateDict; readonly source: TensorSource } {
  const stored = moduleTensors(network);
  checkSharing(stored, file);
  const source = new TensorSource(file, (name) => stored.get(name)?.read(), new Set(stored.keys()));
  return { stored, source };
}

/** Parameters and buffers by their dotted names, whoever checks that they do not share. */
export function moduleTensors(network: PythonObject): StateDict {
  const stored = new Map<string, TorchTensor>();
  collect(network, "", new Set(), stored);
  return stored;
}

/** Of a module and those inside it. Each module once: a loop ends. */
function collect(module: PythonObject, prefix: string, seen: Set<PythonObject>, into: Map<string, TorchTensor>): void {
  if (seen.has(module)) return;
  seen.add(module);
  for (const kind of ["_parameters", "_buffers"]) {
    for (const [name, tensor] of tensorsOf(module.get(kind))) into.set(prefix + name, tensor);
  }
  const modules = module.get("_modules");
  // A network, its blocks, their layers: what lies deeper is no part of a generator.
  if (prefix.split(".").length > MAX_DEPTH) return;
  for (const [name, value] of isDict(modules) ? modules.entries : []) {
    const inner = pythonObject(value);
    if (typeof name === "string" && inner !== undefined) collect(inner, `${prefix}${name}.`, seen, into);
  }
}

/** Networks of other families have the same outside. Errors LaceError L5107 that names them. */
export function refuseOthers(generator: PythonObject, file: string): void {
  const synthesis = moduleOf(generator, "synthesis", file);
  const modules = synthesis.get("_modules");
  const inner = isDict(modules) ? [...modules.entries.keys()].filter((name) => typeof name === "string") : [];
  const names = [generator.className, synthesis.className, ...inner.map((name) => `synthesis.${name}.`)];
  const other = nameOther(names);
  if (other !== undefined) throw modelError("L5107", file, other.what, [other.hint]);
}
