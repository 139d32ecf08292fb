// How sure a head of another tool is, fitted to labels: the slope and offset of a binary head's logit, the slope of a category's logits, the sigma of
// a scalar. In: dense layers, the row that they are to have, labelled latents. Out: layers and row with what was fitted, and a sentence of it.
// Invariants: float64; the order of what the head prefers is kept, but for a binary head that points away from yes, which is said.
import type { Attribute } from "../../compiler/attribute.js";
import type { HeadWeights, Tensor } from "../../compiler/weights.js";
import { modelError } from "../../models/model-error.js";
import { baseName } from "../../source/public-name.js";
import { fitTemperature, logLoss, type Classified } from "./calibrate.js";
import type { TrainingData } from "./data.js";

type Layers = HeadWeights["layers"];

export interface CalibratedHead {
  readonly layers: Layers;
  readonly row: Attribute;
  /** "slope 3.1 and offset -0.4, of 900 labels of data.safetensors: log loss 0.31 (before: 0.58)" */
  readonly said: string;
}

/** Slope of the leaky ReLU between layers. */
const LEAKY = 0.2;

/**
 * Fits a head to the labels that data have of it.
 * Errors   LaceError L5321 if the data are of another latent or attribute.
 */
export function calibrateHead(layers: Layers, row: Attribute, data: TrainingData): CalibratedHead {
  const column = data.columns.find((c) => c.attribute.name === row.name);
  if (column === undefined) throw unfit(data, `it has no labels of '${row.name}'`);
  const { attribute } = column;
  if (attribute.type !== row.type || classesOf(attribute) !== classesOf(row))
    throw unfit(
      data,
      `its labels of '${row.name}' are of a ${attribute.type}, the head is of a ${row.type}, or of other classes`,
    );
  const width = layers[0]?.weight.shape[1] ?? 0;
  if (width !== data.width)
    throw unfit(data, `its ${data.space} has ${data.width} numbers, the head of '${row.name}' takes ${width}`);
  const known = Array.from(column.labels, (_, i) => i).filter((i) => !Number.isNaN(column.labels[i]));
  const outputs = known.map((i) => outputsOf(layers, data.latents.subarray(i * width, (i + 1) * width)));
  const truth = known.map((i) => column.labels[i] ?? NaN);
  const of = `of ${truth.length} labels of ${baseName(data.file)}`;
  if (row.type === "scalar") {
    const square = outputs.reduce((sum, [y = NaN], i) => sum + (y - (truth[i] ?? NaN)) ** 2, 0) / truth.length;
    const sigma = Math.max(1e-6, Math.sqrt(square));
    return { layers, row: { ...row, sigma }, said: `sigma ${sigma.toPrecision(3)}, the root mean square error ${of}` };
  }
  const logits = Float64Array.from(outputs.flat());
  const before = { logits, classes: row.classes.length, truth };
  const [fitted, what] = row.type === "binary" ? binaryFit(layers, before) : categoryFit(layers, before);
  const after = {
    ...before,
    logits: Float64Array.from(
      known.flatMap((i) => outputsOf(fitted, data.latents.subarray(i * width, (i + 1) * width))),
    ),
  };
  const losses = [logLoss(after, 1), logLoss(before, 1)].map((v) => v.toPrecision(3));
  return { layers: fitted, row, said: `${what}, ${of}: log loss ${losses[0] ?? ""} (before: ${losses[1] ?? ""})` };
}

function unfit(data: TrainingData, why: string): Error {
  return modelError("L5321", data.file, why, ["calibrate with data of the model that the head is for (lacec label)"]);
}

function classesOf(a: Attribute): string {
  return a.type === "scalar" ? "" : a.classes.join();
}

/** The head's outputs for one latent. */
function outputsOf(layers: Layers, latent: ArrayLike<number>): number[] {
  let x = Array.from(latent);
  layers.forEach(({ weight, bias }, layer) => {
    const inputs = x.length;
    const y = Array.from(bias.data, (b, o) =>
      x.reduce((sum, v, i) => sum + v * (weight.data[o * inputs + i] ?? NaN), b),
    );
    x = layer === layers.length - 1 ? y : y.map((v) => (v > 0 ? v : LEAKY * v));
  });
  return x;
}

function binaryFit(layers: Layers, { logits, truth }: Classified): readonly [Layers, string] {
  const scores = truth.map((_, i) => (logits[2 * i + 1] ?? NaN) - (logits[2 * i] ?? NaN));
  const { slope, offset } = fitLogistic(scores, truth);
  const turned = slope < 0 ? " (it pointed away from yes)" : "";
  const fitted = changeLast(layers, slope, (o) => (o === 1 ? offset : 0));
  return [fitted, `slope ${slope.toPrecision(3)}${turned} and offset ${offset.toPrecision(3)} of its logit`];
}

function categoryFit(layers: Layers, rows: Classified): readonly [Layers, string] {
  // Margins may be far from logits: a search that ends at the end of its range goes on from there.
  let slope = 1;
  for (let pass = 0; pass < 4; pass++) {
    const own = slope;
    slope *= 1 / fitTemperature({ ...rows, logits: rows.logits.map((v) => v * own) });
  }
  return [changeLast(layers, slope, () => 0), `slope ${slope.toPrecision(3)} of its logits`];
}

/** The head with its outputs times a slope, and something added to each. */
function changeLast(layers: Layers, slope: number, offset: (output: number) => number): Layers {
  const last = layers.at(-1);
  if (last === undefined) return layers;
  const scaled = ({ shape, data }: Tensor, add: (i: number) => number): Tensor => ({
    shape,
    data: data.map((v, i) => v * slope + add(i)),
  });
  return [...layers.slice(0, -1), { weight: scaled(last.weight, () => 0), bias: scaled(last.bias, offset) }];
}

/**
 * Slope and offset of least log loss for p(yes) = sigmoid(slope s + offset), by Newton's method on targets that are drawn in from 0 and 1, so that
 * scores that tell all labels apart have a finite slope.
 * Source   Platt, "Probabilistic outputs for support vector machines" (1999); the damping of Lin, Lin and Weng (2007).
 */
export function fitLogistic(
  scores: readonly number[],
  truth: readonly number[],
): { readonly slope: number; readonly offset: number } {
  // In units of their spread, so that the step sizes below mean the same for all.
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const spread = Math.sqrt(scores.reduce((sum, s) => sum + (s - mean) ** 2, 0) / scores.length) || 1;
  const x = scores.map((s) => (s - mean) / spread);
  const yes = truth.reduce((sum, t) => sum + t, 0);
  const [high, low] = [(yes + 1) / (yes + 2), 1 / (truth.length - yes + 2)];
  const targets = truth.map((t) => (t === 1 ? high : low));
  const loss = (a: number, b: number): number =>
    x.reduce((sum, v, i) => {
      const s = a * v + b;
      return sum + Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s))) - (targets[i] ?? NaN) * s;
    }, 0);
  let [a, b] = [0, Math.log((yes + 1) / (truth.length - yes + 1))];
  for (let step = 0; step < 100; step++) {
    const ridge = 1e-12;
    let [ga, gb, haa, hab, hbb] = [0, 0, ridge, 0, ridge];
    x.forEach((v, i) => {
      const p = 1 / (1 + Math.exp(-(a * v + b)));
      const [d, h] = [p - (targets[i] ?? NaN), p * (1 - p)];
      ga += d * v;
      gb += d;
      haa += h * v * v;
      hab += h * v;
      hbb += h;
    });
    if (Math.hypot(ga, gb) < 1e-9 * truth.length) break;
    const determinant = haa * hbb - hab * hab;
    const [da, db] = [(hab * gb - hbb * ga) / determinant, (hab * ga - haa * gb) / determinant];
    const now = loss(a, b);
    let size = 1;
    while (size > 1e-10 && loss(a + size * da, b + size * db) > now) size /= 2;
    [a, b] = [a + size * da, b + size * db];
  }
  return { slope: a / spread, offset: b - (a * mean) / spread };
}
