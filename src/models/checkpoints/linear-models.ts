// Linear models of scikit-learn as heads: classifiers, margins, regressions, behind scalers in a pipeline.
// In: unpickled objects. Out: one dense layer with a logit for each class, or one number. Invariant: what is not linear in the latent is refused by its name.
import type { Tensor } from "../../compiler/weights.js";
import { modelError } from "../model-error.js";
import { numpyArray } from "../formats/numpy-array.js";
import { isTuple, type PickleValue } from "../formats/pickle-value.js";
import { pythonObject, type PythonObject } from "../formats/python-object.js";
import { binaryLayer, foldedBehind, type Affine, type DenseLayers } from "./dense-layers.js";

export interface LinearModel {
  readonly layers: DenseLayers;
  /** Names of its classes, of three and more. */
  readonly classes?: readonly string[];
  readonly assumed: readonly string[];
}

/** Classifiers whose score is a margin. */
const MARGINS: ReadonlySet<string> = new Set([
  ...["LinearSVC", "SVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron", "PassiveAggressiveClassifier"],
]);

/**
 * A linear model, or a pipeline that ends in one: `coef_` [classes or 1, d], `intercept_`, and `classes_` of classifiers. Undefined if it is none.
 * Errors   LaceError L5107 for a part that is not linear, and parts that do not fit each other.
 */
export function readLinearModel(object: PythonObject, file: string): LinearModel | undefined {
  const steps = stepsOf(object);
  if (steps === undefined) return modelOf(object, file);
  const last = steps.at(-1);
  const found = last === undefined ? undefined : modelOf(last, file);
  if (found === undefined) throw modelError("L5107", file, "its pipeline does not end in a linear model");
  // From the last to the first: each is behind what comes before it.
  const layers = steps.slice(0, -1).reduceRight<DenseLayers>((behind, step) => {
    const [layer] = behind;
    return layer === undefined ? behind : [foldedBehind(layer, scalingOf(step, layer.weight.shape[1] ?? 0, file))];
  }, found.layers);
  return { ...found, layers };
}

/** The steps of a pipeline; undefined if it is none. */
function stepsOf(object: PythonObject): readonly PythonObject[] | undefined {
  const steps = object.get("steps");
  if (object.className !== "Pipeline" || typeof steps !== "object" || steps?.kind !== "list") return undefined;
  return steps.items.flatMap((step) => (isTuple(step) ? (pythonObject(step.items[1]) ?? []) : []));
}

function modelOf(object: PythonObject, file: string): LinearModel | undefined {
  const coefficients = coefficientsOf(object, file);
  if (coefficients === undefined) return undefined;
  const { className } = object;
  const width = coefficients.shape.at(-1) ?? 0;
  const rows = width === 0 ? 0 : coefficients.data.length / width;
  const intercept = interceptOf(object.get("intercept_"), rows);
  if (rows === 0 || coefficients.shape.length > 2 || intercept === undefined)
    throw modelError("L5107", file, `its coefficients have shape [${coefficients.shape.join(", ")}]`);
  const isMargin = MARGINS.has(className) || (className === "SGDClassifier" && !isLogistic(object.get("loss")));
  const assumed = isMargin
    ? [`the logit is the margin of ${className}, which is no probability: --slope says how sure a unit of it is`]
    : [];
  const labels = object.get("classes_") ?? pythonObject(object.get("_label_binarizer"))?.get("classes_");
  const layer = { weight: { shape: [rows, width], data: coefficients.data }, bias: intercept };
  if (labels === undefined) return { layers: [layer], assumed };
  if (rows === 1) return { layers: [binaryLayer(coefficients.data, intercept.data[0] ?? 0)], assumed };
  const classes = (numpyArray(labels)?.labels() ?? []).map(classNameOf);
  if (classes.length !== rows) throw modelError("L5107", file, `it has ${rows} rows for ${classes.length} classes`);
  return { layers: [layer], classes, assumed };
}

function isLogistic(loss: PickleValue | undefined): boolean {
  return loss === "log_loss" || loss === "log";
}

/** `coef_`; of a support vector machine with a linear kernel the sum of its vectors. Undefined if there are none. */
function coefficientsOf(object: PythonObject, file: string): Tensor | undefined {
  const own = numpyArray(object.get("coef_"))?.read();
  if (own !== undefined || object.className !== "SVC") return own;
  if (object.get("kernel") !== "linear")
    throw modelError("L5107", file, "it is a support vector machine whose kernel is not linear", [
      "a head is linear or made of dense layers: SVC(kernel='linear'), LinearSVC or LogisticRegression are read",
    ]);
  const [dual, vectors] = ["dual_coef_", "support_vectors_"].map((name) => numpyArray(object.get(name))?.read());
  const [rows = 0, width = 0] = vectors?.shape ?? [];
  if (dual?.data.length !== rows || vectors?.data.length !== rows * width)
    throw modelError("L5107", file, "it is a support vector machine of more than two classes, or without its vectors");
  const data = new Float64Array(width);
  vectors.data.forEach(
    (v, i) => (data[i % width] = (data[i % width] ?? 0) + v * (dual.data[Math.floor(i / width)] ?? 0)),
  );
  return { shape: [1, width], data: Float32Array.from(data) };
}

function interceptOf(value: PickleValue | undefined, rows: number): Tensor | undefined {
  const data = typeof value === "number" ? Float32Array.of(value) : numpyArray(value)?.read().data;
  if (data === undefined || (data.length !== rows && data.length !== 1)) return undefined;
  return { shape: [rows], data: data.length === rows ? data : new Float32Array(rows).fill(data[0] ?? 0) };
}

/** What a scaler does to each number. */
function scalingOf(step: PythonObject, width: number, file: string): Affine {
  const numbers = (name: string): Float32Array | undefined => numpyArray(step.get(name))?.read().data;
  const each = (from: (i: number) => number): Float64Array => Float64Array.from({ length: width }, (_, i) => from(i));
  const fits = (...arrays: readonly (Float32Array | undefined)[]): boolean =>
    arrays.every((array) => array === undefined || array.length === width);
  const [scale, mean, min, centre] = [numbers("scale_"), numbers("mean_"), numbers("min_"), numbers("center_")];
  if (!fits(scale, mean, min, centre))
    throw modelError("L5107", file, `its ${step.className} does not take the ${width} numbers of the model behind it`);
  const divided = (middle: Float32Array | undefined): Affine => ({
    scale: each((i) => 1 / (scale?.[i] ?? 1)),
    shift: each((i) => -(middle?.[i] ?? 0) / (scale?.[i] ?? 1)),
  });
  switch (step.className) {
    case "StandardScaler":
      return divided(step.get("with_mean") === false ? undefined : mean);
    case "RobustScaler":
      return divided(centre);
    case "MaxAbsScaler":
      return divided(undefined);
    case "MinMaxScaler":
      return { scale: each((i) => scale?.[i] ?? 1), shift: each((i) => min?.[i] ?? 0) };
    default:
      throw modelError(
        "L5107",
        file,
        `its pipeline has a ${step.className}, and lacec reads scalers before a linear model`,
      );
  }
}

/** A label as the name of a class: letters, digits and _, a letter first. */
function classNameOf(label: string): string {
  const name = label.replace(/[^A-Za-z0-9_]/g, "_").slice(0, 64);
  return /^[A-Za-z_]/.test(name) ? name : `class_${name}`.slice(0, 64);
}
