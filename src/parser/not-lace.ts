// A file that is no script at all: said once, instead of a mistake in each of its lines, which would also print lines of any file.
// In: a text, and what was read of it. Out: the one mistake; undefined for a script, however damaged.
import type { Diagnostic } from "../source/diagnostic.js";
import { hasOneIn } from "../source/sorted.js";
import type { Module } from "./ast.js";

/** What could be told before the text is read. */
const SAMPLE = 4096;
/** More characters of a sample than this part that no text has: it is none. */
const MOST_STRANGE = 0.05;

/** Whether the bytes behind a text were no text of UTF-8. Looked at before any of it is read: it may be long. */
export function notText(text: string, file: string): Diagnostic | undefined {
  const sample = text.slice(0, SAMPLE);
  /* eslint-disable no-control-regex -- they are what is looked for */
  const strange = sample.match(/[\u0000-\u0008\u000e-\u001f\ufffd]/g) ?? [];
  if (strange.length <= sample.length * MOST_STRANGE) return undefined;
  const zeros = strange.filter((c) => c === "\u0000").length;
  const isWide = /^(\ufffd\ufffd|.\u0000.\u0000|\u0000.\u0000.)/.test(sample) && zeros > sample.length / 4;
  /* eslint-enable no-control-regex */
  return whole("L1001", isWide ? "this text is UTF-16; Lace is read as UTF-8" : "this is no text", file, [
    isWide
      ? "save it as UTF-8 (in Notepad: Save as, Encoding)"
      : "lacec runs scripts, .lace files; `lacec import` reads models, `lacec show` pictures",
  ]);
}

/** Whether nothing of a text is Lace: it names no edition, none of its statements is sound, and few are misspelt ones. */
export function notLace(
  { items, file }: Module,
  mistakes: readonly Diagnostic[],
  { text, namesEdition }: { readonly text: string; readonly namesEdition: boolean },
): Diagnostic | undefined {
  // Of a single line, or a single mistake, each says more than that the whole is no script.
  if (namesEdition || mistakes.length < 2 || !text.trim().includes("\n")) return undefined;
  const misspelt = mistakes.filter((d) => d.hints.some((hint) => hint.startsWith("did you mean")));
  if (misspelt.length > mistakes.length / 4) return undefined;
  // The missing edition is no mistake of the statement that comes first.
  const starts = mistakes.flatMap((d) => (d.code === "L1003" ? [] : [d.at.span.start])).sort((x, y) => x - y);
  const isSound = ({ span }: Module["items"][number]): boolean => !hasOneIn(starts, span.start, span.end);
  if (items.some(isSound)) return undefined;
  return whole(
    "L1003",
    "this is not a Lace script: it does not begin with `lace 1`, and none of its lines is a statement",
    file,
    ["a script begins with `lace 1`; docs/language.md is the reference"],
  );
}

function whole(code: "L1001" | "L1003", message: string, file: string, hints: readonly string[]): Diagnostic {
  const at = { span: { file, start: 0, end: 0 }, text: "", unquoted: true } as const;
  return { code, severity: "error", message, at, related: [], hints };
}
