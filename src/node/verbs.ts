// The verbs on this machine, as the door `lacec/node` hands them out: each is that of src/app with the Platform of Node.
// Those of labels and heads are in learning-verbs.ts, those of pictures in picture-verbs.ts, those of models in model-verbs.ts.
import type { CacheUse } from "../app/platform.js";
import * as buildVerb from "../app/build.js";
import * as cacheVerb from "../app/cache.js";
import * as cleanVerb from "../app/clean.js";
import * as checkVerb from "../app/check.js";
import { compileScript, type Compilation } from "../app/compile-script.js";
import * as diffVerb from "../app/diff.js";
import * as doctorVerb from "../app/doctor.js";
import * as explainVerb from "../app/explain.js";
import * as formatVerb from "../app/format-files.js";
import * as lockVerb from "../app/lock.js";
import * as planVerb from "../app/plan.js";
import * as runVerb from "../app/run.js";
import * as verifyVerb from "../app/verify.js";
import { onThisMachine } from "./platform.js";

/**
 * Names every mistake of scripts, as `lacec check`.
 *
 * Errors   LaceError for a file that cannot be read.
 *
 * @example
 * ```ts
 * import { check } from "lacec/node";
 * for (const { file, diagnostics } of await check(["portraits.lace"])) console.log(file, diagnostics.length);
 * ```
 */
export async function check(files: readonly string[]): Promise<readonly checkVerb.Checked[]> {
  return onThisMachine((platform) => checkVerb.check(platform, files));
}

/**
 * Formats a script in place, as `lacec fmt`; with `write: false`, only says how it should be.
 *
 * Errors   LaceError for a file that cannot be read or written. A script that does not parse has diagnostics and is left alone.
 *
 * @example
 * ```ts
 * import { formatFile } from "lacec/node";
 * const { before, after } = await formatFile("portraits.lace", { write: false });
 * console.log(before === after);
 * ```
 */
export async function formatFile(
  file: string,
  options: { readonly write?: boolean } = {},
): Promise<formatVerb.Formatted> {
  return onThisMachine((platform) => formatVerb.formatFile(platform, file, options));
}

/**
 * Brings lace.lock beside a script up to date, as `lacec lock`; with `check`, only compares.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5305 if `check` finds a difference, and of models.
 *
 * @example
 * ```ts
 * import { lock } from "lacec/node";
 * const { diagnostics } = await lock("portraits.lace");
 * for (const d of diagnostics) console.log(d.message);
 * ```
 */
export async function lock(script: string, options: { readonly check?: boolean } = {}): Promise<lockVerb.Locked> {
  return onThisMachine((platform) => lockVerb.lock(platform, script, options));
}

/**
 * Says how much the cache of the working folder holds, as `lacec cache`; with `clean`, empties it.
 *
 * @example
 * ```ts
 * import { cache } from "lacec/node";
 * const { entries, bytes } = await cache();
 * console.log(entries, bytes);
 * ```
 */
export async function cache(options: { readonly clean?: boolean } = {}): Promise<CacheUse> {
  return onThisMachine((platform) => cacheVerb.cache(platform, options));
}

/**
 * Tries the engines of this machine, and times them, as `lacec doctor`.
 *
 * @example
 * ```ts
 * import { doctor } from "lacec/node";
 * const { auto, engines } = await doctor({ speed: false });
 * console.log(auto, engines.filter((e) => e.usable).length);
 * ```
 */
export async function doctor(options: doctorVerb.DoctorOptions = {}): Promise<doctorVerb.Examination> {
  return onThisMachine((platform) => doctorVerb.doctor(platform, options));
}

/**
 * Explains a code, as `lacec explain`.
 *
 * Errors   UsageError if there is no such code.
 *
 * @example
 * ```ts
 * import { explain } from "lacec/node";
 * console.log(await explain("L2001"));
 * ```
 */
export async function explain(code: string): Promise<string> {
  return onThisMachine((platform) => explainVerb.explain(platform, code));
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
export async function compile(script: string, options: runVerb.CompileOptions = {}): Promise<Compilation> {
  return onThisMachine((platform) => compileScript(script, platform.host, runVerb.overridesOf(options)));
}

export interface RunInFolderOptions extends Omit<runVerb.RunOptions, "cache"> {
  /** Folder where results are kept between runs, such as ".lace"; default: nowhere. */
  readonly cache?: string;
}

export interface PlanInFolderOptions extends Omit<planVerb.PlanOptions, "cache"> {
  /** Folder where rates are kept between calls, such as ".lace"; default: nowhere. */
  readonly cache?: string;
}

/**
 * Says what a run of a script would take, and how rare what it asks for is, as `lacec plan`: its first samples are drawn, nothing is written.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5006 for outputs that cannot be, and those of a run.
 *
 * @example
 * ```ts
 * import { plan } from "lacec/node";
 * const { tasks, seconds, bytes } = await plan("portraits.lace", { engine: "onnx-cpu" });
 * for (const { name, conditions } of tasks) console.log(name, conditions[0]?.satisfied, seconds, bytes);
 * ```
 */
export async function plan(script: string, options: PlanInFolderOptions = {}): Promise<planVerb.PlannedRun> {
  const { cache: folder, ...rest } = options;
  return onThisMachine(async (platform) => {
    const cache = folder === undefined ? undefined : platform.openCache({ folder });
    try {
      return await planVerb.plan(platform, script, { ...rest, cache });
    } finally {
      await cache?.close();
    }
  });
}

/**
 * Runs a script, as `lacec run`: samples, images, files, run.json.
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
export async function run(script: string, options: RunInFolderOptions = {}): Promise<runVerb.Results> {
  const { cache: folder, ...rest } = options;
  return onThisMachine(async (platform) => {
    const cache = folder === undefined ? undefined : platform.openCache({ folder });
    try {
      return await runVerb.run(platform, script, { ...rest, cache });
    } finally {
      await cache?.close();
    }
  });
}

/**
 * Runs a script again and compares with the hashes in its run.json, as `lacec verify`; nothing is written.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5310 if there is no record of it, and what a run throws.
 *
 * @example
 * ```ts
 * import { verify } from "lacec/node";
 * const { ok, differences } = await verify("portraits.lace", { out: "out" });
 * console.log(ok, differences);
 * ```
 */
export async function verify(script: string, options: verifyVerb.VerifyOptions = {}): Promise<verifyVerb.Verification> {
  return onThisMachine((platform) => verifyVerb.verify(platform, script, options));
}

/**
 * Removes the outputs of earlier runs that the last run of a script did not make, as `lacec clean`.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5310 if there is no record of it, L5309 while it runs.
 *
 * @example
 * ```ts
 * import { clean } from "lacec/node";
 * const { removed, kept } = await clean("portraits.lace", { out: "out", dryRun: true });
 * console.log(removed, kept);
 * ```
 */
export async function clean(script: string, options: cleanVerb.CleanOptions = {}): Promise<cleanVerb.Cleaned> {
  return onThisMachine((platform) => cleanVerb.clean(platform, script, options));
}

/**
 * Says what changed in meaning between two scripts, or two git revisions of one, as `lacec diff`.
 *
 * Errors   UsageError for a sheet in a format that cannot be written; ScriptError; LaceError L5004 if git knows no such revision.
 *
 * @example
 * ```ts
 * import { diff } from "lacec/node";
 * const { differences } = await diff({ script: "portraits.lace" }, { script: "portraits.lace" });
 * for (const { about, sentences } of differences) console.log(about, sentences);
 * ```
 */
export async function diff(
  before: diffVerb.ScriptAt,
  after: diffVerb.ScriptAt,
  options: diffVerb.DiffOptions = {},
): Promise<diffVerb.Difference> {
  return onThisMachine((platform) => diffVerb.diff(platform, before, after, options));
}

/**
 * Shows or writes what a script compiles to, as `lacec build`.
 *
 * Errors   UsageError for options that contradict each other; ScriptError for a script that does not get as far; LaceError of models, engines.
 *
 * @example
 * ```ts
 * import { build } from "lacec/node";
 * const { text } = await build("portraits.lace", { print: "energy" });
 * console.log(text);
 * ```
 */
export async function build(script: string, options: buildVerb.BuildOptions): Promise<buildVerb.Built> {
  return onThisMachine((platform) => buildVerb.build(platform, script, options));
}
