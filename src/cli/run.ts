// lacec run: compile, execute, and say what came of it.
// Invariants: a wrong script is refused before an engine is opened; an interrupted run leaves whole files or none; with --json
// stdout is one JSON document whatever happens.
import { execute } from "../runtime/execute.js";
import type { Results } from "../runtime/execute/results.js";
import { compileScript, type Compilation } from "../runtime/compile-script.js";
import { nodeHost } from "../runtime/host-node.js";
import { identifyScript, nodeServices } from "../runtime/services-node.js";
import { LaceError, type Diagnostic } from "../source/diagnostic.js";
import { engineName } from "./engine-name.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { terminalProgress } from "./progress.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { printSummary } from "./summary.js";

export interface RunOptions {
  readonly out: string;
  readonly set?: Readonly<Record<string, number>>;
  readonly count?: number;
  readonly seed?: number;
  readonly engine: string;
  /** False with --no-provenance. */
  readonly provenance?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export async function runVerb(io: Io, script: string, options: RunOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const silent = options.quiet === true || options.json === true;
  const host = nodeHost();
  const progress = terminalProgress(io, () => host.now());
  const interrupt = onInterrupt(async () => {
    await host.close();
    progress.clear();
    io.err("interrupted; files already finished are whole, nothing else was left\n");
  });
  let compilation: Compilation | undefined;
  const end = (results: Results | undefined, diagnostics: readonly Diagnostic[]): ExitCode => {
    progress.clear();
    const sources = compilation?.sources ?? new Map<string, string>();
    const exitCode = exitCodeOf(diagnostics);
    if (options.json === true) {
      const document = { ok: exitCode === 0, exitCode, diagnostics: jsonDiagnostics(diagnostics, sources) };
      const run = results === undefined ? null : { recordFile: results.recordFile, ...results.record };
      io.out(`${JSON.stringify({ ...document, run }, null, 2)}\n`);
      return exitCode;
    }
    const shown = options.quiet === true ? diagnostics.filter((d) => d.severity === "error") : diagnostics;
    printDiagnostics(shown, sources, io);
    if (results !== undefined && options.quiet !== true) printSummary(results, options.out, io);
    return exitCode;
  };

  try {
    const overrides = {
      ...(options.count === undefined ? {} : { count: options.count }),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    };
    compilation = await compileScript(script, host, {
      inputs: new Map(Object.entries(options.set ?? {})),
      ...overrides,
    });
    const { plan, program, diagnostics } = compilation;
    if (plan === undefined || program === undefined) return end(undefined, diagnostics);
    const results = await execute(plan, {
      ...nodeServices(host, engine),
      out: options.out,
      script: await identifyScript(host, program),
      source: { program, overrides },
      provenance: options.provenance !== false,
      ...(silent ? {} : { onEvent: progress.onEvent }),
      signal: interrupt.signal,
    });
    return end(results, [...diagnostics, ...results.diagnostics]);
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    return end(undefined, [...(compilation?.diagnostics ?? []), ...error.diagnostics]);
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}
