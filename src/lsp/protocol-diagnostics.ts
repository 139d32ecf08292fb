// Diagnostics of the compiler as the protocol has them. In: a Snapshot. Out: its diagnostics by file, with code, page, related places,
// hints and fix. Invariants: each of a file once; at most MOST_SHOWN for each file, the worst first where there are more.
import {
  DiagnosticSeverity,
  DiagnosticTag,
  type Diagnostic as ProtocolDiagnostic,
  type Range,
} from "vscode-languageserver";
import { codes, type Code } from "../source/codes.js";
import type { Diagnostic, Fix } from "../source/diagnostic.js";
import { placeOf, type Snapshot } from "./workspace.js";

/** The most diagnostics of one file that an editor is sent: some take seconds for thousands. */
const MOST_SHOWN = 200;

/** What is unused, or does nothing. */
const UNNECESSARY: ReadonlySet<Code> = new Set(["L2024", "L2026"]);

/** What a diagnostic carries for the actions that are offered on it. */
export interface DiagnosticData {
  readonly hints: readonly string[];
  readonly fix?: { readonly range: Range; readonly newText: string };
}

/** The address of a code's entry on the page of errors: its heading as such pages are anchored. */
function pageOf(code: Code, errorsPage: string): string {
  const slug = `${code}: ${codes[code]}`
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
  return `${errorsPage}#${slug}`;
}

/** The diagnostics of a program by address, of each file the worst MOST_SHOWN; files without any have an empty list. */
export function protocolDiagnostics(
  snapshot: Snapshot,
  errorsPage: string | undefined,
): ReadonlyMap<string, readonly ProtocolDiagnostic[]> {
  const found = new Map<string, Diagnostic[]>([...snapshot.files.values()].map((f) => [f.uri, []]));
  // What belongs to no place is told at the beginning of the script.
  for (const d of snapshot.diagnostics) found.get(snapshot.files.get(d.at.span.file)?.uri ?? snapshot.uri)?.push(d);
  return new Map(
    [...found].map(([uri, all]) => [
      uri,
      worst(all, (d) => d.severity === "error").map((d) => {
        const range = placeOf(snapshot, d.at.span)?.range ?? snapshot.entry.placed.range({ start: 0, end: 0 });
        return protocolDiagnostic(d, range, snapshot, errorsPage);
      }),
    ]),
  );
}

/** Where there are too many the first MOST_SHOWN, errors before warnings. */
function worst<T>(all: readonly T[], isError: (d: T) => boolean): readonly T[] {
  if (all.length <= MOST_SHOWN) return all;
  return [...all].sort((a, b) => Number(isError(b)) - Number(isError(a))).slice(0, MOST_SHOWN);
}

function protocolDiagnostic(
  d: Diagnostic,
  range: Range,
  snapshot: Snapshot,
  errorsPage: string | undefined,
): ProtocolDiagnostic {
  const related = d.related.flatMap(({ span, text }) => {
    const location = placeOf(snapshot, span);
    return location === undefined ? [] : [{ location, message: text }];
  });
  return {
    range,
    severity: d.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: d.code,
    ...(errorsPage !== undefined && { codeDescription: { href: pageOf(d.code, errorsPage) } }),
    source: "lacec",
    message: [d.message, ...d.hints.map((h) => `hint: ${h}`)].join("\n"),
    ...(related.length !== 0 && { relatedInformation: related }),
    ...(UNNECESSARY.has(d.code) && { tags: [DiagnosticTag.Unnecessary] }),
    data: { hints: d.hints, ...fixOf(d.fix, snapshot) } satisfies DiagnosticData,
  };
}

function fixOf(fix: Fix | undefined, snapshot: Snapshot): Pick<DiagnosticData, "fix"> {
  const place = fix && placeOf(snapshot, fix.span);
  return fix === undefined || place === undefined ? {} : { fix: { range: place.range, newText: fix.replacement } };
}

/** Those of several programs for one file: each once, errors before warnings where there are too many, in the order of the text. */
export function gathered(all: readonly (readonly ProtocolDiagnostic[])[]): readonly ProtocolDiagnostic[] {
  const once = new Map<string, ProtocolDiagnostic>();
  for (const d of all.flat()) {
    const { start, end } = d.range;
    once.set(`${String(d.code)} ${start.line} ${start.character} ${end.line} ${end.character} ${messageOf(d)}`, d);
  }
  return [...worst([...once.values()], (d) => (d.severity ?? 1) === DiagnosticSeverity.Error)].sort(
    (a, b) => a.range.start.line - b.range.start.line || a.range.start.character - b.range.start.character,
  );
}

function messageOf({ message }: ProtocolDiagnostic): string {
  return typeof message === "string" ? message : message.value;
}
