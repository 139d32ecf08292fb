// The door `lacec/node`: scripts as files, run on this machine. Names are re-exported one by one; what is not here is internal.
// In: scripts as files. Out: compilations, runs, models. Nothing here prints, and nothing ends the process.
import { compileScript, type Compilation } from "./app/compile-script.js";
import { execute } from "./runtime/execute.js";
import type { Results } from "./runtime/record/record.js";
import type { Shard } from "./runtime/plan/selection.js";
import { folderCache } from "./node/cache.js";
import type { EngineName } from "./runtime/services/engine.js";
import type { OnEvent } from "./ports/events.js";
import { nodeHost } from "./node/host.js";
import type { Model } from "./models/model.js";
import { loadPack } from "./models/pack/pack.js";
import { identifyScript, nodeServices } from "./node/services.js";
import type { Overridden } from "./runtime/recipe/recipe.js";
import { LaceError } from "./source/diagnostic.js";

export interface CompileOptions {
  /** Values of the script's inputs, as `--set` gives them. */
  readonly inputs?: Readonly<Record<string, number>>;
  /** Draw this many samples, whatever the script says. */
  readonly count?: number;
  /** Draw from this seed, whatever the script says. */
  readonly seed?: number;
}

export interface RunOptions extends CompileOptions {
  /** Folder that outputs go to; default: the working folder. */
  readonly out?: string;
  /** Default: the best of this machine. */
  readonly engine?: EngineName | "auto";
  /** Whether images carry their recipe (docs/reproducibility.md); default: true. */
  readonly provenance?: boolean;
  /** Draw this part of the samples, counted from 1; sheets and expectations wait for a run of all. */
  readonly shard?: Shard;
  /** Folder where results are kept between runs, such as ".lace"; default: nowhere. */
  readonly cache?: string;
  readonly onEvent?: OnEvent;
  /** Stops the run between two pieces of work; it then throws a LaceError L4106. */
  readonly signal?: AbortSignal;
}

/**
 * Compiles a script without running it.
 *
 * Errors   mistakes of the script are `diagnostics`, and `plan` is then absent; LaceError if the file cannot be read.
 *
 * @example
 * ```ts
 * import { compile } from "lacec/node";
 * const { plan, diagnostics } = await compile("portraits.lace", { inputs: { seed: 7 } });
 * if (plan === undefined) for (const d of diagnostics) console.error(d.code, d.message);
 * ```
 */
export async function compile(script: string, options: CompileOptions = {}): Promise<Compilation> {
  const { inputs, count, seed } = options;
  return compileScript(script, nodeHost(), {
    inputs: new Map(Object.entries(inputs ?? {})),
    ...overridden({ count, seed }),
  });
}

/** Those that are there. */
function overridden({ count, seed }: { count: number | undefined; seed: number | undefined }): Overridden {
  return { ...(count === undefined ? {} : { count }), ...(seed === undefined ? {} : { seed }) };
}

/**
 * Runs a script: samples, images, files, run.json.
 *
 * Errors   LaceError with the diagnostics of a script that does not compile, of what cannot be run yet, or of the environment.
 *          Samples that fail and expectations that are missed are in `results.diagnostics`.
 *
 * @example
 * ```ts
 * import { run } from "lacec/node";
 * const results = await run("portraits.lace", { out: "out", engine: "onnx-cpu" });
 * for (const e of results.expectations) console.log(e.text, e.heads.satisfied, "of", e.heads.counted);
 * ```
 */
export async function run(script: string, options: RunOptions = {}): Promise<Results> {
  const { out = ".", engine = "auto", provenance = true, shard, cache: folder, count, seed, onEvent, signal } = options;
  const { plan, program, diagnostics } = await compile(script, options);
  if (plan === undefined || program === undefined) throw new LaceError(diagnostics);
  const host = nodeHost();
  const cache = folder === undefined ? undefined : folderCache({ folder });
  try {
    return await execute(plan, nodeServices(host, engine, cache), {
      out,
      script: await identifyScript(host, program),
      source: { program, overrides: overridden({ count, seed }) },
      provenance,
      ...(shard === undefined ? {} : { shard }),
      ...(onEvent === undefined ? {} : { onEvent }),
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    await cache?.close();
    await host.close();
  }
}

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

export {
  cache,
  check,
  doctor,
  evaluate,
  explain,
  exportImages,
  formatFile,
  joinData,
  label,
  lock,
  show,
  train,
} from "./node/verbs.js";
export { addModel, listModels, pullModel, removeModel } from "./node/verbs.js";
export { cache, check, doctor, explain, formatFile, importFile, inspect, lock, show, train } from "./node/verbs.js";
export type { Checked } from "./app/check.js";
export { ScriptError } from "./app/compile-script.js";
export type { DoctorOptions, Examination, ExaminedEngine } from "./app/doctor.js";
export type { DataFileOptions } from "./app/data-files.js";
export type { EvaluatedScript, EvaluateOptions, Evaluation } from "./app/evaluate.js";
export type { Formatted } from "./app/format-files.js";
export type { ExportedImages, Labelled, LabelOptions, RowOptions } from "./app/label.js";
export type { ImportedFile, ImportOptions } from "./app/import-file.js";
export type { Locked } from "./app/lock.js";
export type { AddOptions, PullOptions, StoredModels } from "./app/models.js";
export type { CacheUse } from "./app/platform.js";
export type { Report, TrainOptions, Training } from "./app/train.js";
export { UsageError, type EngineChoice, type VerbOptions } from "./app/verb.js";
export type { Shard } from "./runtime/plan/selection.js";
/** Files of this machine, for the functions of `lacec` that take a host. */
export { nodeHost, type NodeHost } from "./node/host.js";
/** Engines, models, classifiers and the image codec of this machine, for the functions of `lacec` that take services. */
export { nodeServices } from "./node/services.js";
export * from "./index.js";
