// The text of one file and where its lines begin.
// In: what a Host read. Out: positions for people (1-based line and column in UTF-16 units), lines for the renderer.
// Invariants: immutable; any offset from 0 to text.length inclusive has a position, others are moved to the nearest end.

/** A place for people: `line` and `column` count from 1, `column` in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file's name and text with an index of its lines. Lines end at LF, CRLF or CR. */
export class SourceText {
  /** Offsets at which the lines begin; never empty, starts with 0. */
  readonly lineStarts: readonly number[];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    const starts = [0];
    for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
    this.lineStarts = starts;
  }

  /** The position of a UTF-16 offset. An offset outside the text (or NaN) is taken as the nearest end. */
  position(offset: number): Position {
    const at = offset >= 0 ? Math.min(offset, this.text.length) : 0;
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.lineStarts[low] ?? 0) + 1 };
  }

  /** The offset at which line `line` (from 1) begins; the end of the text if there is no such line. */
  lineStart(line: number): number {
    return this.lineStarts[line - 1] ?? this.text.length;
  }

  /** Line `line` (from 1) without its line break; empty if there is no such line. */
  line(line: number): string {
    return this.text.slice(this.lineStart(line), this.lineStart(line + 1)).replace(/[\r\n]+$/, "");
  }
}
