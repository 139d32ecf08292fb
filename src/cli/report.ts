// Diagnostics on the terminal and as JSON, and what is said about anything else that was thrown.
import { codes } from "../source/codes.js";
import { type Diagnostic } from "../source/diagnostic.js";
import { render, type Style } from "../source/render.js";
import { SourceText } from "../source/text.js";
import { EXIT, exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { troubleOf } from "./trouble.js";

type Sources = ReadonlyMap<string, string>;

function styleOf(io: Io): Style {
  const c = io.errColors;
  return {
    error: (s) => c.bold(c.red(s)),
    warning: (s) => c.bold(c.yellow(s)),
    strong: c.bold,
    faint: c.dim,
    hint: c.cyan,
  };
}

/** The most diagnostics that are printed at once. */
const MOST = 200;

/** Prints diagnostics on `io.err`, an empty line after each: the first of them, and how many more there are. */
export function printDiagnostics(diagnostics: readonly Diagnostic[], sources: Sources, io: Io): void {
  const style = styleOf(io);
  const texts = new Map([...sources].map(([file, text]) => [file, new SourceText(file, text)]));
  const [shown, rest] = [diagnostics.slice(0, MOST), diagnostics.length - MOST];
  for (const d of shown) io.err(`${render(d, (file) => texts.get(file), style)}\n\n`);
  if (rest > 0) io.err(`... and ${rest} more\n\n`);
}

/** A diagnostic for machines: places as 1-based lines and columns (UTF-16 units), the end exclusive; null where there is none. */
export interface JsonDiagnostic {
  readonly code: string;
  readonly title: string;
  readonly severity: string;
  readonly message: string;
  readonly place: JsonPlace | null;
  readonly related: readonly { readonly message: string; readonly place: JsonPlace | null }[];
  readonly hints: readonly string[];
}
interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Diagnostics as plain JSON. */
export function jsonDiagnostics(diagnostics: readonly Diagnostic[], sources: Sources): readonly JsonDiagnostic[] {
  const texts = new Map([...sources].map(([file, text]) => [file, new SourceText(file, text)]));
  const place = (span: Diagnostic["at"]["span"]): JsonPlace | null => {
    const source = texts.get(span.file);
    if (source === undefined) return null;
    const start = source.position(span.start);
    const end = source.position(span.end);
    return { file: span.file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
  };
  return diagnostics.map((d) => ({
    code: d.code,
    title: codes[d.code],
    severity: d.severity,
    message: d.message,
    place: place(d.at.span),
    related: d.related.map((r) => ({ message: r.text, place: place(r.span) })),
    hints: d.hints,
  }));
}

/** Says what a thrown value means, and gives its exit code: a LaceError and trouble of the machine as diagnostics, anything else is a bug. */
export function reportThrown(error: unknown, io: Io, sources: Sources = new Map()): ExitCode {
  const trouble = troubleOf(error);
  if (trouble !== undefined) {
    printDiagnostics(trouble.diagnostics, sources, io);
    return exitCodeOf(trouble.diagnostics);
  }
  const c = io.errColors;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.err(
    `${c.bold(c.red("error[L9001]"))}${c.bold(": this is a bug in lacec, not a mistake of yours")}\n\n${stack}\n\n`,
  );
  io.err(
    "Please open an issue of lacec with the text above, the script, and the output of: lacec doctor --json --no-speed\n",
  );
  return EXIT.bug;
}
