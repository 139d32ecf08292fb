// Places of a text as the protocol counts them: lines and characters from 0, characters in the negotiated unit.
// In: a text and an encoding. Out: positions of UTF-16 offsets, and back.
// Invariants: any position has an offset within the text, and within its line; offset(position(x)) is x for every x that is not inside a character.
import type { Position, Range } from "vscode-languageserver";
import { SourceText } from "../source/text.js";

/** The units in which characters of a line are counted. */
export type Encoding = "utf-16" | "utf-8";

/** The first encoding that a client offers and this server has; UTF-16, the protocol's own, if there is none. */
export function chooseEncoding(offered: readonly string[] | undefined): Encoding {
  return offered?.find((e): e is Encoding => e === "utf-16" || e === "utf-8") ?? "utf-16";
}

/** A text with its places. */
export class PlacedText {
  readonly source: SourceText;

  constructor(
    file: string,
    readonly text: string,
    readonly encoding: Encoding,
  ) {
    this.source = new SourceText(file, text);
  }

  /** The position of a UTF-16 offset; one outside the text is taken as the nearest end. */
  position(offset: number): Position {
    const { line, column } = this.source.position(offset);
    if (this.encoding === "utf-16") return { line: line - 1, character: column - 1 };
    const start = this.source.lineStart(line);
    return { line: line - 1, character: utf8Length(this.text.slice(start, start + column - 1)) };
  }

  /** The UTF-16 offset of a position; a character behind the end of its line is the line's end. */
  offset({ line, character }: Position): number {
    if (!(line >= 0)) return 0;
    if (line >= this.source.lineStarts.length) return this.text.length;
    const start = this.source.lineStart(line + 1);
    const content = this.source.line(line + 1);
    if (!(character > 0)) return start;
    if (this.encoding === "utf-16") return start + Math.min(Math.floor(character), content.length);
    let bytes = 0;
    let units = 0;
    for (const point of content) {
      bytes += utf8Length(point);
      if (bytes > character) break;
      units += point.length;
    }
    return start + units;
  }

  /** The range of a span. */
  range(span: { readonly start: number; readonly end: number }): Range {
    return { start: this.position(span.start), end: this.position(span.end) };
  }

  /** The offsets of a range. */
  span(range: Range): { readonly start: number; readonly end: number } {
    return { start: this.offset(range.start), end: this.offset(range.end) };
  }
}

/** Bytes of a text in UTF-8; half a surrogate pair counts as the replacement character. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const point of text) {
    const code = point.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
