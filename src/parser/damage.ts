// What the mistakes of a text may have hidden from its tree, so that later stages do not report their consequences.
// In: the lenient tree, its mistakes and the laid-out tokens. Out: Damage.
// A unit is a setting or a statement without a block: the piece that recovery skips as a whole (layout.ts ends it).
import type { Diagnostic } from "../source/diagnostic.js";
import { countBelow } from "../source/sorted.js";
import type { Span } from "../source/span.js";
import type { Module } from "./ast.js";
import type { Damage } from "./lenient.js";
import type { Reading } from "./explain.js";
import { isName, type LaceToken } from "./layout.js";
import * as t from "./tokens.js";

/** No mistake. */
export const UNDAMAGED: Damage = { units: [], statements: [], names: new Set(), open: false };

/** How many of a statement's first words are taken for what it may have declared: the keyword, perhaps misspelt, the name, and one more. */
const HEAD = 3;

/** What the mistakes may have hidden. */
export function damageOf(module: Module, mistakes: readonly Diagnostic[], reading: Reading): Damage {
  if (mistakes.length === 0) return UNDAMAGED;
  const { file, tokens } = reading;
  const names = new Set<string>();
  const kept = new Map(module.items.map((item) => [item.span.start, item]));
  // A comment without an end takes all that follows.
  let open = mistakes.some((d) => d.code === "L1004");
  const statements = pieces(tokens, file, (token) => token.tokenType === t.StatementEnd);
  for (const { span, tokens: own } of statements) {
    const item = kept.get(span.start);
    const sound = item !== undefined && (!("name" in item) || item.name.text !== "");
    if (sound || own[0]?.tokenType === t.Lace) continue;
    if (own[0]?.tokenType === t.Import) open = true;
    for (const token of own.slice(0, HEAD)) if (isName(token)) names.add(token.image);
  }
  const ends = (token: LaceToken): boolean => token.tokenType === t.StatementEnd || token.tokenType === t.Newline;
  // A mistake touches a piece if it begins no later than the piece ends, and ends no earlier than it begins: more have begun by the
  // piece's end than had ended before its start.
  const starts = mistakes.map(({ at }) => at.span.start).sort((a, b) => a - b);
  const stops = mistakes.map(({ at }) => at.span.end).sort((a, b) => a - b);
  const hit = ({ start, end }: Span): boolean => countBelow(starts, end + 1) > countBelow(stops, start);
  const hitOf = (all: readonly Piece[]): Span[] => all.map((p) => p.span).filter(hit);
  return { units: hitOf(pieces(tokens, file, ends)), statements: hitOf(statements), names, open };
}

interface Piece {
  readonly span: Span;
  readonly tokens: readonly LaceToken[];
}

/** The tokens between those that end a piece. */
function pieces(tokens: readonly LaceToken[], file: string, ends: (token: LaceToken) => boolean): readonly Piece[] {
  const found: Piece[] = [];
  let own: LaceToken[] = [];
  const close = (): void => {
    const first = own[0];
    const last = own.at(-1);
    if (first !== undefined && last !== undefined)
      found.push({ span: { file, start: first.startOffset, end: last.startOffset + last.image.length }, tokens: own });
    own = [];
  };
  for (const token of tokens) {
    if (ends(token)) close();
    else if (token.image !== "") own.push(token);
  }
  close();
  return found;
}
