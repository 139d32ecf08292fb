// How the attributes of a data file are laid out in a training: which rows are for what, which heads stand side by side, in which units.
// In: data and settings. Out: a plan. Invariants: it follows from data and settings alone, so that a resumed training has the same;
// a head's split, units and first weights do not depend on which other attributes are trained with it, nor (but for rounding) do its last.
import type { HeadNetwork, HeadStack } from "../../compiler/build/training.js";
import { DIRECT, parametersOf, SHARED } from "../../compiler/build/training.js";
import { sizeOf } from "../../compiler/graph/shape.js";
import type { HeadSpace } from "../../compiler/weights.js";
import { LaceError, type Diagnostic } from "../../source/diagnostic.js";
import { modelError } from "../../models/model-error.js";
import { headWidth } from "../../models/pack/pack-weights.js";
import { fillUniformNoise } from "../../runtime/sample/noise.js";
import type { LabelColumn, TrainingData } from "./data.js";
import { hiddenWidths, type TrainSettings } from "./settings.js";

/** Rows by number. */
export interface Split {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
}

/** One head of the plan, in the order of the data's columns. */
export interface PlannedHead {
  readonly column: LabelColumn;
  /** Its place: stack of the network and number in it. */
  readonly stack: number;
  readonly place: number;
  readonly outputs: number;
  /** A scalar is trained as (y - offset) / unit; 0 and 1 for classes. */
  readonly offset: number;
  readonly unit: number;
  /** Weight of each class in the loss. */
  readonly classWeights: readonly number[];
}

export interface TrainingPlan {
  /** The latent that the heads take. */
  readonly space: HeadSpace;
  readonly network: HeadNetwork;
  readonly heads: readonly PlannedHead[];
  readonly split: Split;
  /** Latents enter as (x - centre) / scale. */
  readonly centre: Float64Array;
  readonly scale: number;
  /** Rows of a minibatch: no more than there are. */
  readonly batch: number;
  readonly stepsPerEpoch: number;
}

/** A class of few rows counts at most this many times. */
const MAX_CLASS_WEIGHT = 10;

/**
 * Plans a training.
 *
 * Errors   LaceError L5321 if an attribute has nothing to learn from, or nothing to validate with, in its part of the rows.
 */
export function planTraining(data: TrainingData, settings: TrainSettings): TrainingPlan {
  const split = splitRows(data.rows, settings);
  refuseEmptyParts(data, split);
  const { centre, scale } = unitsOf(data, split.train);
  const stacks = stackColumns(data.columns);
  const network: HeadNetwork = {
    inputs: data.width,
    hidden: hiddenWidths(data.width, settings),
    ...(settings.shared !== undefined && { shared: settings.shared }),
    stacks: stacks.map(({ stack, columns }) => ({ ...stack, heads: columns.length })),
  };
  const heads = data.columns.map((column): PlannedHead => {
    const stack = stacks.findIndex((s) => s.columns.includes(column));
    const place = stacks[stack]?.columns.indexOf(column) ?? -1;
    const labels = [...split.train].flatMap((row) => {
      const v = column.labels[row] ?? NaN;
      return Number.isNaN(v) ? [] : [v];
    });
    const isScalar = column.attribute.type === "scalar";
    const [offset, unit] = isScalar ? momentsOf(labels) : [0, 1];
    const outputs = headWidth(column.attribute);
    const balanced = settings.classWeights === "balanced" && !isScalar;
    const classWeights = Array.from({ length: outputs }, (_, k) => {
      const count = labels.filter((v) => v === k).length;
      return balanced ? Math.min(MAX_CLASS_WEIGHT, labels.length / (outputs * Math.max(1, count))) : 1;
    });
    return { column, stack, place, outputs, offset, unit, classWeights };
  });
  const batch = Math.min(settings.batch, split.train.length);
  return {
    space: data.space,
    network,
    heads,
    split,
    centre,
    scale,
    batch,
    stepsPerEpoch: Math.floor(split.train.length / batch),
  };
}

/** Rows that choose the epoch of a witness, and that test it: of what its followed head was fitted to, no more than these. */
const CHOOSING_ROWS = 1000;

/** Rows in an order of the seed's own, cut in three. Of a witness the parts change places. */
export function splitRows(
  rows: number,
  { seed, validation, test, others }: Pick<TrainSettings, "seed" | "validation" | "test" | "others">,
): Split {
  const order = shuffled(rows, (numbers) => {
    fillUniformNoise({ seed, sample: 0, purpose: "split", step: 0 }, numbers);
  });
  const held = (part: number): number => (part === 0 ? 0 : Math.max(1, Math.round(rows * part)));
  const [first, second] = [held(validation), held(validation) + held(test)];
  const sorted = (part: Uint32Array): Uint32Array => part.sort();
  if (others === true) {
    const middle = second + Math.min(CHOOSING_ROWS, Math.ceil((rows - second) / 2));
    return {
      train: sorted(order.slice(0, second)),
      validation: sorted(order.slice(second, middle)),
      test: sorted(order.slice(middle, middle + CHOOSING_ROWS)),
    };
  }
  return {
    validation: sorted(order.slice(0, first)),
    test: sorted(order.slice(first, second)),
    train: sorted(order.slice(second)),
  };
}

/** 0 ... n - 1 in an order that `draw`, which fills in numbers in (0, 1), decides (Fisher-Yates). */
export function shuffled(n: number, draw: (numbers: Float64Array) => void): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const numbers = new Float64Array(n);
  draw(numbers);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((numbers[i] ?? 0) * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

function refuseEmptyParts({ columns, file }: TrainingData, split: Split): void {
  const problems: Diagnostic[] = [];
  for (const { attribute, labels } of columns) {
    const known = (part: Uint32Array): number[] =>
      [...part].flatMap((row) => (Number.isNaN(labels[row] ?? NaN) ? [] : [labels[row] ?? NaN]));
    const train = new Set(known(split.train));
    const what =
      train.size < 2
        ? "has fewer than two different labels among the rows that are trained on"
        : known(split.validation).length === 0
          ? "has no label among the rows that are held out for validation"
          : undefined;
    if (what !== undefined)
      problems.push(
        ...modelError("L5321", file, `'${attribute.name}' ${what}`, [
          "label more images, or leave it out with --attributes",
        ]).diagnostics,
      );
  }
  if (problems.length > 0) throw new LaceError(problems);
}

/** Mean of each number of the latents, and one standard deviation for all: directions keep their proportions. */
function unitsOf({ latents, width }: TrainingData, rows: Uint32Array): { centre: Float64Array; scale: number } {
  const centre = new Float64Array(width);
  for (const row of rows)
    for (let i = 0; i < width; i++) centre[i] = (centre[i] ?? 0) + (latents[row * width + i] ?? 0);
  for (let i = 0; i < width; i++) centre[i] = (centre[i] ?? 0) / rows.length;
  let square = 0;
  for (const row of rows)
    for (let i = 0; i < width; i++) square += ((latents[row * width + i] ?? 0) - (centre[i] ?? 0)) ** 2;
  const scale = Math.sqrt(square / (rows.length * width));
  return { centre, scale: scale > 0 ? scale : 1 };
}

function momentsOf(values: readonly number[]): [number, number] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return [mean, deviation > 0 ? deviation : 1];
}

/** Columns by kind and number of outputs. */
function stackColumns(columns: readonly LabelColumn[]): { stack: Omit<HeadStack, "heads">; columns: LabelColumn[] }[] {
  const stacks = new Map<string, { stack: Omit<HeadStack, "heads">; columns: LabelColumn[] }>();
  for (const column of columns) {
    const kind = column.attribute.type === "scalar" ? "scalar" : "class";
    const outputs = headWidth(column.attribute);
    const key = `${kind} ${outputs}`;
    const known = stacks.get(key);
    if (known === undefined) stacks.set(key, { stack: { kind, outputs }, columns: [column] });
    else known.columns.push(column);
  }
  return [...stacks.values()];
}

/**
 * First weights: uniform within sqrt(6 / ((1 + 0.2^2) in)), which keeps the size of values through leaky ReLUs; biases 0, and what reads the latent beside a shared layer.
 * Source   He et al., "Delving deep into rectifiers" (2015), equation 15.
 */
export function initialWeights({ network, heads }: TrainingPlan, seed: number): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const { name, shape, role, stack, layer } of parametersOf(network)) {
    const values = new Float32Array(sizeOf(shape));
    weights.set(name, values);
    if (role === "bias" || layer === DIRECT) continue;
    const [, inputs = 1, columns = 1] = shape;
    const bound = Math.sqrt(6 / (1.04 * inputs));
    const numbers = new Float64Array(inputs * columns);
    if (stack === SHARED) {
      fillUniformNoise({ seed, sample: 0, purpose: "initial", step: layer, slot: 1 }, numbers);
      values.set(numbers.map((n) => bound * (2 * n - 1)));
      continue;
    }
    for (const { column, place } of heads.filter((h) => h.stack === stack)) {
      fillUniformNoise({ seed, sample: column.index, purpose: "initial", step: layer }, numbers);
      for (let i = 0; i < numbers.length; i++) values[place * numbers.length + i] = bound * (2 * (numbers[i] ?? 0) - 1);
    }
  }
  return weights;
}
