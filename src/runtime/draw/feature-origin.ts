// What features of pictures are told from, for tasks that keep identities: their mean over the model's pictures, and where they go with what is asked for.
// In: a task, its model on an engine. Out: the model, whose features know their origin. Invariants: the pictures are those of no script; they are looked at
// once for what a task asks of a model, and remembered.
//
//   F - mean ~ C (s - mean of s), by ridge regression over COUNT pictures, s what heads say of all attributes: class probabilities and numbers; the columns of
//   C that belong to what is asked for span what is left out. The others are there so that what goes with them is not taken for what was asked.
//
// Why: features of pictures have a large mean, which makes all of them alike to a cosine; and a network that sees a smile tells the same face apart by it.
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Attribute } from "../../compiler/attribute.js";
import { compileTask } from "../../compiler/build/compile-task.js";
import { identityOf } from "../../compiler/build/task-pictures.js";
import { attributesNamed } from "../../compiler/energy/energy.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { FeatureHead, FeatureOrigin } from "../../compiler/picture-head.js";
import type { Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { InternalError } from "../../source/internal-error.js";
import { drawLatents } from "../sample/noise-source.js";
import { ENERGY_ROWS } from "../plan/tiles.js";
import type { DrawContext } from "./batch.js";
import { PictureReadout } from "./picture-readout.js";
import { openReadout, readOut } from "./readout.js";
import type { SampleResult } from "./results.js";

/** Pictures that are looked at: fewer where one takes long. */
const COUNT = 64;
const COUNT_OF_LARGE = 24;
/** Pixels of a side from which a picture is large. */
const LARGE = 512;
const SEED = 0;
/** Of the mean variance of what heads say: what keeps the fit from following noise. */
const RIDGE = 1e-3;
/** Directions shorter than this share of the longest are none. */
const LEAST = 1e-3;

type Around = Pick<DrawContext, "engine" | "resultCache" | "signal">;

/** The model of a task; of one that keeps identities with the origin of its features. Errors: those of a run; LaceError L4106 if `signal` aborts. */
export async function withFeatureOrigin(task: Task, model: Model, around: Around): Promise<Model> {
  const identity = identityOf(task);
  const key = identity?.file ?? "";
  const watched = identity && model.weights.watches?.get(key);
  if (watched === undefined) return model;
  const origin = await originOf(task, model, watched, around);
  const watches = new Map([...(model.weights.watches ?? []), [key, { ...watched, origin }]]);
  return { ...model, weights: { ...model.weights, watches } };
}

async function originOf(
  task: Task,
  model: Model,
  { output, look }: FeatureHead,
  around: Around,
): Promise<FeatureOrigin> {
  const { resultCache } = around;
  const count = model.info.resolution < LARGE ? COUNT : COUNT_OF_LARGE;
  const asked = [...new Set(energiesOf(task).flatMap((energy) => [...attributesNamed(energy)]))].sort((a, b) => a - b);
  const { truncation, cutoff, noise } = task;
  const about = { asked: asked.map((a) => model.info.attributes[a]?.name ?? ""), count, truncation, cutoff, noise };
  const where = { ...about, class: task.class, pixels: identityOf(task)?.pixels, output, sha256: look.sha256 };
  const [sizeKey, key] = [
    await resultCache?.key({ kind: "size of a feature origin", ...where }),
    await resultCache?.key({ kind: "feature origin", ...where }),
  ];
  const [width = 0, directions = 0] = (await resultCache?.recallNumbers(sizeKey ?? "", 2)) ?? [];
  const known = width === 0 ? undefined : await resultCache?.recallNumbers(key ?? "", width * (1 + directions));
  if (known !== undefined) return fromNumbers(known, width, about);
  const found = fitOrigin(await lookAt(task, model, count, around), model.info.attributes, asked);
  const { mean, without } = found;
  await resultCache?.keepNumbers(sizeKey ?? "", Float32Array.of(mean.length, without.length));
  await resultCache?.keepNumbers(key ?? "", Float32Array.from([mean, ...without].flatMap((x) => [...x])));
  return { ...found, about };
}

function fromNumbers(numbers: Float32Array, width: number, about: object): FeatureOrigin {
  const rows = Array.from({ length: numbers.length / width }, (_, k) => numbers.slice(k * width, (k + 1) * width));
  const [mean = new Float32Array(0), ...without] = rows;
  return { mean, without, about };
}

function energiesOf(task: Task) {
  if (task.kind === "edit") return task.steps.map((step) => step.energy);
  return task.kind === "sweep" ? task.cells : [task.energy];
}

/** A picture's features, and what heads say of it. */
export interface SeenFeatures {
  readonly features: Float32Array;
  readonly heads: HeadOutputs;
}

/** Pictures of a model as a task draws them. */
async function lookAt(
  task: Task,
  model: Model,
  count: number,
  { engine, signal, resultCache }: Around,
): Promise<readonly SeenFeatures[]> {
  const program = compileTask(task, model, { rows: ENERGY_ROWS, layout: engine.layout });
  const { zDim, wDim } = model.info;
  const lanes = Array.from({ length: count }, (_, i) => i);
  const z = drawLatents(SEED, lanes, zDim);
  const readout = await openReadout(program, engine);
  const pictures = new PictureReadout({ program, engine, model, resultCache, signal });
  try {
    const rows = await readOut(readout, model, {
      ...{ rows: program.rows, z, lanes, wanted: lanes.map(() => true), from: program.far?.from },
      ...(task.shifted && { shift: new Float32Array(count * wDim) }),
    });
    const samples = rows.map((row, index): SampleResult => {
      const { w = new Float32Array(0), heads = [], far } = row ?? {};
      const stats = { status: "done" as const, steps: 0, accepted: 0, rejected: 0, evaluations: 0, logp: 0 };
      const place = { index, part: 0, seed: SEED, origin: index };
      return { ...stats, ...place, z: z.subarray(index * zDim, (index + 1) * zDim), w, heads, ...(far && { far }) };
    });
    const seen = await pictures.look(samples);
    return seen.map(({ features, heads }) => {
      if (features === undefined) throw new InternalError("pictures without features");
      return { features, heads };
    });
  } finally {
    await pictures.dispose();
    await readout.dispose();
  }
}

/** Mean and directions of features. `asked`: attributes by index, whose directions are left out. */
export function fitOrigin(
  seen: readonly SeenFeatures[],
  attributes: readonly Attribute[],
  asked: readonly number[],
): Omit<FeatureOrigin, "about"> {
  const f = new Matrix(seen.map(({ features }) => [...features]));
  const mean = f.mean("column");
  f.subRowVector(mean);
  const names = new Set(asked.map((a) => attributes[a]?.name));
  const columns: { readonly attribute: number; readonly values: readonly number[] }[] = [];
  attributes.forEach((row, attribute) => {
    // Of two rows of one name, one by heads and one by pictures, the asked one stands for both.
    if (!asked.includes(attribute) && names.has(row.name)) return;
    const readings = seen.map(({ heads }) => readingsOf(heads[attribute] ?? [], row));
    (readings[0] ?? []).forEach((_, k) => {
      const values = readings.map((r) => r[k] ?? NaN);
      const least = Math.min(...values);
      if (values.every(Number.isFinite) && Math.max(...values) - least > LEAST) columns.push({ attribute, values });
    });
  });
  const used = columns.length * 2 < seen.length ? columns : columns.filter((c) => asked.includes(c.attribute));
  const result = { mean: Float32Array.from(mean) };
  const own = used.flatMap(({ attribute }, k) => (asked.includes(attribute) ? [k] : []));
  if (own.length === 0 || own.length * 2 >= seen.length) return { ...result, without: [] };
  const s = new Matrix(seen.map((_, i) => used.map((c) => c.values[i] ?? 0)));
  s.subRowVector(s.mean("column"));
  s.divRowVector(s.standardDeviation("column", { unbiased: false }));
  const gram = s.transpose().mmul(s);
  for (let k = 0; k < used.length; k++) gram.set(k, k, gram.get(k, k) + RIDGE * seen.length);
  const fit = new CholeskyDecomposition(gram).solve(s.transpose().mmul(f));
  return { ...result, without: orthonormal(own.map((k) => fit.getRow(k))) };
}

/** Probabilities of all classes but the first, or the number. */
function readingsOf(values: readonly number[], row: Attribute): readonly number[] {
  if (row.type === "scalar") return values;
  const most = Math.max(...values);
  const powers = values.map((v) => Math.exp((v - most) / row.temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.slice(1).map((p) => p / sum);
}

/** Gram and Schmidt, twice for each row; rows that hardly add to those before are left out. */
function orthonormal(rows: readonly (readonly number[])[]): readonly Float32Array[] {
  const lengthOf = (x: readonly number[]): number => Math.hypot(...x);
  const longest = Math.max(...rows.map(lengthOf));
  const found: number[][] = [];
  for (const row of rows) {
    let left = [...row];
    for (const base of [...found, ...found]) {
      const along = base.reduce((sum, x, i) => sum + x * (left[i] ?? 0), 0);
      left = left.map((x, i) => x - along * (base[i] ?? 0));
    }
    const length = lengthOf(left);
    if (length > LEAST * longest && length > 0) found.push(left.map((x) => x / length));
  }
  return found.map((x) => Float32Array.from(x));
}
