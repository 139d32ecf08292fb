// How often unconditional samples satisfy a condition, by the heads: what is rare, and what helps then.
// In: a model on an engine, a truncation. Out: what its heads say of BASE_COUNT samples, kept between runs; the share of them that satisfies an energy.
// Invariants: the samples are those of no script; the heads judge alone here, so that a share is theirs and not that of pictures.
//
// The latents recombine POOL of them coordinate by coordinate: coordinate c of sample k POOL + j is that of pool row j + k (2 c + 1) modulo POOL. Coordinates of
// N(0, I) are independent, so that every sample is one of N(0, I); samples of two k share single coordinates with other partners, and are nearly independent.
import { compileTask } from "../../compiler/build/compile-task.js";
import { attributesNamed, type Energy } from "../../compiler/energy/energy.js";
import { energyText } from "../../compiler/diff-plans.js";
import { verdict, type HeadOutputs } from "../../compiler/energy/interpret.js";
import { sourceOf, type SampleTask, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { stopIfAborted } from "../../ports/stop.js";
import { InternalError } from "../../source/internal-error.js";
import { NOWHERE } from "../../source/span.js";
import { askedOf, partsOf } from "../plan/places.js";
import { drawLatents } from "../sample/noise-source.js";
import type { Engine } from "../services/engine.js";
import { columnsOf, splitColumns } from "./columns.js";
import { remembered, type ResultCache } from "./result-cache.js";

/** Unconditional samples that rates are counted among. */
export const BASE_COUNT = 16384;
const POOL = 1024;
const SEED = 0;
const ROWS = 256;

/** A task that asks for nothing. */
const FREE: SampleTask = {
  ...{ kind: "sample", name: "free", model: 0, logic: "product", noise: "const", span: NOWHERE },
  energy: { kind: "always", span: NOWHERE },
  ...{ count: 1, seed: SEED, truncation: 1 },
  sampler: { kind: "langevin", steps: 1, step: 1, noise: 0 },
};

/** Conditions that fewer unconditional samples satisfy than this are called rare. */
export const RARE = 1 / 1000;

/** How many of the unconditional samples satisfy something. */
export interface BaseRate {
  readonly satisfied: number;
  readonly counted: number;
}

export interface BaseSource {
  /** Of a conditional generator: for the class that is asked for. */
  readonly model: Model;
  readonly engine: Engine;
  readonly truncation: number;
  readonly resultCache?: ResultCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the heads of a model say of BASE_COUNT unconditional samples; none of a model without heads. Errors: LaceError L4106 if `signal` aborts. */
export async function drawBase(source: BaseSource): Promise<readonly HeadOutputs[]> {
  const { model, truncation, resultCache } = source;
  const { attributes, classes } = model.info;
  const width = columnsOf(attributes);
  if (width === 0) return [];
  const layers = classes === undefined ? [] : (model.weights.mapping?.layers.slice(0, 1) ?? []);
  const kept = {
    about: { base: BASE_COUNT, truncation },
    arrays: layers.map(({ bias }) => Float32Array.from(bias.data)), // a class is folded into the bias of the first layer
    length: BASE_COUNT * width,
  };
  const columns = await remembered(resultCache, kept, () => readColumns(source, width));
  return Array.from({ length: BASE_COUNT }, (_, i) =>
    splitColumns(columns.subarray(i * width, (i + 1) * width), attributes),
  );
}

async function readColumns({ model, engine, truncation, signal }: BaseSource, width: number): Promise<Float32Array> {
  const { zDim } = model.info;
  const pool = drawLatents(SEED, [...Array(POOL).keys()], zDim);
  const readout = await engine.compile(
    compileTask({ ...FREE, truncation }, model, { rows: ROWS, layout: engine.layout }).readout.compiled(),
  );
  const columns = new Float32Array(BASE_COUNT * width);
  try {
    for (let start = 0; start < BASE_COUNT; start += ROWS) {
      stopIfAborted(signal);
      const { logits } = await readout.run({ z: latentsAt(pool, start, zDim) });
      if (logits?.length !== ROWS * width) throw new InternalError("the readout does not fit the attribute table");
      columns.set(logits, start * width);
    }
  } finally {
    await readout.dispose();
  }
  return columns;
}

/** ROWS latents [ROWS, dim] from the pool. */
function latentsAt(pool: Float64Array, start: number, dim: number): Float32Array {
  const z = new Float32Array(ROWS * dim);
  for (let r = 0; r < ROWS; r++) {
    const [k, j] = [Math.floor((start + r) / POOL), (start + r) % POOL];
    for (let c = 0; c < dim; c++) z[r * dim + c] = pool[((j + k * (2 * c + 1)) % POOL) * dim + c] ?? 0;
  }
  return z;
}

/** How many of the samples satisfy an energy, as expectations are judged. */
function baseRate(energy: Energy, base: readonly HeadOutputs[]): BaseRate {
  let satisfied = 0;
  for (const heads of base) if (verdict(energy, heads) === "satisfied") satisfied += 1;
  return { satisfied, counted: base.length };
}

export function isRare({ satisfied, counted }: BaseRate): boolean {
  return counted > 0 && satisfied < RARE * counted;
}

/** `24%`, `about 1 in 340`, `fewer than 1 in 5,461`: of none the upper end of the 95% interval, three among all that were counted. */
export function rateText({ satisfied, counted }: BaseRate): string {
  const whole = (x: number): string => Math.floor(x).toLocaleString("en-US");
  if (satisfied === 0) return `fewer than 1 in ${whole(counted / 3)}`;
  const share = satisfied / counted;
  return share >= 0.1 ? `${Math.round(100 * share)}%` : `about 1 in ${whole(counted / satisfied)}`;
}

/** A condition of a task among unconditional samples. */
export interface ConditionRate extends BaseRate {
  /** Which cell of a sweep; 0 elsewhere. */
  readonly part: number;
  /** The condition on one line. */
  readonly text: string;
  /** Where it is rare: what helps. */
  readonly advice?: string;
}

/** The rates of what a task asks for: of a sweep one for each cell, of an edit what its last step asks for; none where pictures tell. */
export function conditionRates(task: Task, model: Model, base: readonly HeadOutputs[]): readonly ConditionRate[] {
  const table = model.info.attributes;
  if (asksOfPictures(task, model)) return [];
  const asked = task.kind === "sweep" ? task.cells.map((_, part) => part) : [partsOf(task) - 1];
  return asked.map((at) => {
    const energy = askedOf(task, { index: 0, part: at });
    const rate = baseRate(energy, base);
    const advice = isRare(rate) ? adviceOn(task, energy, model, base) : undefined;
    const text = bare(energyText(energy, table, task.logic));
    return { part: task.kind === "sweep" ? at : 0, text, ...rate, ...(advice !== undefined && { advice }) };
  });
}

/** Weight that is advised for what is rare, and the tries: powers of two that double what few samples reach. */
const WEIGHT = 6;
const TRIES = 8;

/** `try accept by labeller tries 8, or weight 6 on hair is red`: what of it the task does not do already. */
function adviceOn(task: Task, energy: Energy, model: Model, base: readonly HeadOutputs[]): string | undefined {
  const table = model.info.attributes;
  const ways: string[] = [];
  const { witnesses } = model.weights;
  const named = [...attributesNamed(energy)];
  const hasWitnesses = named.every((a) => witnesses?.[a] !== undefined);
  const judge = model.labeller !== undefined ? "labeller" : hasWitnesses ? "heads" : undefined;
  const canTry = (task.kind === "sample" || task.kind === "sweep") && !sourceOf(task) && task.accept === undefined;
  if (canTry && judge !== undefined) ways.push(`\`accept by ${judge} tries ${TRIES}\``);
  const [rarest] = conjuncts(energy)
    .filter(({ weight }) => weight < WEIGHT)
    .map(({ part }) => ({ part, satisfied: baseRate(part, base).satisfied }))
    .sort((a, b) => a.satisfied - b.satisfied);
  if (rarest !== undefined) ways.push(`weight ${WEIGHT} on \`${bare(energyText(rarest.part, table, task.logic))}\``);
  return ways.length === 0 ? undefined : `try ${ways.join(", or ")}`;
}

/** The parts of a conjunction with their weights, through nested ones; anything else is one part. */
function conjuncts(energy: Energy, weight = 1): readonly { readonly part: Energy; readonly weight: number }[] {
  if (energy.kind === "and") return energy.parts.flatMap((part) => conjuncts(part, weight));
  if (energy.kind === "weight") return conjuncts(energy.part, weight * energy.factor);
  return energy.kind === "always" ? [] : [{ part: energy, weight }];
}

/** A text without the brackets around all of it. */
function bare(text: string): string {
  if (!text.startsWith("(")) return text;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth += 1;
    if (text[i] === ")") depth -= 1;
    if (depth === 0) return i === text.length - 1 ? text.slice(1, -1) : text;
  }
  return text;
}

/** Whether a task asks for what only pictures tell: nothing is counted then, for 16,384 pictures would have to be made. */
function asksOfPictures(task: Task, { weights }: Model): boolean {
  const asked = task.kind === "sweep" ? task.cells : [askedOf(task, { index: 0, part: partsOf(task) - 1 })];
  return asked.some((energy) => [...attributesNamed(energy)].some((a) => weights.heads[a]?.picture !== undefined));
}

/** Hints for a task that missed an expectation: how rare its condition is, where that explains it. Errors: as drawBase. */
export async function hintsOfRarity(task: Task, source: Omit<BaseSource, "truncation">): Promise<readonly string[]> {
  const { truncation } = task;
  if (asksOfPictures(task, source.model)) return [];
  const rates = conditionRates(task, source.model, await drawBase({ ...source, truncation }));
  const [rarest] = [...rates].sort((a, b) => a.satisfied - b.satisfied);
  if (rarest === undefined || !isRare(rarest)) return [];
  return [
    `${rateText(rarest)} unconditional samples satisfy \`${rarest.text}\`, by the heads`,
    ...(rarest.advice === undefined ? [] : [rarest.advice]),
  ];
}
