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
  // Settings that trainers keep: dicts by another name, and the trees of omegaconf.
  ...[
    ...["pytorch_lightning.utilities.parsing", "lightning.pytorch.utilities.parsing"],
    ...["lightning_fabric.utilities.data", "lightning.fabric.utilities.data"],
  ].map((module): [string, Reconstruction] => [`${module}.AttributeDict`, { call: newDict }]),
  ...["easydict.EasyDict", "munch.Munch", "addict.addict.Dict", "yacs.config.CfgNode"].map(
    (name): [string, Reconstruction] => [name, { call: newDict }],
  ),
  ...[
    ...["omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig", "omegaconf.base.ContainerMetadata"],
    ...["omegaconf.base.Metadata", "types.SimpleNamespace"],
    ...["AnyNode", "StringNode", "IntegerNode", "FloatNode", "BooleanNode", "PathNode", "EnumNode"].map(
      (node) => `omegaconf.nodes.${node}`,
    ),
  ].map((name): [string, Reconstruction] => [name, ignored]),
  ...["Any", "Dict", "List", "Union", "Optional"].map((name): [string, Reconstruction] => [`typing.${name}`, {}]),
  ["collections.defaultdict", { call: newDict }],
  ...["dict", "list", "int", "float", "str", "bool"].flatMap((name): [string, Reconstruction][] => [
    [`builtins.${name}`, {}],
    [`__builtin__.${name}`, {}],
  ]),
  ...NUMBER_TYPES.map((name): [string, Reconstruction] => [`torch.${name}`, {}]),
]);

/** Linear models of scikit-learn, under the names of their modules since 0.22 and before. */
export const SKLEARN_NAMES: AllowList = new Map<string, Reconstruction>([
  ...(
    [
      ["linear_model", ["_logistic", "logistic"], ["LogisticRegression", "LogisticRegressionCV"]],
      ["linear_model", ["_ridge", "ridge"], ["Ridge", "RidgeCV", "RidgeClassifier", "RidgeClassifierCV"]],
      ["linear_model", ["_base", "base"], ["LinearRegression"]],
      ["linear_model", ["_stochastic_gradient", "stochastic_gradient"], ["SGDClassifier", "SGDRegressor"]],
      ["linear_model", ["_perceptron", "perceptron"], ["Perceptron"]],
      ["linear_model", ["_passive_aggressive", "passive_aggressive"], ["PassiveAggressiveClassifier"]],
      [
        "linear_model",
        ["_coordinate_descent", "coordinate_descent"],
        ["Lasso", "LassoCV", "ElasticNet", "ElasticNetCV"],
      ],
      ["linear_model", ["_bayes", "bayes"], ["BayesianRidge"]],
      ["linear_model", ["_huber", "huber"], ["HuberRegressor"]],
      ["svm", ["_classes", "classes"], ["LinearSVC", "LinearSVR", "SVC"]],
      [
        "preprocessing",
        ["_data", "data"],
        ["StandardScaler", "RobustScaler", "MinMaxScaler", "MaxAbsScaler", "Normalizer"],
      ],
      ["preprocessing", ["_label", "label"], ["LabelBinarizer"]],
      ["decomposition", ["_pca", "pca"], ["PCA"]],
    ] as const
  ).flatMap(([module, files, classes]) =>
    files.flatMap((name) =>
      classes.map((c): [string, Reconstruction] => [`sklearn.${module}.${name}.${c}`, plainClass(c)]),
    ),
  ),
  ["sklearn.pipeline.Pipeline", plainClass("Pipeline")],
  ["sklearn.discriminant_analysis.LinearDiscriminantAnalysis", plainClass("LinearDiscriminantAnalysis")],
  // Losses, which nothing here looks at.
  ...["Hinge", "SquaredHinge", "Log", "ModifiedHuber", "SquaredLoss", "Huber", "EpsilonInsensitive"].map(
    (c): [string, Reconstruction] => [`sklearn.linear_model._sgd_fast.${c}`, ignored],
  ),
]);

/** Modules of PyTorch in networks that torch.save wrote whole. */
const TORCH_MODULES: readonly (readonly [string, readonly string[]])[] = [
  ["torch.nn.modules.module", ["Module"]],
  ["torch.nn.modules.linear", ["Linear", "Identity"]],
  ["torch.nn.modules.container", ["Sequential", "ModuleList", "ModuleDict"]],
  [
    "torch.nn.modules.activation",
    ["ReLU", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax"],
  ],
  ["torch.nn.modules.dropout", ["Dropout"]],
  ["torch.nn.modules.batchnorm", ["BatchNorm1d", "BatchNorm2d"]],
  ["torch.nn.modules.normalization", ["LayerNorm"]],
  ["torch.nn.modules.flatten", ["Flatten"]],
  ["torch.nn.modules.conv", ["Conv2d"]],
  ["torch.nn.parallel.data_parallel", ["DataParallel"]],
  ["torch.nn.parallel.distributed", ["DistributedDataParallel"]],
];
/** Classes of rosinality's generator and what they are built of, by the modules that people keep its code in. */
const ROSINALITY_CLASSES = [
  ...["Generator", "Discriminator", "PixelNorm", "EqualLinear", "EqualConv2d", "ConstantInput", "StyledConv"],
  ...["ModulatedConv2d", "NoiseInjection", "ToRGB", "Upsample", "Downsample", "Blur", "ConvLayer", "ResBlock"],
];
const ROSINALITY_MODULES = ["model", "stylegan2.model", "models.stylegan2.model", "models.model"];
const ROSINALITY_OPS = [
  "op.fused_act",
  "stylegan2.op.fused_act",
  "models.stylegan2.op.fused_act",
  "models.op.fused_act",
];

/** Names of networks that torch.save wrote whole: their tensors are read, their code is not there. */
export const MODULE_NAMES: AllowList = new Map<string, Reconstruction>([
  ...[
    ...TORCH_MODULES,
    ...ROSINALITY_MODULES.map((module) => [module, ROSINALITY_CLASSES] as const),
    ...ROSINALITY_OPS.map((module) => [module, ["FusedLeakyReLU"]] as const),
  ].flatMap(([module, classes]) => classes.map((c): [string, Reconstruction] => [`${module}.${c}`, plainClass(c)])),
]);

/** The object of a value; undefined if it is none. */
export function pythonObject(value: PickleValue | undefined): PythonObject | undefined {
  return typeof value === "object" && value?.kind === "opaque" && value.value instanceof PythonObject
    ? value.value
    : undefined;
}
