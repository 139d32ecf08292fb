// Attribute heads in the forms in which people have them: the LACE paper's files, dense layers of PyTorch, boundaries and directions
// of editors such as InterFaceGAN, linear models of scikit-learn.
// In: what a file holds. Out: dense layers with a logit for each class, or one number. Invariants: layers fit each other; what the file
// does not say is said to be assumed.
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
import { modelError } from "../model-error.js";
import { numpyArray } from "../formats/numpy-array.js";
import { isDict, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import type { LazyTensor, StateDict } from "../formats/state-dict.js";
import { checkSharing, tensorsOf, TorchTensor } from "../formats/torch-tensor.js";
import { nameOther } from "./name-others.js";
import { dense, lastLayerOf, readLaceHead } from "./lace-heads.js";

export type HeadKind = "lace-head" | "dense-head" | "boundary" | "scikit-learn";

/** A head of a file that holds nothing else. */
export interface HeadCheckpoint {
  readonly kind: HeadKind;
  readonly layers: HeadWeights["layers"];
  /** Names of its classes, where the file has them. */
  readonly classes?: readonly string[];
  /** Sentences: what was assumed because the file does not have it. */
  readonly assumed: readonly string[];
}

/** The head of an unpickled file; undefined if it holds none. Errors LaceError L5106, L5107. */
export function findHead(value: PickleValue, file: string): HeadCheckpoint | undefined {
  const object = pythonObject(value);
  if (object !== undefined) return linearModel(object, file);
  if (typeof value === "object" && value?.kind === "opaque" && value.value instanceof TorchTensor)
    return boundaryHead(value.value, file);
  const array = numpyArray(value);
  if (array !== undefined) return boundaryHead(array, file);
  if (!isDict(value)) return undefined;
  const stored = tensorsOf(value.entries.get("state_dict"));
  if (lastLayerOf(stored) !== undefined)
    return { kind: "lace-head", layers: readLaceHead(value, "head", file).layers, assumed: [] };
  return denseHead(tensorsOf(value), file) ?? denseHead(stored, file);
}

/** A prefix, the number of a layer, its part. */
const LAYER = /^((?:.*?\.)??)(?:(\d+)\.)?(?:weight|bias)$/;

/**
 * Dense layers alone: `weight`, `bias` of torch's Linear, or `N.weight`, `N.bias` of a Sequential, under any prefix; leaky ReLU 0.2
 * between them. A layer without a bias (`bias=False`) has one of zeros. Undefined if other tensors are among them.
 * Errors   LaceError L5106 for shared storages, L5107 if the layers do not fit each other.
 */
export function denseHead(tensors: StateDict, file: string): HeadCheckpoint | undefined {
  const names = [...tensors.keys()];
  const prefixes = new Set(names.map((name) => LAYER.exec(name)?.[1]));
  const [prefix] = prefixes;
  if (prefix === undefined || prefixes.size > 1) return undefined;
  const weights = names.filter((name) => name.endsWith("weight"));
  if (weights.length === 0 || weights.some((name) => (tensors.get(name)?.shape.length ?? 0) < 2)) return undefined;
  // Matrices without biases are often of something else that has a name, such as a LoRA.
  const lacksBias = weights.some((name) => !tensors.has(name.replace(/weight$/, "bias")));
  if (lacksBias && nameOther(names) !== undefined) return undefined;
  checkSharing(tensors, file);
  const whole = withBiases(tensors, weights);
  const order = weights.map((name) => LAYER.exec(name)?.[2]).map((n) => (n === undefined ? -1 : Number(n)));
  let width: number | undefined;
  const layers = [...order]
    .sort((a, b) => a - b)
    .map((n) => {
      const layer = dense(whole, n === -1 ? prefix.replace(/\.$/, "") : `${prefix}${n}`, width, file);
      width = layer.weight.shape[0];
      return layer;
    });
  const assumed = layers.length > 1 ? ["leaky ReLU of slope 0.2 between the layers"] : [];
  return { kind: "dense-head", layers, assumed };
}

/** The tensors, and zeros as the bias of each weight that has none. */
function withBiases(tensors: StateDict, weights: readonly string[]): StateDict {
  const whole = new Map(tensors);
  for (const name of weights) {
    const bias = name.replace(/weight$/, "bias");
    const shape = [tensors.get(name)?.shape[0] ?? 0];
    if (!whole.has(bias)) whole.set(bias, { shape, read: () => ({ shape, data: new Float32Array(shape[0] ?? 0) }) });
  }
  return whole;
}

/**
 * A normal [d] or [1, d], as boundaries and directions are kept: binary, its logit the distance from the boundary through zero.
 * Errors   LaceError L5107 if it has another shape.
 */
export function boundaryHead(tensor: LazyTensor, file: string): HeadCheckpoint {
  const { shape, data } = tensor.read();
  const width = shape.at(-1) ?? 0;
  if (width === 0 || data.length !== width)
    throw modelError(
      "L5107",
      file,
      `an array of shape [${shape.join(", ")}] is no boundary: it would be [d] or [1, d]`,
    );
  return {
    kind: "boundary",
    layers: [binary(data, 0)],
    assumed: ["the logit is the distance from the boundary through zero: --slope says how sure a unit of it is"],
  };
}

/** A logit against zero: p(yes) = sigmoid(weight x + bias). */
function binary(weight: Float32Array, bias: number): HeadWeights["layers"][number] {
  const rows = new Float32Array(2 * weight.length);
  rows.set(weight, weight.length);
  return { weight: { shape: [2, weight.length], data: rows }, bias: { shape: [2], data: Float32Array.of(0, bias) } };
}

/** Linear models: `coef_` [classes or 1, d], `intercept_`, and `classes_` of classifiers. */
function linearModel(object: PythonObject, file: string): HeadCheckpoint | undefined {
  const coefficients = numpyArray(object.get("coef_"))?.read();
  if (coefficients === undefined) return undefined;
  const width = coefficients.shape.at(-1) ?? 0;
  const rows = width === 0 ? 0 : coefficients.data.length / width;
  const intercept = interceptOf(object.get("intercept_"), rows);
  if (rows === 0 || coefficients.shape.length > 2 || intercept === undefined)
    throw modelError("L5107", file, `its coefficients have shape [${coefficients.shape.join(", ")}]`);
  const assumed = MARGINS.has(object.className)
    ? [`the logit is the margin of ${object.className}, which is no probability: --slope says how sure a unit of it is`]
    : [];
  const labels = object.get("classes_");
  if (labels === undefined) {
    const layer = { weight: { shape: [rows, width], data: coefficients.data }, bias: intercept };
    return { kind: "scikit-learn", layers: [layer], assumed };
  }
  const classes = (numpyArray(labels)?.labels() ?? []).map(className);
  if (rows === 1) return { kind: "scikit-learn", layers: [binary(coefficients.data, intercept.data[0] ?? 0)], assumed };
  if (classes.length !== rows) throw modelError("L5107", file, `it has ${rows} rows for ${classes.length} classes`);
  const layer = { weight: { shape: [rows, width], data: coefficients.data }, bias: intercept };
  return { kind: "scikit-learn", layers: [layer], classes, assumed };
}

/** Classifiers whose score is a margin. */
const MARGINS: ReadonlySet<string> = new Set(["LinearSVC", "SVC", "RidgeClassifier"]);

function interceptOf(value: PickleValue | undefined, rows: number): Tensor | undefined {
  const data = typeof value === "number" ? Float32Array.of(value) : numpyArray(value)?.read().data;
  if (data === undefined || (data.length !== rows && data.length !== 1)) return undefined;
  return { shape: [rows], data: data.length === rows ? data : new Float32Array(rows).fill(data[0] ?? 0) };
}

/** A label as the name of a class: letters, digits and _, a letter first. */
function className(label: string): string {
  const name = label.replace(/[^A-Za-z0-9_]/g, "_").slice(0, 64);
  return /^[A-Za-z_]/.test(name) ? name : `class_${name}`.slice(0, 64);
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
  const assumed =
    s === LEAKY ? [] : [`${said}, as was said, written as leaky ReLU of slope ${LEAKY} of twice the width`];
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
