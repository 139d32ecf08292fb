// The door `lacec/worker`: the work of many images shared. Rows of a recipe on this machine, for threads and queues of others: a job of plain data
// in, image files out. And the queue of lacec's own: submit, work, collect.
import { drawRows, type DrawnRow, type RowsJob } from "./app/draw-rows.js";
import { nodeHost } from "./node/host.js";
import { lacecVersion, nodeServices } from "./node/services.js";
import type { OnEvent } from "./ports/events.js";
import type { EngineName } from "./runtime/services/engine.js";

export {
  collect,
  collectEvaluation,
  collectLabel,
  jobs,
  submit,
  submitEvaluation,
  submitLabel,
  work,
} from "./node/many/verbs.js";
export type { Collected, CollectOptions } from "./app/many/collect.js";
export type { CollectedLabels, CollectLabelOptions, QueuedLabels, SubmitLabelOptions } from "./app/many/label-queue.js";
export type { CollectedEvaluation, CollectEvaluationOptions, SubmitEvaluationOptions } from "./app/many/eval-queue.js";
export type { EvaluatedScript, EvaluateOptions } from "./app/evaluate.js";
export type { Piece } from "./runtime/plan/pieces.js";
export type { Machines } from "./app/many/bundles.js";
export type { Labelled, LabelOptions, RowOptions } from "./app/label.js";
export type { Jobs, JobsOptions, QueueState } from "./app/many/jobs.js";
export type { CutOptions, Meeting, Submitted, SubmitOptions } from "./app/many/submit.js";
export type { Worked, WorkOptions as WorkerOptions } from "./app/many/work.js";
export type { FailedJob } from "./ports/job-queue.js";
export type { DrawnRow, RowsJob } from "./app/draw-rows.js";
export type { Recipe } from "./runtime/recipe/recipe.js";
export { LaceError } from "./source/diagnostic.js";

export interface JobOptions {
  /** Default: the best of this machine. The recipe's own engine gives the recipe's bytes. */
  readonly engine?: EngineName | "auto";
  /** Where models lie, by the name that the recipe's script declares; built-in and imported ones are found. */
  readonly models?: Readonly<Record<string, string>>;
  readonly onEvent?: OnEvent;
  /** Stops between two rows; it then throws a LaceError L4106. */
  readonly signal?: AbortSignal;
}

/**
 * Draws the rows of a job.
 *
 * Errors   LaceError: L5303 for a job that does not fit together, L5304 for a model that is not given, and what a run throws.
 *
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { runJob } from "lacec/worker";
 * for (const { index, format, bytes } of await runJob({ recipe, rows: [0, 1] }, { engine: "onnx-cpu" }))
 *   await writeFile(`row-${index}.${format}`, bytes);
 * ```
 */
export async function runJob(job: RowsJob, options: JobOptions = {}): Promise<readonly DrawnRow[]> {
  const { engine = "auto", models = {}, onEvent, signal } = options;
  const host = nodeHost();
  try {
    return await drawRows(job, {
      host,
      services: (confined) => nodeServices(confined, engine),
      lacec: lacecVersion(),
      models: new Map(Object.entries(models)),
      ...(onEvent !== undefined && { onEvent }),
      ...(signal !== undefined && { signal }),
    });
  } finally {
    await host.close();
  }
}
