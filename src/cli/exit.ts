// Exit codes of lacec, and how an error finds its own.
import type { Diagnostic } from "../source/diagnostic.js";

export const EXIT = {
  done: 0,
  /** The recipe ran, and its expectations failed. */
  missed: 1,
  /** The script (or the command line) is wrong. */
  script: 2,
  /** A model, an engine, the disk. */
  environment: 3,
  /** A bug in lacec. */
  bug: 70,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code that diagnostics ask for: the gravest error decides; none, or warnings only, is done. */
export function exitCodeOf(diagnostics: readonly Diagnostic[]): ExitCode {
  const errors = diagnostics.filter((d) => d.severity === "error");
  if (errors.length === 0) return EXIT.done;
  if (errors.some((d) => d.code.startsWith("L9"))) return EXIT.bug;
  if (errors.some((d) => d.code.startsWith("L5"))) return EXIT.environment;
  if (errors.some((d) => d.code === "L4106")) return EXIT.interrupted;
  if (errors.some((d) => d.code.startsWith("L4"))) return EXIT.missed;
  return EXIT.script;
}

/** The exit code of several pieces of work: that of the one that ended worst. */
export function gravest(codes: readonly ExitCode[]): ExitCode {
  const order = [EXIT.bug, EXIT.interrupted, EXIT.environment, EXIT.script, EXIT.missed];
  return order.find((code) => codes.includes(code)) ?? EXIT.done;
}
