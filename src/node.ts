// The door `lacec/node`: scripts as files, run on this machine. Names are re-exported one by one; what is not here is internal.
// In: scripts as files. Out: compilations, runs, models. Nothing here prints, and nothing ends the process.
import { nodeHost } from "./node/host.js";
import type { Model } from "./models/model.js";
import { loadPack } from "./models/pack/pack.js";

/**
 * Loads a model: a pack's path or "builtin:NAME".
 *
 * Errors   LaceError L50xx if it cannot be read, L51xx if it is damaged.
 *
 * @example
 * ```ts
 * import { loadModel } from "lacec/node";
 * const avatar = await loadModel("builtin:avatar");
 * console.log(avatar.info.attributes.map((a) => a.name));
 * ```
 */
export async function loadModel(path: string): Promise<Model> {
  return loadPack(nodeHost(), path);
}

export { addModel, attributes, importFile, inspect, listModels, pullModel, removeModel } from "./node/model-verbs.js";
export {
  build,
  cache,
  check,
  clean,
  compile,
  diff,
  doctor,
  explain,
  formatFile,
  lock,
  plan,
  run,
  verify,
} from "./node/verbs.js";
export {
  convertLaceLatents,
  convertStyleflow,
  evaluate,
  exportForLabels,
  exportImages,
  joinData,
  label,
  train,
  trainEncoder,
} from "./node/learning-verbs.js";
export { diffPictures, mergePictures, pictureText, reproduceImage, show } from "./node/picture-verbs.js";
export type { RunInFolderOptions as RunOptions } from "./node/verbs.js";
export type { BuildOptions, BuildStage, Built } from "./app/build.js";
export type { Difference, DiffOptions, ScriptAt } from "./app/diff.js";
export type { PixelDifference, ReproducedImage, ReproduceImageOptions } from "./app/reproduce-image.js";
export type { CompileOptions, Shard } from "./app/run.js";
export type { Verification, VerifiedOutput, VerifyOptions } from "./app/verify.js";
export type { CleanOptions, Cleaned } from "./app/clean.js";
export type { AttributeFacts, ModelAttributes } from "./app/attributes.js";
export type { AttributesInFolderOptions as AttributesOptions } from "./node/model-verbs.js";
export type { ConditionRate, PlannedFiles, PlannedRun, PlannedTask, TaskSeconds } from "./app/plan.js";
export type { PlanInFolderOptions as PlanOptions } from "./node/verbs.js";
export type { Checked } from "./app/check.js";
export { ScriptError } from "./app/compile-script.js";
export type { DoctorOptions, Examination, ExaminedEngine } from "./app/doctor.js";
export type { ConvertOptions, DataFileOptions } from "./app/data-files.js";
export type { EvaluatedScript, EvaluateOptions, Evaluation } from "./app/evaluate.js";
export type { Formatted } from "./app/format-files.js";
export type { ExportedImages, Labelled, LabelOptions, RowOptions } from "./app/label.js";
export type { ImportedFile, ImportOptions } from "./app/import-file.js";
export type { MergedPicture, PictureOptions } from "./app/pictures.js";
export type { Locked } from "./app/lock.js";
export type { AddOptions, PullOptions, ListedModel, StoredModels } from "./app/models.js";
export type { CacheUse } from "./app/platform.js";
export type { TrainingReport, TrainOptions, Training } from "./app/train.js";
export type { EncoderSettings, EncoderTraining, TrainEncoderOptions } from "./app/train-encoder.js";
export { UsageError, type EngineChoice, type VerbOptions } from "./app/verb.js";
export type { DescribedAttribute } from "./models/describe-model.js";
export type { Baseline } from "./learn/evaluate/baseline.js";
export type { SetMeasure } from "./learn/evaluate/evaluation.js";
export type { ExportedOutcomes } from "./learn/evaluate/export-outcomes.js";
export type { DataMetadata } from "./learn/label/data-metadata.js";
export type { Tally } from "./learn/label/tally.js";
export type { AttributeReport, Correlations } from "./learn/train/evaluate.js";
export type { TrainSettings } from "./learn/train/settings.js";
export type { JudgedHeads, LabellerIdentity } from "./runtime/services/labeller-identity.js";
export type { Speed } from "./runtime/services/speed.js";
export type { World } from "./runtime/services/world.js";
/** Files of this machine, for the functions of `lacec` that take a host. */
export { nodeHost, type NodeHost } from "./node/host.js";
/** Engines, models, classifiers and the image codec of this machine, for the functions of `lacec` that take services. */
export { nodeServices } from "./node/services.js";
export * from "./index.js";

// Types that those name.
export type { AdamSettings } from "./compiler/build/training-step.js";
export type { ScalarLoss } from "./compiler/build/training.js";
export type { BaselineSet } from "./learn/evaluate/baseline.js";
export type { Estimate } from "./learn/evaluate/bootstrap.js";
export type { ClauseMeasure, HandCount, MethodMeasure, StepMeasure } from "./learn/evaluate/evaluation.js";
export type { ReliabilityBin } from "./learn/train/calibrate.js";
export type { ClassReport, ScalarReport } from "./learn/train/evaluate.js";
export type { SteppingPlace } from "./runtime/services/engine.js";
