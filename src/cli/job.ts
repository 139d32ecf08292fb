// A verb that works for minutes and keeps what it has done when it is stopped: host, progress, Ctrl-C, and what it says at the end.
// In: the work. Out: the exit code.
// Invariants: the first signal lets the work end in order, and its error says how to go on; a second one ends the process at once;
// a LaceError is printed once, as text or as one JSON document.
import { PhaseClock } from "../ports/events.js";
import { nodeHost, type NodeHost } from "../node/host.js";
import { LaceError } from "../source/diagnostic.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { terminalProgress } from "./progress.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";

export interface Job {
  readonly host: NodeHost;
  readonly clock: PhaseClock;
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal;
}

/**
 * Runs the work and shows what came of it.
 *
 * Errors   what is thrown and no LaceError: a bug.
 */
export async function runJob<T>(
  io: Io,
  options: { readonly quiet?: boolean; readonly json?: boolean },
  work: (job: Job) => Promise<T>,
  show: (done: T) => void,
): Promise<ExitCode> {
  const host = nodeHost();
  const progress = terminalProgress(io, () => host.now());
  const silent = options.quiet === true || options.json === true;
  const clock = new PhaseClock(() => host.now(), silent ? () => undefined : progress.onEvent);
  const interrupt = onInterrupt(() => new Promise<never>(() => undefined)); // the work ends, and the verb with it
  try {
    const done = await work({ host, clock, signal: interrupt.signal });
    progress.clear();
    show(done);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    progress.clear();
    const exitCode = exitCodeOf(error.diagnostics);
    if (options.json === true) {
      const diagnostics = jsonDiagnostics(error.diagnostics, new Map());
      io.out(`${JSON.stringify({ ok: false, exitCode, diagnostics }, null, 2)}\n`);
    } else printDiagnostics(error.diagnostics, new Map(), io);
    return exitCode;
  } finally {
    progress.clear();
    interrupt.stop();
    await host.close();
  }
}
