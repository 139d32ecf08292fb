// The scaffold that every command goes through: the machine, Ctrl-C, progress, and what is said of errors.
// In: what a command does. Out: the function that main.ts calls, which gives the exit code.
// Invariants: an error is told once, as text or (--json) as one JSON document on stdout; a usage mistake is exit code 2; a line of
// progress is gone before anything else is printed; nothing temporary is left behind.
import { ScriptError } from "../app/compile-script.js";
import type { Platform } from "../app/platform.js";
import { UsageError, type VerbOptions } from "../app/verb.js";
import { nodePlatform } from "../node/platform.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { terminalProgress } from "./progress.js";
import { jsonDiagnostics, reportThrown } from "./report.js";
import { troubleOf } from "./trouble.js";

/** The options that every command understands, as far as it has them. */
export interface Flags {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** What a command gets beside its words and options. */
export interface CommandContext {
  readonly io: Io;
  readonly platform: Platform;
  /** For the verb: draws progress unless --quiet or --json is given; aborts on Ctrl-C. */
  readonly watch: VerbOptions;
}

/**
 * A command from what it does.
 *
 * `interrupted`   what Ctrl-C says before the process ends; "finish": the work sees the signal and ends in order, and its error says how to go
 * on. A second Ctrl-C ends the process at once either way.
 */
export function command<W extends readonly unknown[], F extends Flags>(
  { interrupted }: { readonly interrupted?: string },
  act: (context: CommandContext, ...args: [...W, F]) => Promise<ExitCode>,
): (io: Io, ...args: [...W, F]) => Promise<ExitCode> {
  return async (io, ...args) => {
    const { quiet, json } = args.at(-1) as F;
    const platform = nodePlatform();
    const progress = terminalProgress(io, () => platform.host.now());
    const tidy = async (): Promise<void> => {
      progress.clear();
      if (interrupted !== undefined) io.err(`${interrupted}\n`);
      await platform.close();
    };
    const interrupt = onInterrupt(interrupted === "finish" ? undefined : tidy);
    const clearing =
      (print: (text: string) => void) =>
      (text: string): void => {
        progress.clear();
        print(text);
      };
    const own: Io = { ...io, out: clearing(io.out), err: clearing(io.err), file: clearing(io.file) };
    const { signal } = interrupt;
    try {
      const watch = quiet === true || json === true ? { signal } : { signal, onEvent: progress.onEvent };
      return await act({ io: own, platform, watch }, ...args);
    } catch (error) {
      return sayError(error, own, json === true);
    } finally {
      progress.clear();
      interrupt.stop();
      await platform.close();
    }
  };
}

/** Says what was thrown, and gives its exit code. */
export function sayError(error: unknown, io: Io, json = false): ExitCode {
  if (error instanceof UsageError) {
    io.err(`error: ${error.message}\n`);
    return EXIT.script;
  }
  const sources = error instanceof ScriptError ? error.sources : new Map<string, string>();
  const trouble = json ? troubleOf(error) : undefined;
  if (trouble === undefined) return reportThrown(error, io, sources);
  const exitCode = exitCodeOf(trouble.diagnostics);
  const diagnostics = jsonDiagnostics(trouble.diagnostics, sources);
  io.out(`${JSON.stringify({ ok: false, exitCode, diagnostics }, null, 2)}\n`);
  return exitCode;
}
