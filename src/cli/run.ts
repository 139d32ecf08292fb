// lacec run: compile, execute, and say what came of it, for each script in turn.
// Invariants: if one script is wrong none runs, and no engine is opened; an interrupted run leaves whole files or none; with --json
// stdout is one JSON document whatever happens.
import type { Plan } from "../compiler/plan.js";
import { execute } from "../runtime/execute.js";
import type { Results } from "../runtime/record/record.js";
import type { EngineName } from "../runtime/services/engine.js";
import { UsageError } from "../app/verb.js";
import { compileScript, type Compilation } from "../app/compile-script.js";
import type { Cache } from "../ports/cache.js";
import type { Host } from "../ports/host.js";
import { buildCache } from "../node/build-cache.js";
import { nodeHost } from "../node/host.js";
import { keepLock } from "../runtime/recipe/lock-file.js";
import { identifyScript, nodeServices } from "../node/services.js";
import { LaceError, type Diagnostic } from "../source/diagnostic.js";
import { engineName } from "./engine-name.js";
import { EXIT, exitCodeOf, gravest, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt, type Interrupt } from "./interrupt.js";
import { terminalProgress, type Progress } from "./progress.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { expandScripts, STDIN_NAME, withStdin } from "./scripts.js";
import { printSummary } from "./summary.js";
import { filesOf, untilChanged } from "./watch.js";

export interface RunOptions {
  readonly out: string;
  readonly set?: Readonly<Record<string, number>>;
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
  readonly quiet?: boolean;
  readonly json?: boolean;
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
interface Shared {
  readonly io: Io;
  readonly host: Host;
  readonly options: RunOptions;
  readonly engine: EngineName | "auto";
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly cache: Cache | undefined;
}

export async function runVerb(io: Io, words: readonly string[], options: RunOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const scripts = await expandScripts(words);
  const mistake = usageMistake(scripts, options);
  if (mistake !== undefined) throw new UsageError(mistake);
  const disk = nodeHost();
  const progress = terminalProgress(io, () => disk.now());
  const interrupt = onInterrupt(async () => {
    await disk.close();
    progress.clear();
    io.err("interrupted; files already finished are whole, nothing else was left\n");
  });
  const cache = options.cache === false ? undefined : buildCache();
  try {
    const host = scripts.includes(STDIN_NAME) ? await withStdin(disk) : disk;
    const shared = { io, host, options, engine, progress, interrupt, cache };
    if (options.watch !== true) return await runScripts(scripts, shared);
    for (;;) {
      const files = await filesOf(scripts);
      await runScripts(scripts, shared);
      io.err(io.errColors.dim("watching; Ctrl-C ends\n"));
      await untilChanged(files);
    }
  } finally {
    progress.clear();
    interrupt.stop();
    await cache?.close();
    await disk.close();
  }
}

function usageMistake(scripts: readonly string[], { watch, json }: RunOptions): string | undefined {
  if (watch === true && scripts.includes(STDIN_NAME)) return "--watch needs files, and standard input is none";
  return watch === true && json === true ? "--watch has no end, so it cannot give one JSON document" : undefined;
}

async function runScripts(scripts: readonly string[], shared: Shared): Promise<ExitCode> {
  const { io, options, cache, progress } = shared;
  const jobs: Job[] = [];
  const ended: Ended[] = [];
  for (const script of scripts) {
    const job = await compileJob(script, shared);
    if ("exitCode" in job) ended.push(job);
    else jobs.push(job);
  }
  const wrong = [...ended];
  for (const job of jobs) {
    if (wrong.length === 0) ended.push(await runJob(job, shared));
    else ended.push(end(job, undefined, job.compilation.diagnostics, shared));
  }
  const exitCode = gravest(ended.map((e) => e.exitCode));
  progress.clear();
  if (options.json === true) {
    const [only, ...more] = ended;
    const runs = ended.map((e) => e.document);
    const document = more.length === 0 ? only?.document : { ok: exitCode === EXIT.done, exitCode, runs };
    io.out(`${JSON.stringify(document, null, 2)}\n`);
  } else if (cache?.trouble !== undefined && options.quiet !== true) {
    io.err(`note: the cache cannot be written (${cache.trouble}); an interrupted run would start again from nothing\n`);
  }
  return exitCode;
}

function overridesOf({ count, seed }: RunOptions): { readonly count?: number; readonly seed?: number } {
  return { ...(count === undefined ? {} : { count }), ...(seed === undefined ? {} : { seed }) };
}

/** The compiled script, or how it ended if it is wrong. */
async function compileJob(script: string, shared: Shared): Promise<Job | Ended> {
  const { host, options } = shared;
  try {
    const inputs = new Map(Object.entries(options.set ?? {}));
    const job = { script, compilation: await compileScript(script, host, { inputs, ...overridesOf(options) }) };
    return job.compilation.plan === undefined ? end(job, undefined, job.compilation.diagnostics, shared) : job;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end({ script, compilation: { diagnostics: [], sources: new Map() } }, undefined, error.diagnostics, shared);
  }
}

async function runJob(job: Job, shared: Shared): Promise<Ended> {
  const { host, options, engine, progress, interrupt, cache } = shared;
  const { script, compilation } = job;
  const { plan, program, diagnostics } = compilation;
  if (plan === undefined || program === undefined) return end(job, undefined, diagnostics, shared);
  const frozen = options.frozen === true;
  try {
    const results = await execute(plan, nodeServices(host, engine, cache), {
      out: options.out,
      script: await identifyScript(host, program),
      source: { program, overrides: overridesOf(options) },
      provenance: options.provenance !== false,
      ...(script === STDIN_NAME ? {} : { onLock: (lock) => keepLock(host, lock, { script, frozen }) }),
      ...(options.shard === undefined ? {} : { shard: options.shard }),
      ...(options.quiet === true || options.json === true ? {} : { onEvent: progress.onEvent }),
      signal: interrupt.signal,
    });
    const ended = end(job, results, [...diagnostics, ...results.diagnostics], shared);
    if (options.shard !== undefined) noteWhatIsLeft(plan, shared);
    return ended;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end(job, undefined, [...diagnostics, ...error.diagnostics], shared);
  }
}

/** Names the files that need all samples: no shard makes them. */
function noteWhatIsLeft({ saves }: Plan, { io, options }: Shared): void {
  const left = saves.filter((save) => save.form.kind !== "each").map((save) => save.path);
  if (left.length === 0 || options.quiet === true || options.json === true) return;
  io.err(`note: left to a run without --shard, after all shards: ${left.join(", ")}\n`);
}

/** Says how a script ended (with --json, keeps it for the end). */
function end(
  { script, compilation: { sources } }: Job,
  results: Results | undefined,
  diagnostics: readonly Diagnostic[],
  { io, options, progress }: Shared,
): Ended {
  progress.clear();
  const exitCode = exitCodeOf(diagnostics);
  const run = results === undefined ? null : { recordFile: results.recordFile, ...results.record };
  const said = { ok: exitCode === EXIT.done, exitCode, diagnostics: jsonDiagnostics(diagnostics, sources) };
  if (options.json !== true) {
    const shown = options.quiet === true ? diagnostics.filter((d) => d.severity === "error") : diagnostics;
    printDiagnostics(shown, sources, io);
    if (results !== undefined && options.quiet !== true) printSummary(results, options.out, io);
  }
  return { exitCode, document: { ...said, script, run } };
}
