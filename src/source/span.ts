// Where a piece of source text is. Everything the user wrote keeps its span through every stage.

/** A range of one file: UTF-16 offsets, `end` exclusive. `file` is the path as the user gave it. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** The smallest span that covers both. Both are of one file. */
export function cover(a: Span, b: Span): Span {
  return { file: a.file, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** The span of a message that belongs to no place in a script (the environment, the command line): shown without a source line. */
export const NOWHERE: Span = { file: "", start: 0, end: 0 };
