// What is told of a text beside its tree: its tokens, and what its mistakes may have hidden. Plain types: whoever takes them in by the doors
// needs nothing of the library that reads the text.

import type { Span } from "../source/span.js";

/** A kind of token; each is one object, to be compared by identity. */
export interface TokenKind {
  readonly name: string;
}

/** A piece of a text that the language knows: a word, a number, a mark, a comment. */
export interface Token {
  readonly image: string;
  /** UTF-16 offset of its first character. */
  readonly startOffset: number;
  readonly tokenType: TokenKind;
  /** A number of its kind. */
  readonly tokenTypeIdx: number;
}

export interface Damage {
  /** Units with a mistake in them. */
  readonly units: readonly Span[];
  /**
   * Where the tree may be cut short, or hold what was not meant: units that could not be read to their end. Of one whose mistakes lie within tokens that
   * were read all the same (`0.5x3`, `&&`), these tokens; of one where reading went on behind what was left out, what that was.
   */
  readonly cut: readonly Span[];
  /** Statements with a mistake anywhere in them: settings may be missing. */
  readonly statements: readonly Span[];
  /** Words that statements which are not in the tree may have declared. */
  readonly names: ReadonlySet<string>;
  /** An import, or text of unknown extent, could not be read: any name may have been declared. */
  readonly open: boolean;
}
