// What heads of z would say of a style: a linear reading of w, learnt from samples. A picture that came from elsewhere has a w, and no z that heads could read.
// In: a model on an engine, its truncation. Out: samples with their w and what heads of z say, the distribution of w, and that reading.
// Invariants: the samples are those of seed 0; heads of w and of pictures have no part in it, for they look at the state as it is.
// Source: attributes are nearly linear in w (Shen et al. 2020, arXiv 1907.10786); the reading is ridge regression.
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { StyleDistribution } from "../../compiler/build/likeness.js";
import { compileStyleReading } from "../../compiler/build/mapping-fit.js";
import type { EnergyWeights } from "../../compiler/weights.js";
import type { Model } from "../../models/model.js";
import { stopIfAborted } from "../../ports/stop.js";
import { drawLatents } from "../sample/noise-source.js";
import type { Engine } from "../services/engine.js";
import { remembered, type ResultCache } from "./result-cache.js";
import { distributionOf, slopeOf } from "./style-distribution.js";

const SAMPLES = 4096;
const ROWS = 256;
/** Of the mean square of a number of w, what is added to each: directions that samples hardly leave say nothing. */
const RIDGE = 1e-3;
/** The least that an output of a head is taken to be off by. */
const LEAST_SPREAD = 1e-3;

export interface StyleReading {
  /** The model's weights with its heads of z alone. */
  readonly weights: EnergyWeights;
  readonly styles: StyleDistribution;
  /** Of the samples: z [n, zDim], w [n, wDim], what heads say [n, K]. */
  readonly z: Float64Array;
  readonly w: Float32Array;
  readonly said: Float32Array;
  /** What heads of z are likely to say of a style, [K]. */
  readonly saidOf: (w: ArrayLike<number>) => Float32Array;
  /** Root of the mean square by which that is off, [K]. */
  readonly spread: Float32Array;
  /** How that goes with w, [wDim, K], and the covariance of w, [wDim, wDim]. */
  readonly slopes: Matrix;
  readonly covariance: Matrix;
}

export interface ReadingTask {
  readonly model: Model;
  readonly engine: Engine;
  readonly truncation: number;
  /** Keeps the samples between runs: they are of the model alone. */
  readonly resultCache?: ResultCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads samples. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine. */
export async function readStyles(task: ReadingTask): Promise<StyleReading> {
  const { model, truncation, resultCache } = task;
  const { zDim, wDim } = model.info;
  const weights = { ...model.weights, heads: model.weights.heads.filter(isOfZ) };
  const z = drawLatents(0, [...Array(SAMPLES).keys()], zDim);
  const width = weights.heads.reduce((sum, { layers }) => sum + (layers.at(-1)?.bias.data.length ?? 0), 0);
  const about = { kind: "style reading", samples: SAMPLES, truncation };
  const kept = { about, arrays: [classBias(model)], length: SAMPLES * (wDim + width) };
  const numbers = await remembered(resultCache, kept, () => readSamples(z, weights, width, task));
  const [w, all] = [numbers.slice(0, SAMPLES * wDim), numbers.slice(SAMPLES * wDim)];
  const styles = distributionOf(w, wDim, slopeOf("p"));
  return { weights, styles, z, w, said: all, ...linearReading(w, all, wDim) };
}

/** What a class changes in a mapping: the biases that it is folded into. Keys of what is kept of a model's samples have it. */
export function classBias({ weights }: Pick<Model, "weights">): Float32Array {
  return weights.mapping?.layers[0]?.bias.data ?? new Float32Array(0);
}

/** w of samples, [n, wDim], and behind it what heads say of them, [n, width]. */
async function readSamples(
  z: Float64Array,
  weights: EnergyWeights,
  width: number,
  { model, engine, truncation, signal }: ReadingTask,
): Promise<Float32Array> {
  const { zDim, wDim } = model.info;
  const numbers = new Float32Array(SAMPLES * (wDim + width));
  const readout = await engine.compile(compileStyleReading({ weights, truncation, rows: ROWS }));
  try {
    for (let at = 0; at < SAMPLES; at += ROWS) {
      stopIfAborted(signal);
      const read = await readout.run({ z: Float32Array.from(z.subarray(at * zDim, (at + ROWS) * zDim)) });
      numbers.set(read["w"] ?? [], at * wDim);
      numbers.set(read["logits"] ?? [], SAMPLES * wDim + at * width);
    }
  } finally {
    await readout.dispose();
  }
  return numbers;
}

function isOfZ({ space, picture }: EnergyWeights["heads"][number]): boolean {
  return space === "z" && picture === undefined;
}

/** Ridge regression of `said` [n, K] on w [n, wDim] and 1. */
function linearReading(
  w: Float32Array,
  said: Float32Array,
  wDim: number,
): Pick<StyleReading, "saidOf" | "spread" | "slopes" | "covariance"> {
  const n = w.length / wDim;
  const width = said.length / n;
  const withOne = (row: ArrayLike<number>): number[] => [...Array.from(row), 1];
  const x = new Matrix(Array.from({ length: n }, (_, k) => withOne(w.subarray(k * wDim, (k + 1) * wDim))));
  const y = new Matrix(Array.from({ length: n }, (_, k) => Array.from(said.subarray(k * width, (k + 1) * width))));
  const across = x.transpose();
  const normal = across.mmul(x);
  const ridge = (RIDGE * (normal.trace() - n)) / wDim;
  for (let i = 0; i < wDim; i++) normal.set(i, i, normal.get(i, i) + ridge);
  const covariance = covarianceOf(normal, n);
  if (width === 0)
    return {
      ...{ saidOf: () => new Float32Array(0), spread: new Float32Array(0) },
      ...{ slopes: new Matrix(wDim, 0), covariance },
    };
  const all = new CholeskyDecomposition(normal).solve(across.mmul(y));
  const off = x.mmul(all).sub(y);
  const spread = Float32Array.from({ length: width }, (_, j) =>
    Math.max(LEAST_SPREAD, Math.sqrt(off.getColumn(j).reduce((sum, e) => sum + e ** 2, 0) / n)),
  );
  return {
    saidOf: (row) => Float32Array.from(Matrix.rowVector(withOne(row)).mmul(all).getRow(0)),
    ...{ spread, covariance, slopes: all.subMatrix(0, wDim - 1, 0, width - 1) },
  };
}

/** Of sums of products of numbers and 1, the covariance of the numbers. */
function covarianceOf(products: Matrix, n: number): Matrix {
  const d = products.rows - 1;
  const mean = (i: number): number => products.get(i, d) / n;
  const out = Matrix.zeros(d, d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) out.set(i, j, products.get(i, j) / n - mean(i) * mean(j));
  return out;
}
