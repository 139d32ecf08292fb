// What a stage says about the user's program. Stages return diagnostics as values; only the command line prints them.
import type { Code } from "./codes.js";
import { NOWHERE, type Span } from "./span.js";

export interface Label {
  readonly span: Span;
  readonly text: string;
  /** Only the file is named: what it holds is not shown. */
  readonly unquoted?: true;
}

/** A replacement that would mend the program, for editors. */
export interface Fix {
  readonly span: Span;
  readonly replacement: string;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly at: Label;
  readonly related: readonly Label[];
  readonly hints: readonly string[];
  readonly fix?: Fix;
}

/** A stage's answer: `value` is present unless an error stopped it; warnings travel along either way. */
export interface Outcome<T> {
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** Thrown by the runtime (never by a compiler stage) when the environment or the numbers stop a run: carries diagnostics to show. */
export class LaceError extends Error {
  override readonly name = "LaceError";
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join("\n"));
  }
}

/**
 * One environment or run failure, ready to throw. `hints` say what to do next.
 * `at` is the place in the script that asked for it, where there is one.
 */
export function failure(code: Code, message: string, hints: readonly string[] = [], at?: Label): LaceError {
  return new LaceError([said("error", code, message, hints, at)]);
}

/** Something that a run says and goes on; as `failure`. */
export function warning(code: Code, message: string, hints: readonly string[] = [], at?: Label): Diagnostic {
  return said("warning", code, message, hints, at);
}

function said(
  severity: Diagnostic["severity"],
  code: Code,
  message: string,
  hints: readonly string[],
  at: Label = { span: NOWHERE, text: "" },
): Diagnostic {
  return { code, severity, message, at, related: [], hints };
}
