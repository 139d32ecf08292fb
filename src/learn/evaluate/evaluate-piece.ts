// A piece of an evaluation, for another machine: samples of some rows and what is made from them, and what the judge sees in their pictures; or the same
// of some unconditional images. In: a plan, a Piece. Out: entries of a cache, from which `evaluate` takes them.
// Invariants: batches are those of the whole evaluation: pictures that fill none of them are left to it; a piece of task T + k, of a plan of T tasks, is of
// the k-th yardstick.
import { untuned, type Plan, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { Engine } from "../../runtime/services/engine.js";
import { cutPieces, rowsOfPiece, type Piece } from "../../runtime/plan/pieces.js";
import { rowsOf } from "../../runtime/plan/places.js";
import { openPainter } from "../../runtime/show/painter.js";
import { modelForClass } from "../../runtime/show/synthesis-inputs.js";
import { openDrawer } from "../label/draw-rows.js";
import {
  drawSets,
  openBench,
  withModels,
  yardstickKey,
  type EvaluationOptions,
  type KeptEvaluation,
} from "./evaluate.js";
import { lookingTools, pictureBatches, referenceBatches, REFERENCE_SEED } from "./look-batches.js";
import { lookThrough, type LookBatch } from "./looking.js";
import { LOOK } from "./seen.js";
import type { Bench } from "./set-measures.js";

export interface PieceOptions extends Omit<EvaluationOptions, "sources" | "real" | "hand" | "compare"> {
  readonly kept: KeptEvaluation;
}

/** Cuts an evaluation: its tasks, and `reference` unconditional images for each yardstick of a model that somebody judges. */
export function cutEvaluation(
  plan: Plan,
  { rows, reference }: { readonly rows: (task: number) => number; readonly reference: (task: Task) => number },
): readonly Piece[] {
  const tasks = plan.tasks.length;
  return [
    ...cutPieces(plan, rows),
    ...yardsticksOf(plan).flatMap((task, k) => {
      const step = Math.ceil(rows(tasks + k) / LOOK) * LOOK;
      const count = reference(task);
      return Array.from({ length: Math.ceil(count / step) }, (_, n) => ({
        task: tasks + k,
        first: n * step,
        last: Math.min(count, (n + 1) * step) - 1,
      }));
    }),
  ];
}

/** A task for each yardstick, in their order. */
export function yardsticksOf(plan: Plan): readonly Task[] {
  return [...new Map(plan.tasks.toReversed().map((task) => [yardstickKey(task), task])).values()].toReversed();
}

/**
 * Draws and looks, into the cache. Gives the seconds that samples took, by task.
 *
 * Errors   as evaluate's.
 */
export async function evaluatePiece(
  asked: Plan,
  options: PieceOptions,
  piece: Piece,
): Promise<ReadonlyMap<number, number>> {
  const plan = untuned(asked);
  const world = withModels(options.services);
  const seconds = new Map<number, number>();
  const engine = await options.services.openEngine();
  const benches = new Map<Model, Bench>();
  const benchOf = async (task: Task): Promise<Bench | undefined> => {
    const planModel = plan.models[task.model];
    if (planModel === undefined) return undefined;
    const model = await world.loadModel(planModel);
    const bench = benches.get(model) ?? (await openBench(model, options));
    benches.set(model, bench);
    return bench;
  };
  try {
    const yardstick = yardsticksOf(plan)[piece.task - plan.tasks.length];
    if (yardstick !== undefined) {
      const bench = await benchOf(yardstick);
      if (bench !== undefined) await lookAtReference(yardstick, piece, { bench, engine, options });
      return seconds;
    }
    const { tasks } = await drawSets(plan, world, options, { piece });
    for (const [at, { task, samples, before = [], seconds: took }] of tasks.entries()) {
      if (samples.length === 0) continue;
      seconds.set(at, took.get("sample") ?? 0);
      const bench = await benchOf(task);
      if (bench?.labeller === undefined) continue;
      const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
      const whole = wholeBatches(pictures, rowsOf(task));
      const batches = pictureBatches(task, whole, bench.model, { isShown: () => false, signal: options.signal });
      await look(task, batches, whole.length, { bench, engine, options });
    }
    return seconds;
  } finally {
    for (const { labeller } of benches.values()) await labeller?.dispose();
    await engine.dispose();
  }
}

/** Of pictures of consecutive rows of a task those that fill batches of all its pictures. */
export function wholeBatches<P extends { readonly index: number }>(pictures: readonly P[], rows: number): readonly P[] {
  const [first, last] = [pictures[0]?.index ?? 0, pictures.at(-1)?.index ?? 0];
  const columns = pictures.length / (last - first + 1);
  const start = first * columns;
  const end = (last + 1) * columns;
  const from = Math.ceil(start / LOOK) * LOOK;
  const to = last + 1 === rows ? end : Math.floor(end / LOOK) * LOOK;
  return pictures.slice(from - start, Math.max(from, to) - start);
}

interface Tools {
  readonly bench: Bench;
  readonly engine: Engine;
  readonly options: PieceOptions;
}

async function lookAtReference(task: Task, piece: Piece, tools: Tools): Promise<void> {
  const { bench, engine, options } = tools;
  const { truncation } = task;
  const model = modelForClass(bench.model, task.class);
  const drawer = await openDrawer(model, engine, {
    ...{ seed: REFERENCE_SEED, truncation: [truncation, truncation], jitter: 0 },
  });
  try {
    const { first, count } = rowsOfPiece(piece);
    const batches = referenceBatches(drawer, { task, model, first, count, signal: options.signal });
    await look(task, batches, count, tools);
  } finally {
    await drawer.dispose();
  }
}

async function look<T>(
  task: Task,
  batches: AsyncIterable<LookBatch<T>>,
  total: number,
  { bench, engine, options }: Tools,
): Promise<void> {
  const { services, kept, script } = options;
  const model = modelForClass(bench.model, task.class);
  const painter = openPainter({ model, engine, services, noise: task.noise, count: LOOK, total });
  try {
    const tools = { bench, painter, task, engine, host: services.host, kept, lacec: script.lacec };
    const looked = lookThrough(batches, lookingTools(tools));
    while ((await looked.next()).done !== true);
  } finally {
    await painter.dispose();
  }
}
