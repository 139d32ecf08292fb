// lacec run: compile, execute, and say what came of it, for each script in turn.
// Invariants: if one script is wrong none runs, and no engine is opened; an interrupted run leaves whole files or none; with --json
// stdout is one JSON document whatever happens.
import { resourceUsage } from "node:process";
import { compileScript, wholeOf, type Compilation, type Compiled } from "../app/compile-script.js";
import { overridesOf, runCompiled, sharedOutputs, type Results, type RunOptions } from "../app/run.js";
import type { LabellerChoice, Platform } from "../app/platform.js";
import { engineChoice, UsageError } from "../app/verb.js";
import type { Cache } from "../ports/cache.js";
import { LaceError, type Diagnostic } from "../source/diagnostic.js";
import { bytesText } from "./describe.js";
import { command, type CommandContext, type Flags } from "./command.js";
import { EXIT, exitCodeOf, gravest, type ExitCode } from "./exit.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { expandScripts, STDIN_NAME, withStdin } from "./scripts.js";
import { printSummary } from "./summary.js";
import { filesOf, untilChanged } from "./watch.js";

interface RunFlags extends Flags, LabellerChoice {
  readonly out: string;
  readonly set?: Readonly<Record<string, number | string>>;
  readonly count?: number;
  readonly seed?: number;
  readonly engine: string;
  /** `--shard 2/8`. */
  readonly shard?: { readonly number: number; readonly of: number };
  readonly frozen?: boolean;
  readonly watch?: boolean;
  /** False with --no-cache. */
  readonly cache?: boolean;
  /** False with --no-provenance. */
  readonly provenance?: boolean;
}

/** A script that has been compiled, and what was said about it. */
interface Job {
  readonly script: string;
  readonly compilation: Compilation;
}

/** How one script ended. */
interface Ended {
  readonly exitCode: ExitCode;
  /** For --json. */
  readonly document: object;
}

/** What all scripts of one command share. */
interface Shared extends CommandContext {
  /** Several scripts: what is said of each begins with its name. */
  readonly several: boolean;
  readonly flags: RunFlags;
  readonly options: RunOptions;
  readonly cache: Cache | undefined;
  /** Hints that were given: each is given once. */
  readonly hinted: Set<string>;
}

/** `lacec run SCRIPT...` */
export const runCommand = command(
  { interrupted: "interrupted; what is there is whole: finished pictures, lace.lock, results in .lace/" },
  async (context, words: readonly string[], flags: RunFlags) => {
    const { io } = context;
    const { out, set: inputs = {}, count, seed, shard, provenance = true } = flags;
    const engine = engineChoice(flags.engine);
    const scripts = await expandScripts(words);
    const mistake = usageMistake(scripts, flags);
    if (mistake !== undefined) throw new UsageError(mistake);
    const { platform } = context;
    const host = scripts.includes(STDIN_NAME) ? await withStdin(platform.host) : platform.host;
    const cache = flags.cache === false ? undefined : platform.openCache();
    const { labeller, findFaces, prompts, clipModel } = flags;
    const judge = {
      ...(labeller !== undefined && { labeller }),
      ...(findFaces !== undefined && { findFaces }),
      ...(prompts !== undefined && { prompts }),
      ...(clipModel !== undefined && { clipModel }),
    };
    const options = { ...context.watch, ...judge, out, inputs, count, seed, shard, provenance, engine, cache };
    const several = scripts.length > 1;
    const shared = {
      ...context,
      platform: { ...platform, host },
      flags,
      options,
      cache,
      several,
      hinted: new Set<string>(),
    };
    try {
      if (flags.watch !== true) return await runScripts(scripts, shared);
      for (;;) {
        const files = await filesOf(scripts, host);
        await runScripts(scripts, shared);
        io.err(io.errColors.dim("watching; Ctrl-C ends\n"));
        await untilChanged(files);
      }
    } finally {
      await cache?.close();
    }
  },
);

function usageMistake(scripts: readonly string[], { watch, json }: RunFlags): string | undefined {
  if (watch === true && scripts.includes(STDIN_NAME)) return "--watch needs files, and standard input is none";
  return watch === true && json === true ? "--watch has no end, so it cannot give one JSON document" : undefined;
}

async function runScripts(scripts: readonly string[], shared: Shared): Promise<ExitCode> {
  const { io, flags, cache } = shared;
  const jobs: Job[] = [];
  const ended: Ended[] = [];
  for (const script of scripts) {
    const job = await compileJob(script, shared);
    if ("exitCode" in job) ended.push(job);
    else jobs.push(job);
  }
  const collisions = sharedOutputs(
    jobs.flatMap(({ script, compilation: { plan } }) => (plan ? [{ script, plan }] : [])),
  );
  const wrong = ended.length > 0 || collisions.size > 0;
  for (const job of jobs) {
    if (wrong)
      ended.push(
        end(
          withSources(job, jobs),
          undefined,
          [...job.compilation.diagnostics, ...(collisions.get(job.script) ?? [])],
          shared,
        ),
      );
    else ended.push(await runJob(job, shared));
  }
  const exitCode = gravest(ended.map((e) => e.exitCode));
  if (flags.json === true) {
    const [only, ...more] = ended;
    const runs = ended.map((e) => e.document);
    const document = more.length === 0 ? only?.document : { ok: exitCode === EXIT.done, exitCode, runs };
    io.out(`${JSON.stringify(document, null, 2)}\n`);
  } else if (cache?.trouble !== undefined && flags.quiet !== true) {
    io.err(`note: the cache cannot be written (${cache.trouble}); an interrupted run would start again from nothing\n`);
  }
  return exitCode;
}

/** The job with the texts of all scripts: a mistake may be between two of them. */
function withSources(job: Job, jobs: readonly Job[]): Job {
  const sources = new Map([...jobs, job].flatMap(({ compilation }) => [...compilation.sources]));
  return { ...job, compilation: { ...job.compilation, sources } };
}

/** The compiled script, or how it ended if it is wrong. */
async function compileJob(script: string, shared: Shared): Promise<Job | Ended> {
  const { platform, options } = shared;
  try {
    const job = { script, compilation: await compileScript(script, platform.host, overridesOf(options)) };
    return job.compilation.plan === undefined ? end(job, undefined, job.compilation.diagnostics, shared) : job;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end({ script, compilation: { diagnostics: [], sources: new Map() } }, undefined, error.diagnostics, shared);
  }
}

async function runJob(job: Job, shared: Shared): Promise<Ended> {
  const { platform, flags, options } = shared;
  const { script, compilation } = job;
  const { diagnostics } = compilation;
  try {
    const compiled = wholeOf(compilation);
    // Standard input has no file that a lock could lie beside.
    const lock = script === STDIN_NAME ? undefined : flags.frozen === true ? "frozen" : "keep";
    const results = await runCompiled(platform, script, compiled, { ...options, lock });
    const ended = end(job, results, [...diagnostics, ...results.diagnostics], shared);
    if (flags.shard !== undefined) noteWhatIsLeft(compiled, shared);
    return ended;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end(job, undefined, [...diagnostics, ...error.diagnostics], shared);
  }
}

/** Names the files that need all samples: no shard makes them. */
function noteWhatIsLeft({ plan }: Compiled, { io, flags }: Shared): void {
  const left = [...plan.saves.filter((save) => save.form.kind !== "each"), ...plan.latentSaves].map(
    (save) => save.path,
  );
  if (left.length === 0 || flags.quiet === true || flags.json === true) return;
  io.err(`note: left to a run without --shard, after all shards: ${left.join(", ")}\n`);
}

/** Says how a script ended (with --json, keeps it for the end). */
function end(
  { script, compilation: { sources } }: Job,
  results: Results | undefined,
  diagnostics: readonly Diagnostic[],
  { io, flags, several, platform, hinted }: Shared,
): Ended {
  const exitCode = exitCodeOf(diagnostics);
  const run = results === undefined ? null : { recordFile: results.recordFile, ...results.record };
  const said = { ok: exitCode === EXIT.done, exitCode, diagnostics: jsonDiagnostics(diagnostics, sources) };
  if (flags.json !== true) {
    const shown = flags.quiet === true ? diagnostics.filter((d) => d.severity === "error") : diagnostics;
    const summary = flags.quiet === true ? undefined : results;
    if (several && summary !== undefined) io.out(`${io.outColors.bold(script)}\n`);
    else if (several && shown.length > 0) io.err(`${io.errColors.bold(script)}\n`);
    printDiagnostics(shown, sources, io);
    if (summary !== undefined) {
      printSummary(summary, flags.out, io);
      const peak = resourceUsage().maxRSS * 1024;
      if (peak > MUCH_MEMORY) io.err(io.errColors.dim(`memory at its fullest: ${bytesText(peak)}\n`));
      const slow = flags.engine === "auto" && summary.record.engine.name === "tfjs-wasm" && canInstall(platform);
      if (slow && !hinted.has("engine"))
        io.err(io.errColors.dim("drawn on WebAssembly; faster: lacec doctor --install\n"));
      if (slow) hinted.add("engine");
    }
  }
  return { exitCode, document: { ...said, script, run } };
}

/** Bytes of the process from which on a run says how many it took: pictures that are followed at 1024 px take several times as many. */
const MUCH_MEMORY = 1e9;

/** Whether npm can add an engine to this lacec. */
function canInstall(platform: Platform): boolean {
  try {
    platform.engineInstall();
    return true;
  } catch (error) {
    if (error instanceof LaceError) return false;
    throw error;
  }
}
