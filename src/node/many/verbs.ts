// The verbs of many machines on this machine, as the door `lacec/worker` hands them out.
import * as collectVerb from "../../app/many/collect.js";
import * as evalQueue from "../../app/many/eval-queue.js";
import * as jobsVerb from "../../app/many/jobs.js";
import * as labelQueue from "../../app/many/label-queue.js";
import * as submitVerb from "../../app/many/submit.js";
import * as workVerb from "../../app/many/work.js";
import { onThisMachine } from "../platform.js";

/**
 * Draws what is queued until the signal aborts, as `lacec worker`. The engine runs in a process of its own.
 *
 * Errors   UsageError for addresses that are none; LaceError L5404 for a queue that cannot be reached.
 *
 * @example
 * ```ts
 * import { work } from "lacec/worker";
 * const { pieces } = await work({ queue: "redis://127.0.0.1:6379", store: "store", untilEmpty: true });
 * console.log(pieces);
 * ```
 */
export async function work(options: workVerb.WorkOptions): Promise<workVerb.Worked> {
  return onThisMachine((platform) => workVerb.work(platform, options));
}

/**
 * Queues a script's pieces, as `lacec submit`.
 *
 * Errors   ScriptError; UsageError for addresses that are none; LaceError L5403 and L5404 for a store or queue that cannot be used.
 *
 * @example
 * ```ts
 * import { submit } from "lacec/worker";
 * const { id, queued } = await submit("portraits.lace", { queue: "redis://127.0.0.1:6379", store: "store" });
 * console.log(id, queued);
 * ```
 */
export async function submit(script: string, options: submitVerb.SubmitOptions): Promise<submitVerb.Submitted> {
  return onThisMachine((platform) => submitVerb.submit(platform, script, options));
}

/**
 * Says what a queue holds, as `lacec jobs`; cancels it, or tries again what failed.
 *
 * Errors   UsageError for an address or an id that is none; LaceError L5404.
 *
 * @example
 * ```ts
 * import { jobs } from "lacec/worker";
 * const { waiting, failed } = await jobs({ queue: "redis://127.0.0.1:6379" });
 * console.log(waiting, failed);
 * ```
 */
export async function jobs(options: jobsVerb.JobsOptions): Promise<jobsVerb.Jobs> {
  return onThisMachine((platform) => jobsVerb.jobs(platform, options));
}

/**
 * Writes what a submitted script saves, as `lacec collect`.
 *
 * Errors   ScriptError; LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of a run.
 *
 * @example
 * ```ts
 * import { collect, submit, work } from "lacec/worker";
 * const meeting = { queue: "redis://127.0.0.1:6379", store: "store" };
 * await submit("portraits.lace", meeting);
 * await work({ ...meeting, untilEmpty: true });
 * const { results } = await collect("portraits.lace", { store: "store", out: "collected" });
 * console.log(results.outputs.map((o) => o.file));
 * ```
 */
export async function collect(script: string, options: collectVerb.CollectOptions): Promise<collectVerb.Collected> {
  return onThisMachine((platform) => collectVerb.collect(platform, script, options));
}

/**
 * Queues the rows that `label` would label, as `lacec label --queue`.
 *
 * Errors   UsageError; LaceError of the model and who judges, L5403 and L5404 for a store or queue that cannot be used.
 *
 * @example
 * ```ts
 * import { submitLabel } from "lacec/worker";
 * const meeting = { queue: "redis://127.0.0.1:6379", store: "store" };
 * const { id, pieces } = await submitLabel("builtin:avatar", { ...meeting, count: 128, rows: 64 });
 * console.log(id, pieces);
 * ```
 */
export async function submitLabel(
  model: string,
  options: labelQueue.SubmitLabelOptions,
): Promise<submitVerb.Submitted> {
  return onThisMachine((platform) => labelQueue.submitLabel(platform, model, options));
}

/**
 * Writes the data file of rows that were submitted, as `lacec label --store`.
 *
 * Errors   LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of `label`.
 *
 * @example
 * ```ts
 * import { collectLabel, submitLabel, work } from "lacec/worker";
 * const meeting = { queue: "redis://127.0.0.1:6379", store: "store" };
 * await submitLabel("builtin:avatar", { ...meeting, count: 64 });
 * await work({ ...meeting, untilEmpty: true });
 * const { file, count } = await collectLabel("builtin:avatar", { store: "store", count: 64 });
 * console.log(file, count);
 * ```
 */
export async function collectLabel(
  model: string,
  options: labelQueue.CollectLabelOptions,
): Promise<labelQueue.CollectedLabels> {
  return onThisMachine((platform) => labelQueue.collectLabel(platform, model, options));
}

/**
 * Queues what `evaluate` would draw and look at, as `lacec eval --queue`.
 *
 * Errors   UsageError; ScriptError; LaceError of models and who judges, L5403 and L5404 for a store or queue that cannot be used.
 *
 * @example
 * ```ts
 * import { submitEvaluation } from "lacec/worker";
 * const meeting = { queue: "redis://127.0.0.1:6379", store: "store" };
 * const { id, pieces } = await submitEvaluation("portraits.lace", { ...meeting, reference: 16, rows: 16 });
 * console.log(id, pieces);
 * ```
 */
export async function submitEvaluation(
  script: string,
  options: evalQueue.SubmitEvaluationOptions,
): Promise<submitVerb.Submitted> {
  return onThisMachine((platform) => evalQueue.submitEvaluation(platform, script, options));
}

/**
 * Measures a script whose pictures were looked at by many machines, as `lacec eval --store`.
 *
 * Errors   ScriptError; LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of `evaluate`.
 *
 * @example
 * ```ts
 * import { collectEvaluation, submitEvaluation, work } from "lacec/worker";
 * const meeting = { queue: "redis://127.0.0.1:6379", store: "store" };
 * await submitEvaluation("portraits.lace", { ...meeting, reference: 16, rows: 16 });
 * await work({ ...meeting, untilEmpty: true });
 * const { evaluation } = await collectEvaluation("portraits.lace", { store: "store", reference: 16 });
 * console.log(evaluation.sets.map((s) => s.name));
 * ```
 */
export async function collectEvaluation(
  script: string,
  options: evalQueue.CollectEvaluationOptions,
): Promise<evalQueue.CollectedEvaluation> {
  return onThisMachine((platform) => evalQueue.collectEvaluation(platform, script, options));
}
