// Attribute heads in the forms in which people have them: the LACE paper's files, dense layers of PyTorch, boundaries and directions
// of editors such as InterFaceGAN, linear models of scikit-learn.
// In: what a file holds. Out: dense layers with a logit for each class, or one number. Invariants: layers fit each other; what the file
// does not say is said to be assumed.
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
import { modelError } from "../model-error.js";
import { numpyArray } from "../formats/numpy-array.js";
import { isDict, type PickleDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import type { LazyTensor, StateDict } from "../formats/state-dict.js";
import { tensorsOf, TorchTensor } from "../formats/torch-tensor.js";
import { binaryLayer, readDenseNetwork, slicedOutputs, type Branch } from "./dense-layers.js";
import { lastLayerOf, readLaceHead } from "./lace-heads.js";
import { readLinearModel } from "./linear-models.js";
import { readModuleNetwork } from "./module-heads.js";

export type HeadKind = "lace-head" | "dense-head" | "boundary" | "scikit-learn";

/** A head of a file that holds nothing else. */
export interface HeadCheckpoint {
  readonly kind: HeadKind;
  readonly layers: HeadWeights["layers"];
  /** Of a network with outputs for several attributes, what leads to each from `layers`, which all share and which may be none. */
  readonly branches?: readonly Branch[];
  /** Names of its classes, where the file has them. */
  readonly classes?: readonly string[];
  /** Of the leaky ReLU between dense layers, where the file says it. */
  readonly slope?: number;
  /** Sentences: what was assumed because the file does not have it. */
  readonly assumed: readonly string[];
}

/** A file keeps a head in a dict, perhaps in another one. */
const MAX_DEPTH = 2;

/** The head of an unpickled file; undefined if it holds none. Errors LaceError L5106, L5107. */
export function findHead(value: PickleValue, file: string, depth = 0): HeadCheckpoint | undefined {
  const object = pythonObject(value);
  if (object !== undefined) return objectHead(object, file);
  if (depth === 0) {
    const tensor = typeof value === "object" && value?.kind === "opaque" ? value.value : undefined;
    if (tensor instanceof TorchTensor) return boundaryHead(tensor, file);
    const array = numpyArray(value);
    if (array !== undefined) return boundaryHead(array, file);
  }
  if (!isDict(value)) return undefined;
  const stored = tensorsOf(value.entries.get("state_dict"));
  if (lastLayerOf(stored) !== undefined)
    return { kind: "lace-head", layers: readLaceHead(value, "head", file).layers, assumed: [] };
  const own = denseHead(tensorsOf(value), file) ?? directions(value, file) ?? modelsByName(value, file);
  if (own !== undefined || depth === MAX_DEPTH || isOfGenerator(value)) return own;
  for (const [name, inner] of value.entries) {
    // Optimisers keep tensors as large as the weights.
    if (typeof name === "string" && /optim|sched/i.test(name)) continue;
    const found = isDict(inner) || pythonObject(inner) !== undefined ? findHead(inner, file, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a dict has an average latent: what is in it are parts of a generator, whose mapping is dense too. */
function isOfGenerator({ entries }: PickleDict): boolean {
  return entries.has("mean_latent") || entries.has("latent_avg");
}

/** A linear model of scikit-learn, or a network of PyTorch as an object. */
function objectHead(object: PythonObject, file: string): HeadCheckpoint | undefined {
  const linear = readLinearModel(object, file);
  if (linear !== undefined) return { kind: "scikit-learn", ...linear };
  const network = readModuleNetwork(object, file);
  if (network === undefined) return undefined;
  const { slope, ...rest } = network;
  return { kind: "dense-head", ...rest, ...(slope !== undefined && { slope }) };
}

/** Normals [d] by the names of their attributes. */
function directions(value: PickleDict, file: string): HeadCheckpoint | undefined {
  const tensors = [...value.entries].map(([name, inner]) => [name, arrayOf(inner)] as const);
  const found = tensors.flatMap(([name, tensor]) =>
    typeof name === "string" && tensor !== undefined && !NO_DIRECTIONS.test(name) ? [{ name, tensor }] : [],
  );
  const [first] = found;
  if (first === undefined || found.length < tensors.length) return undefined;
  const sizes = found.map(({ tensor }) => tensor.shape.reduce((a, b) => a * b, 1));
  if (sizes.some((n) => n !== sizes[0] || n < LEAST_LATENT)) return undefined;
  if (found.some(({ tensor }) => tensor.shape.at(-1) !== sizes[0])) return undefined;
  const heads = found.map(({ name, tensor }) => ({ name, ...boundaryHead(tensor, file) }));
  const [only] = heads;
  if (heads.length === 1 && only !== undefined) return { kind: "boundary", layers: only.layers, assumed: only.assumed };
  return { kind: "boundary", layers: [], branches: heads, assumed: heads[0]?.assumed ?? [] };
}

/** Vectors that are kept beside weights, and no attributes. */
const NO_DIRECTIONS = /weight|bias|avg|average|mean|std|var|latent|noise|freq|phase/i;
/** Numbers of the shortest latent that has directions in dicts. */
const LEAST_LATENT = 8;

function arrayOf(value: PickleValue): LazyTensor | undefined {
  const tensor = typeof value === "object" && value?.kind === "opaque" ? value.value : undefined;
  return tensor instanceof TorchTensor ? tensor : numpyArray(value);
}

/** Linear models by the names of their attributes. */
function modelsByName(value: PickleDict, file: string): HeadCheckpoint | undefined {
  const found = [...value.entries].flatMap(([name, inner]) => {
    const object = pythonObject(inner);
    const model = object === undefined ? undefined : readLinearModel(object, file);
    return typeof name === "string" && model !== undefined ? [{ name, ...model }] : [];
  });
  const [only] = found;
  if (only === undefined || found.length < value.entries.size) return undefined;
  const assumed = [...new Set(found.flatMap((model) => model.assumed))];
  if (found.length === 1) return { kind: "scikit-learn", ...only };
  return { kind: "scikit-learn", layers: [], branches: found, assumed };
}

/** Dense layers alone, as readDenseNetwork finds them; leaky ReLU 0.2 between them. Errors LaceError L5106, L5107. */
export function denseHead(tensors: StateDict, file: string): HeadCheckpoint | undefined {
  const network = readDenseNetwork(tensors, file);
  return network === undefined ? undefined : { kind: "dense-head", ...network };
}

/** One of the heads of a file, and what the file calls it, where it does. */
export interface NamedHead {
  readonly name?: string;
  readonly head: HeadCheckpoint;
  /** Whether it is one of several outputs, which is the logit of yes unless somebody says that it is a number. */
  readonly isLogit: boolean;
}

/** Of outputs 3 to 5: `3:6`. */
const OUTPUTS = /^(\d+)(?::(\d+))?$/;

/**
 * The heads of a file: all, the branch called `output`, or the outputs with these numbers (from 0): `3`, or `3:6` for 3 to 5.
 * Errors   LaceError L5107 if there is no such output, with those that there are.
 */
export function chosenHeads(head: HeadCheckpoint, output: string | undefined, file: string): readonly NamedHead[] {
  const { branches = [], ...rest } = head;
  const whole = branches.map(({ name, layers, classes }) => ({
    ...{ name, isLogit: false },
    head: { ...rest, layers: [...rest.layers, ...layers], ...(classes && { classes }) },
  }));
  if (output === undefined) return whole.length === 0 ? [{ head: rest, isLogit: false }] : whole;
  const branch = whole.find(({ name }) => name === output || plain(name) === output);
  if (branch !== undefined) return [branch];
  const outputs = rest.layers.at(-1)?.bias.data.length ?? 0;
  const [, first = "NaN", end] = OUTPUTS.exec(output) ?? [];
  const [from, to] = [Number(first), end === undefined ? Number(first) + 1 : Number(end)];
  if (whole.length > 0 || !(from < to && to <= outputs))
    throw modelError("L5107", file, `it has no output \`${output}\``, [
      whole.length > 0
        ? `it has: ${whole.map(({ name }) => name).join(", ")}`
        : `it has outputs 0 to ${outputs - 1}: FILE#3 is one of them, FILE#3:6 are 3 to 5`,
    ]);
  return [{ head: { ...rest, layers: slicedOutputs(rest.layers, from, to) }, isLogit: to - from === 1 }];
}

/** A branch's name without what says that it is one: `fc_glasses` is glasses. */
function plain(name: string): string {
  return name
    .replace(/^(fc|head|classifier|cls|output|out)_(?=[A-Za-z])/, "")
    .replace(/_(fc|head|classifier|cls|output|out)$/, "");
}

/** A head with one output as the two logits of a binary attribute: p(yes) = sigmoid of it. */
export function asBinary(head: HeadCheckpoint): HeadCheckpoint {
  const last = head.layers.at(-1);
  if (last?.bias.data.length !== 1) return head;
  const assumed = [...head.assumed, "its one output is the logit of yes"];
  return {
    ...head,
    layers: [...head.layers.slice(0, -1), binaryLayer(last.weight.data, last.bias.data[0] ?? 0)],
    assumed,
  };
}

/**
 * A normal [d] or [1, d], as boundaries and directions are kept: binary, its logit the distance from the boundary through zero.
 * Errors   LaceError L5107 if it has another shape.
 */
export function boundaryHead(tensor: LazyTensor, file: string): HeadCheckpoint {
  const { shape, data } = tensor.read();
  const width = Math.max(0, ...shape);
  if (width === 0 || data.length !== width)
    throw modelError(
      "L5107",
      file,
      `an array of shape [${shape.join(", ")}] is no boundary: it would be [d] or [1, d]`,
    );
  return {
    kind: "boundary",
    layers: [binaryLayer(data, 0)],
    assumed: ["the logit is the distance from the boundary through zero: --slope says how sure a unit of it is"],
  };
}

/**
 * A dense head whose layers have another leaky ReLU between them, as one with 0.2, exactly:
 *
 *   lrelu_s(x) = a lrelu_0.2(x) + b lrelu_0.2(-x),   b = (0.2 - s) / 0.96,   a = 1 + 0.2 b
 *
 * Shapes   hidden layers become twice as wide. `s` is 0 for ReLU, 1 for none.
 */
export function withActivation(head: HeadCheckpoint, s: number): HeadCheckpoint {
  if (head.kind !== "dense-head" || head.layers.length < 2) return head;
  const said = s === 1 ? "nothing between the layers" : s === 0 ? "ReLU" : `leaky ReLU of slope ${s}`;
  const others = head.assumed.filter((what) => !what.startsWith("leaky ReLU"));
  const written = `${said}, as was said, written as leaky ReLU of slope ${LEAKY} of twice the width`;
  const assumed = s === LEAKY ? others : [...others, written];
  if (s === LEAKY) return { ...head, assumed };
  const b = (LEAKY - s) / (1 - LEAKY ** 2);
  const a = 1 + LEAKY * b;
  const last = head.layers.length - 1;
  const layers = head.layers.map(({ weight, bias }, k) => {
    const inputs = k === 0 ? weight : beside(weight, a, b);
    return k === last ? { weight: inputs, bias } : { weight: below(inputs), bias: below(bias) };
  });
  return { ...head, layers, assumed };
}

const LEAKY = 0.2;

/** [out, in] -> [out, 2 in]: the matrix times a, and beside it times b. */
function beside({ shape: [out = 0, inputs = 0], data }: Tensor, a: number, b: number): Tensor {
  const wide = new Float32Array(2 * data.length);
  for (let o = 0; o < out; o++) {
    const row = data.subarray(o * inputs, (o + 1) * inputs);
    wide.set(
      row.map((v) => a * v),
      2 * o * inputs,
    );
    wide.set(
      row.map((v) => b * v),
      (2 * o + 1) * inputs,
    );
  }
  return { shape: [out, 2 * inputs], data: wide };
}

/** [n, ...] -> [2n, ...]: the rows, and below them their negatives. */
function below({ shape: [n = 0, ...rest], data }: Tensor): Tensor {
  const tall = new Float32Array(2 * data.length);
  tall.set(data);
  tall.set(
    data.map((v) => -v),
    data.length,
  );
  return { shape: [2 * n, ...rest], data: tall };
}

/** The head with logits `slope` times as steep: how sure it is of what it sees. */
export function withSlope(head: HeadCheckpoint, slope: number): HeadCheckpoint {
  const last = head.layers.at(-1);
  if (last === undefined || slope === 1) return head;
  const scaled = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map((v) => v * slope) });
  const layers = [...head.layers.slice(0, -1), { weight: scaled(last.weight), bias: scaled(last.bias) }];
  return { ...head, layers };
}
