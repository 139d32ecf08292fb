// The verbs of labels, heads and measures, as the door `lacec/node` hands them out: each is that of src/app with the Platform of Node.
import * as dataVerb from "../app/data-files.js";
import * as evaluateVerb from "../app/evaluate.js";
import * as labelVerb from "../app/label.js";
import * as trainVerb from "../app/train.js";
import * as encoderVerb from "../app/train-encoder.js";
import { onThisMachine } from "./platform.js";

/**
 * Trains heads for attributes on labelled latents, as `lacec train`: docs/data.md says what the files hold.
 *
 * Errors   UsageError; LaceError of data, packs, engines and the disk, L4106 if `signal` aborts (`resume` then goes on).
 *
 * @example
 * ```ts
 * import { train } from "lacec/node";
 * const { files, report } = await train(["data.safetensors"], { hidden: [12], epochs: 2, engine: "onnx-cpu" });
 * console.log(files, report.attributes.map((a) => a.name));
 * ```
 */
export async function train(
  data: readonly string[],
  options: trainVerb.TrainOptions = {},
): Promise<trainVerb.Training> {
  return onThisMachine((platform) => trainVerb.train(platform, data, options));
}

/**
 * Trains an encoder of a model's pictures on its own samples, as `lacec train --encoder`: photographs begin with what it says.
 *
 * Errors   LaceError of the model, the engine and the disk, L4106 if `signal` aborts.
 *
 * @example
 * ```ts
 * import { trainEncoder } from "lacec/node";
 * const { files, explained } = await trainEncoder("builtin:avatar", { count: 64, epochs: 1, hidden: [8], engine: "onnx-cpu" });
 * console.log(files, explained.w < 1);
 * ```
 */
export async function trainEncoder(
  model: string,
  options: encoderVerb.TrainEncoderOptions = {},
): Promise<encoderVerb.EncoderTraining> {
  return onThisMachine((platform) => encoderVerb.trainEncoder(platform, model, options));
}

/**
 * Labels latents of a model into a data file, as `lacec label`.
 *
 * Errors   UsageError; LaceError of the model, the labeller, the labels and the disk, L4106 if `signal` aborts (the same call then goes on).
 *
 * @example
 * ```ts
 * import { label } from "lacec/node";
 * const { file, tallies } = await label("builtin:avatar", { count: 16, output: "few.safetensors", engine: "onnx-cpu" });
 * console.log(file, tallies.map((t) => t.name));
 * ```
 */
export async function label(model: string, options: labelVerb.LabelOptions = {}): Promise<labelVerb.Labelled> {
  return onThisMachine((platform) => labelVerb.label(platform, model, options));
}

/**
 * Writes the images that the same call of `label` would look at, and a table for labels by hand, as `lacec label --export`.
 *
 * Errors   LaceError of the model and the disk, L4106 if `signal` aborts.
 *
 * @example
 * ```ts
 * import { exportImages } from "lacec/node";
 * const { table } = await exportImages("builtin:avatar", "by-hand", { count: 2, engine: "onnx-cpu" });
 * console.log(table);
 * ```
 */
export async function exportImages(
  model: string,
  folder: string,
  options: labelVerb.RowOptions = {},
): Promise<labelVerb.ExportedImages> {
  return onThisMachine((platform) => labelVerb.exportImages(platform, model, folder, options));
}

/**
 * Writes the pictures that `evaluate` counts, in an order by chance, and a table for labels by hand, as `lacec eval --export`.
 *
 * Errors   those of `evaluate`; LaceError L5313 if the folder has a table of other pictures.
 *
 * @example
 * ```ts
 * import { exportForLabels } from "lacec/node";
 * const { table, count } = await exportForLabels("portraits.lace", "to-judge", { count: 2, engine: "onnx-cpu" });
 * console.log(table, count);
 * ```
 */
export async function exportForLabels(
  script: string,
  folder: string,
  options: Parameters<typeof evaluateVerb.exportForLabels>[3] = {},
): Promise<evaluateVerb.ExportedOutcomes> {
  return onThisMachine((platform) => evaluateVerb.exportForLabels(platform, script, folder, options));
}

/**
 * Joins the data files of parts of the rows (`shard`) to the one that a single call of `label` would have written, as `lacec label --join`.
 *
 * Errors   LaceError L5317 if they do not fit together, those of damaged files and of the disk.
 *
 * @example
 * ```ts
 * import { joinData, label } from "lacec/node";
 * const about = { count: 65, output: "part.safetensors", engine: "onnx-cpu" };
 * const parts = [];
 * for (const number of [1, 2]) parts.push(await label("builtin:avatar", { ...about, shard: { number, of: 2 } }));
 * const { count } = await joinData(parts.map((p) => p.file), { output: "whole.safetensors" });
 * console.log(count);
 * ```
 */
export async function joinData(
  files: readonly string[],
  options: dataVerb.DataFileOptions = {},
): Promise<labelVerb.Labelled> {
  return onThisMachine((platform) => dataVerb.joinData(platform, files, options));
}

/**
 * Measures what a script's sets and edits are worth, as `lacec eval`: docs/eval.md says what is measured.
 *
 * Errors   UsageError; ScriptError of a script that does not compile; LaceError of files, models, engines and labellers.
 *
 * @example
 * ```ts
 * import { evaluate } from "lacec/node";
 * const { evaluation } = await evaluate("portraits.lace", { count: 2, reference: 4, engine: "onnx-cpu" });
 * for (const { name, clauses } of evaluation.sets) console.log(name, clauses.at(-1)?.labeller);
 * ```
 */
export async function evaluate(
  script: string,
  options: evaluateVerb.EvaluateOptions = {},
): Promise<evaluateVerb.EvaluatedScript> {
  return onThisMachine((platform) => evaluateVerb.evaluateScript(platform, script, options));
}

/**
 * Converts the labelled latents of StyleFlow's data set, all_latents.pickle and att_light.pickle of a folder, as `lacec label --from-styleflow`.
 *
 * Errors   LaceError L5104 to L5107 (pickles), those of `model`, L50xx.
 *
 * @example
 * ```ts
 * import { convertStyleflow } from "lacec/node";
 * const { count, tallies } = await convertStyleflow("styleflow", { output: "styleflow.safetensors" });
 * console.log(count, tallies.map((t) => t.name));
 * ```
 */
export async function convertStyleflow(
  folder: string,
  options: dataVerb.ConvertOptions = {},
): Promise<labelVerb.Labelled> {
  return onThisMachine((platform) => dataVerb.convertStyleflow(platform, folder, options));
}

/**
 * Converts labelled latents of the LACE paper's scripts, ws_latent.pickle and pred.pickle of a folder, as `lacec label --from-lace`.
 *
 * Errors   LaceError L5104 to L5107 (pickles), L5108 (the table `attributes`), those of `model`, L50xx.
 *
 * @example
 * ```ts
 * import { convertLaceLatents } from "lacec/node";
 * const { count, tallies } = await convertLaceLatents("lace-latents", { output: "lace-latents.safetensors" });
 * console.log(count, tallies.map((t) => t.name));
 * ```
 */
export async function convertLaceLatents(
  folder: string,
  options: Parameters<typeof dataVerb.convertLaceLatents>[2] = {},
): Promise<labelVerb.Labelled> {
  return onThisMachine((platform) => dataVerb.convertLaceLatents(platform, folder, options));
}
