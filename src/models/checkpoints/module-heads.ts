// Dense networks that torch.save wrote whole: Linear and Sequential of PyTorch as objects, which say what is between their layers.
// In: unpickled objects. Out: layers, and the slope of their activation. Invariant: a module that does something else is refused by its name.
import { isDict } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import { modelError } from "../model-error.js";
import { readDenseNetwork, type DenseNetwork } from "./dense-layers.js";
import { networkTensors } from "./network-object.js";

export interface ModuleNetwork extends DenseNetwork {
  /** Of the leaky ReLU between the layers: 0 ReLU, 1 nothing; undefined where no module says it. */
  readonly slope: number | undefined;
}

/** Modules that do nothing in a trained network, or hold others. */
const PASSES: ReadonlySet<string> = new Set([
  ...["Linear", "Conv2d", "Sequential", "ModuleList", "ModuleDict", "BatchNorm1d", "BatchNorm2d"],
  ...["Dropout", "Identity", "Flatten", "DataParallel", "DistributedDataParallel"],
]);
/** What may come last: it makes probabilities of logits. */
const ENDS: ReadonlySet<string> = new Set(["Sigmoid", "Softmax", "LogSoftmax"]);

/** The dense layers of a module; undefined if it has none. Errors LaceError L5106, L5107. */
export function readModuleNetwork(object: PythonObject, file: string): ModuleNetwork | undefined {
  if (!isDict(object.get("_modules"))) return undefined;
  const network = readDenseNetwork(networkTensors(object, file).stored, file);
  if (network === undefined) return undefined;
  const modules = modulesIn(object);
  const slopes = new Set<number>();
  modules.forEach((module, k) => {
    const { className } = module;
    if (className === "ReLU") slopes.add(0);
    else if (className === "LeakyReLU") slopes.add(slopeOf(module));
    else if (!PASSES.has(className) && !(ENDS.has(className) && k === modules.length - 1))
      throw modelError("L5107", file, `it has a ${className} between its layers, and heads have ReLU or leaky ReLU`);
  });
  if (slopes.size > 1) throw modelError("L5107", file, "its activations are not all the same");
  const isKnown = modules.every(({ className }) => className !== "ModuleList" && className !== "ModuleDict");
  const [slope = isKnown ? 1 : undefined] = slopes;
  return { ...network, slope };
}

function slopeOf(module: PythonObject): number {
  const slope = module.get("negative_slope");
  return typeof slope === "number" ? slope : 0.01;
}

/** Modules nest a few times; deeper is no head. */
const MAX_DEPTH = 8;

/** Of a module and those inside it, in order; each once. */
function modulesIn(object: PythonObject, seen = new Set<PythonObject>(), depth = 0): readonly PythonObject[] {
  if (seen.has(object) || depth > MAX_DEPTH) return [];
  seen.add(object);
  const inner = object.get("_modules");
  const within = isDict(inner) ? [...inner.entries.values()].flatMap((value) => pythonObject(value) ?? []) : [];
  return [object, ...within.flatMap((module) => modulesIn(module, seen, depth + 1))];
}
