// A script run: samples, images, files, run.json.
import { earlierOfOneName } from "../compiler/check/one-name.js";
import type { Plan } from "../compiler/plan.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { execute } from "../runtime/execute.js";
import type { Shard } from "../runtime/plan/selection.js";
import { keepLock } from "../runtime/recipe/lock-file.js";
import type { MachineRecord, Results } from "../runtime/record/record.js";
import type { Cache } from "../ports/cache.js";
import type { WrittenFile } from "../runtime/show/saves.js";
import type { Overrides } from "../compiler/check/context.js";
import { compileWhole, type Compiled } from "./compile-script.js";
import { identifyScript } from "./identify-script.js";
import { checkLabellerChoice, judgedBy } from "./labeller-choice.js";
import type { LabellerChoice, Platform } from "./platform.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export { share } from "../runtime/record/expectations.js";
export { judgedHeadsText } from "../runtime/services/labeller-identity.js";
export type { Count, ExpectationResult } from "../runtime/record/results.js";
export type { Results } from "../runtime/record/record.js";
export type { Shard } from "../runtime/plan/selection.js";

/** What a run changes of its script. */
export interface CompileOptions {
  /** Values of the script's inputs, as `--set` gives them. */
  readonly inputs?: Readonly<Record<string, number | string>>;
  /** Draw this many samples, whatever the script says. */
  readonly count?: number | undefined;
  /** Draw from this seed, whatever the script says. */
  readonly seed?: number | undefined;
}

/** What a caller of this library's own adds to a run. */
export interface RunExtras {
  /** Who drew what the cache holds. */
  readonly machines?: readonly MachineRecord[];
  /** Files that parts of the run have written. */
  readonly written?: WrittenFile;
}

export interface RunOptions extends CompileOptions, VerbOptions, LabellerChoice {
  /** Folder that outputs go to; default: the working folder. */
  readonly out?: string;
  /** Default: the best of this machine. */
  readonly engine?: EngineChoice;
  /** Whether images carry their recipe (docs/reproducibility.md); default: true. */
  readonly provenance?: boolean;
  /** Draw this part of the samples, counted from 1; sheets and expectations wait for a run of all. */
  readonly shard?: Shard | undefined;
  /** Bring lace.lock beside the script up to date, or refuse to run if it would change; default: leave it alone. */
  readonly lock?: "keep" | "frozen" | undefined;
  /** Where results are kept between runs; default: nowhere. */
  readonly cache?: Cache | undefined;
}

/** Options as the compiler takes them. */
export function overridesOf({ inputs, count, seed }: CompileOptions): Overrides {
  return { inputs: new Map(Object.entries(inputs ?? {})), ...changed({ count, seed }) };
}

/** What a recipe names of them: those that are there. */
export function changed({ count, seed }: CompileOptions): { readonly count?: number; readonly seed?: number } {
  return { ...(count !== undefined && { count }), ...(seed !== undefined && { seed }) };
}

/**
 * Compiles a script and runs it.
 *
 * Errors   ScriptError for a script that does not compile, and those of runCompiled.
 */
export async function run(platform: Platform, script: string, options: RunOptions = {}): Promise<Results> {
  const compiled = await compileWhole(script, platform.host, overridesOf(options));
  return runCompiled(platform, script, compiled, options);
}

/**
 * Runs a script that was compiled with the same options.
 *
 * Errors   LaceError L4106 if `signal` aborts, L5305 if `lock` is frozen and would change, L5xxx of the environment. Samples that fail and
 *          expectations that are missed are diagnostics of the results.
 */
export async function runCompiled(
  platform: Platform,
  script: string,
  { plan, program }: Compiled,
  options: RunOptions = {},
  { machines, written }: RunExtras = {},
): Promise<Results> {
  checkLabellerChoice(options);
  const { host } = platform;
  const { out = ".", engine = "auto", provenance = true, shard, lock, cache, onEvent, signal } = options;
  const world = platform.world(host, engine, cache);
  return execute(plan, judgedBy(world, platform, options), {
    out,
    script: await identifyScript(platform, program),
    source: { program, overrides: changed(options) },
    provenance,
    ...(lock !== undefined && { onLock: (entry) => keepLock(host, entry, { script, frozen: lock === "frozen" }) }),
    ...(shard !== undefined && { shard }),
    ...(machines !== undefined && { machines }),
    ...(written !== undefined && { written }),
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
}

/** A script among several that write into one folder. */
interface Writer {
  readonly script: string;
  readonly plan: Plan;
}

/** Outputs that scripts of one command would write over each other (L2016), by the script that comes later. */
export function sharedOutputs(writers: readonly Writer[]): ReadonlyMap<string, readonly Diagnostic[]> {
  const all = writers.flatMap(({ script, plan }) =>
    [...plan.saves, ...plan.latentSaves].map((save) => ({ script, save })),
  );
  const found = new Map<string, Diagnostic[]>();
  const earlier = earlierOfOneName(all.map(({ save }) => save.path));
  for (const [i, { script, save }] of all.entries()) {
    const other = all[earlier[i] ?? Infinity];
    if (other === undefined || other.script === script) continue;
    const own = found.get(script) ?? [];
    own.push({
      code: "L2016",
      severity: "error",
      message: `two scripts would write one file, "${save.path}": ${other.script} does too`,
      at: { span: save.span, text: "the second one" },
      related: [{ span: other.save.span, text: "the first one" }],
      hints: ["run them one by one, each with a folder of its own: --out DIR"],
    });
    found.set(script, own);
  }
  return found;
}
