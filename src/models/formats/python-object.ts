// Objects of classes that lacec knows by name only: their state is kept as plain data, their methods are not there.
// In: names in a pickle. Out: PythonObject. Invariants: the source that some of these pickles embed is never looked at.
import {
  isDict,
  newDict,
  type AllowList,
  type PickleDict,
  type PickleValue,
  type Reconstruction,
} from "./pickle-value.js";

export class PythonObject {
  state: PickleDict = newDict();
  constructor(readonly className: string) {}

  /** A field of its state. */
  get(name: string): PickleValue | undefined {
    return this.state.entries.get(name);
  }
}

/** A class whose objects are made without arguments and then given a dict of state. */
function plainClass(className: string): Reconstruction {
  return {
    call() {
      const value = new PythonObject(className);
      return {
        kind: "opaque",
        value,
        build(state, fail) {
          if (!isDict(state)) throw fail(`an object of ${className} without a dict of state`);
          value.state = state;
        },
      };
    },
  };
}

/** torch_utils.persistence: one dict with the class's name, its source (ignored) and the object's state. */
const persistent: Reconstruction = {
  call(args, fail) {
    const [meta] = args;
    if (!isDict(meta)) throw fail("a persistent object without a description");
    const [className, state] = [meta.entries.get("class_name"), meta.entries.get("state")];
    if (typeof className !== "string" || !isDict(state)) throw fail("a persistent object without a class or state");
    const value = new PythonObject(className);
    value.state = state;
    return { kind: "opaque", value };
  },
};

/** Names of the code that StyleGAN2 checkpoints were pickled with. */
export const STYLEGAN_NAMES: AllowList = new Map<string, Reconstruction>([
  ["torch_utils.persistence._reconstruct_persistent_obj", persistent],
  ["dnnlib.util.EasyDict", { call: newDict }],
  ["dnnlib.EasyDict", { call: newDict }],
  ["dnnlib.tflib.network.Network", plainClass("Network")],
]);

/** A value that nobody looks at: a device, a path. Whatever state it is given is dropped. */
const ignored: Reconstruction = {
  call() {
    return { kind: "opaque", value: {}, build: () => undefined };
  },
};

/** A set, frozen or not. */
const set: Reconstruction = {
  call([items]) {
    const list = typeof items === "object" && items?.kind === "list" ? items.items : [];
    return { kind: "tuple", items: list };
  },
};

const NUMBER_TYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"];

/** Names of plain data that people keep beside their networks. What they make is ignored. */
export const PLAIN_NAMES: AllowList = new Map<string, Reconstruction>([
  ["argparse.Namespace", plainClass("Namespace")],
  ["torch.device", ignored],
  ["torch.Size", ignored],
  ["torch.serialization._get_layout", ignored],
  ["pathlib.Path", ignored],
  ["pathlib.PosixPath", ignored],
  ["pathlib.WindowsPath", ignored],
  ["pathlib.PurePosixPath", ignored],
  ["builtins.set", set],
  ["__builtin__.set", set],
  ...NUMBER_TYPES.map((name): [string, Reconstruction] => [`torch.${name}`, {}]),
]);

/** Linear models of scikit-learn, under the names of their modules since 0.22 and before. */
export const SKLEARN_NAMES: AllowList = new Map<string, Reconstruction>(
  (
    [
      ["linear_model", ["_logistic", "logistic"], ["LogisticRegression", "LogisticRegressionCV"]],
      ["linear_model", ["_ridge", "ridge"], ["Ridge", "RidgeCV", "RidgeClassifier"]],
      ["linear_model", ["_base", "base"], ["LinearRegression"]],
      ["svm", ["_classes", "classes"], ["LinearSVC", "SVC"]],
    ] as const
  ).flatMap(([module, files, classes]) =>
    files.flatMap((name) =>
      classes.map((c): [string, Reconstruction] => [`sklearn.${module}.${name}.${c}`, plainClass(c)]),
    ),
  ),
);

/** The object of a value; undefined if it is none. */
export function pythonObject(value: PickleValue | undefined): PythonObject | undefined {
  return typeof value === "object" && value?.kind === "opaque" && value.value instanceof PythonObject
    ? value.value
    : undefined;
}
