// What the mistakes of a text may have hidden from its tree, so that later stages do not report their consequences.
// In: the lenient tree, its mistakes and the laid-out tokens. Out: Damage.
// A unit is a setting or a statement without a block: the piece that recovery skips as a whole (layout.ts ends it).
import type { Diagnostic } from "../source/diagnostic.js";
import { countBelow, touchesOne } from "../source/sorted.js";
import type { Span } from "../source/span.js";
import type { Module } from "./ast.js";
import type { Damage } from "./lenient.js";
import type { Reading } from "./explain.js";
import { isName, type LaceToken } from "./layout.js";
import * as t from "./tokens.js";

/** No mistake. */
export const UNDAMAGED: Damage = { units: [], cut: [], statements: [], names: new Set(), open: false };

/** How many of a statement's first words are taken for what it may have declared: the keyword, perhaps misspelt, the name, and one more. */
const HEAD = 3;

/** Where a text goes wrong, beside its mistakes. */
export interface Faults {
  /** Where the parser could not go on, told or explained by a mistake of spelling. */
  readonly stops: readonly Span[];
  /** Tokens with a mistake within that were read as something all the same, and parts of expressions that were left out, in order. */
  readonly read: readonly Span[];
}

/** What the mistakes may have hidden. */
export function damageOf(module: Module, mistakes: readonly Diagnostic[], faults: Faults, reading: Reading): Damage {
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
  const spans = mistakes.map(({ at }) => at.span);
  const read = merged(faults.read);
  const isRead = ({ start }: Span): boolean => touchesOne(read, start, start);
  const isHit = touching(spans);
  const isCut = touching([...faults.stops, ...spans.filter((s) => !isRead(s))]);
  const units = pieces(tokens, file, ends).map((p) => p.span);
  const cut = units.filter(isCut);
  const within = read.filter(({ start }) => !touchesOne(cut, start, start));
  return {
    units: units.filter(isHit),
    cut: [...cut, ...within].sort((a, b) => a.start - b.start),
    statements: statements.map((p) => p.span).filter(isHit),
    names,
    open,
  };
}

/** Spans in order that do not overlap, of some in order that may. */
function merged(spans: readonly Span[]): readonly Span[] {
  const whole: Span[] = [];
  for (const span of spans) {
    const last = whole.at(-1);
    if (last !== undefined && span.start <= last.end)
      whole[whole.length - 1] = { ...last, end: Math.max(last.end, span.end) };
    else whole.push(span);
  }
  return whole;
}

/**
 * Whether one of some spans touches another: begins no later than that ends, and ends no earlier than it begins. More have begun by its end
 * than had ended before its start.
 */
function touching(spans: readonly Span[]): (of: Span) => boolean {
  const starts = spans.map(({ start }) => start).sort((a, b) => a - b);
  const ends = spans.map(({ end }) => end).sort((a, b) => a - b);
  return ({ start, end }) => countBelow(starts, end + 1) > countBelow(ends, start);
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
