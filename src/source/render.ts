// A diagnostic as text for people: message, place, source line, marks, related places, hints.
// In: a Diagnostic and the texts its spans point into. Out: one string without a final newline; colours through `Style`.
// Invariants: 1-based lines and columns are computed only here; the marks stand under the text they mean whatever tabs
// and wide characters come before; a span over several lines is marked on its first.
import type { Diagnostic, Label } from "./diagnostic.js";
import { oneLine, visible } from "./foreign-text.js";
import type { Span } from "./span.js";
import { SourceText } from "./text.js";

/** How the parts of a diagnostic are coloured; each function wraps text in escape codes or returns it as it is. */
export interface Style {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly hint: (text: string) => string;
}

const same = (text: string): string => text;
/** No colours. */
export const plainStyle: Style = { error: same, warning: same, strong: same, faint: same, hint: same };

const tabWidth = 4;
/** Messages name files, tensors and cells as strangers wrote them: no longer than this. */
const LONGEST = 2000;
/** Source lines longer than this (in columns) are shown cut, around the mark. */
const widest = 140;
/** UTF-16 units that are looked at before and after the beginning of a mark: a line may be as long as the file. */
const reach = 1000;

/**
 * One diagnostic as text.
 *
 *   error[L2001]: unknown attribute `smilling`
 *     --> portrait.lace:4:8
 *    4 |   where smilling and not glasses
 *      |         ^^^^^^^^ no attribute has this name
 *      = hint: did you mean `smiling`?
 *
 * `sourceOf` finds the text of a file; without it only the file's name is shown.
 */
export function render(
  diagnostic: Diagnostic,
  sourceOf: (file: string) => SourceText | undefined,
  style: Style = plainStyle,
): string {
  const colour = diagnostic.severity === "error" ? style.error : style.warning;
  const labels = [diagnostic.at, ...diagnostic.related];
  const gutter = Math.max(2, ...labels.map((label) => lineNumber(label.span, sourceOf).length));
  const lines = [
    `${colour(`${diagnostic.severity}[${diagnostic.code}]`)}${style.strong(`: ${oneLine(diagnostic.message, LONGEST)}`)}`,
  ];
  labels.forEach((label, index) => {
    lines.push(
      ...renderLabel(label, sourceOf, gutter, index === 0 ? "^" : "-", index === 0 ? colour : style.hint, style),
    );
  });
  for (const hint of diagnostic.hints) {
    lines.push(`${" ".repeat(gutter + 1)} ${style.faint("=")} ${style.hint("hint:")} ${oneLine(hint, LONGEST)}`);
  }
  return lines.join("\n");
}

/** All diagnostics, an empty line between them. `text` and `file` are of the one file they are about. */
export function renderAll(
  diagnostics: readonly Diagnostic[],
  text: string,
  file: string,
  style: Style = plainStyle,
): string {
  const source = new SourceText(file, text);
  return diagnostics.map((d) => render(d, (name) => (name === file ? source : undefined), style)).join("\n\n");
}

function lineNumber(span: Span, sourceOf: (file: string) => SourceText | undefined): string {
  const source = sourceOf(span.file);
  return source === undefined ? "" : String(source.position(span.start).line);
}

function renderLabel(
  label: Label,
  sourceOf: (file: string) => SourceText | undefined,
  gutter: number,
  mark: string,
  colour: (text: string) => string,
  style: Style,
): string[] {
  const { span } = label;
  const [said, file] = [oneLine(label.text), oneLine(span.file)];
  const source = label.unquoted === true ? undefined : sourceOf(span.file);
  const pad = " ".repeat(gutter);
  const arrow = style.faint(mark === "^" ? "-->" : ":::");
  if (source === undefined) {
    if (span.file === "") return said === "" ? [] : [`${pad} ${style.faint("=")} ${said}`];
    return [`${pad}${arrow} ${file}${said === "" ? "" : `: ${said}`}`];
  }
  const { line, column } = source.position(span.start);
  const text = source.line(line);
  const start = Math.min(column - 1, text.length);
  const end = Math.min(Math.max(span.end - source.lineStart(line), start), text.length);
  const shown = cutNear(text, start, end);
  const bar = style.faint("|");
  const marks = mark.repeat(Math.max(1, shown.width));
  return [
    `${pad}${arrow} ${file}:${line}:${column}`,
    `${style.faint(String(line).padStart(gutter))} ${bar} ${shown.text}`,
    `${pad} ${bar} ${" ".repeat(shown.before)}${colour(said === "" ? marks : `${marks} ${said}`)}`,
  ];
}

/** As `cut`, of the part of a very long line that is near the mark. */
function cutNear(line: string, start: number, end: number): ReturnType<typeof cut> {
  const isInside = (offset: number): boolean =>
    /[\ud800-\udbff][\udc00-\udfff]/.test(line.slice(offset - 1, offset + 1));
  const first = Math.max(0, start - reach);
  const from = first > 0 && isInside(first) ? first + 1 : first;
  const last = Math.min(line.length, start + reach);
  const to = isInside(last) ? last - 1 : last;
  return cut(line.slice(from, to), start - from, Math.min(end, to) - from);
}

/** What is shown of a line, the columns before the marked part, and the marked part's columns. */
function cut(line: string, start: number, end: number): { text: string; before: number; width: number } {
  const cells = toCells(line);
  const total = cells.reduce((sum, cell) => sum + cell.width, 0);
  const columnOf = (offset: number): number => cells.find((cell) => cell.offset >= offset)?.column ?? total;
  const before = columnOf(start);
  const width = columnOf(end) - before;
  // Of a line that is too wide a window is shown that begins a little before the mark.
  const from = total > widest && before > widest - 40 ? before - 40 : 0;
  const to = total > widest ? from + widest : total;
  const kept = cells.filter((cell) => cell.column >= from && cell.column + cell.width <= to);
  const left = from > 0 ? `…${" ".repeat((kept[0]?.column ?? from) - from)}` : "";
  const text = left + kept.map((cell) => cell.text).join("") + (to < total ? "…" : "");
  return { text, before: before - from + (from > 0 ? 1 : 0), width: Math.min(width, to - before) };
}

interface Cell {
  /** UTF-16 offset and column in the line. */
  readonly offset: number;
  readonly column: number;
  readonly text: string;
  readonly width: number;
}

/** The graphemes of a line as a terminal shows them: tabs as spaces, control characters as `·`. */
function toCells(line: string): Cell[] {
  const cells: Cell[] = [];
  let column = 0;
  for (const { segment, index } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(line)) {
    let text = segment;
    let width = displayWidth(segment);
    if (segment === "\t") {
      width = tabWidth - (column % tabWidth);
      text = " ".repeat(width);
    } else if (visible(segment) !== segment) {
      text = "·";
      width = 1;
    }
    cells.push({ offset: index, column, text, width });
    column += width;
  }
  return cells;
}

/** Columns of a grapheme on a terminal: 2 for East Asian wide characters and emoji, 0 for a lone combining mark. */
function displayWidth(grapheme: string): number {
  const point = grapheme.codePointAt(0) ?? 0;
  if (point < 0x300) return 1;
  if (/^\p{Mark}+$/u.test(grapheme) || /^[\u200b-\u200f\u2060]+$/.test(grapheme)) return 0;
  if (/\p{Emoji_Presentation}|\ufe0f/u.test(grapheme)) return 2;
  const wide =
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0x303e) ||
    (point >= 0x3041 && point <= 0xa4cf) ||
    (point >= 0xa960 && point <= 0xa97f) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xfe30 && point <= 0xfe6f) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0xffe0 && point <= 0xffe6) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd);
  return wide ? 2 : 1;
}
