// Tokens and comments as lines: canonical spaces, and line breaks where a line would be too wide.
// In: the atoms (tokens and comments) of a stretch of a script and marks on them from the tree. Out: text.
// Invariants: no token or comment is lost or moved; where lines break depends on the tokens, not on the breaks that were
// there (except around comments), so the result is the same when it is formatted again.
import type { IToken, TokenType } from "chevrotain";
import { walk } from "./walk.js";
import type { Module } from "./ast.js";
import * as t from "./tokens.js";

/** The widest line the formatter makes where it can choose. */
export const lineWidth = 100;

/** A token or comment with what the source had before it. */
export interface Atom {
  readonly text: string;
  readonly type: TokenType;
  readonly start: number;
  readonly end: number;
  /** Line breaks in the source between this and the atom before it. */
  readonly breaks: number;
}

/** Places that are spaced by what they mean: offsets of tokens. */
export interface Marks {
  /** Ends of names that are called or declared with parameters: their `(` follows without a space. */
  readonly called: ReadonlySet<number>;
  /** Unary minus. */
  readonly signs: ReadonlySet<number>;
  /** Ends of names of spaces: a `+` follows without a space, `w+`. */
  readonly spaces: ReadonlySet<number>;
  /** The braces of sets in expressions: `{u, v}`. */
  readonly setBraces: ReadonlySet<number>;
}

/** What the tree says about spaces. */
export function marksOf(module: Module): Marks {
  const called = new Set<number>();
  const signs = new Set<number>();
  const spaces = new Set<number>();
  const setBraces = new Set<number>();
  for (const item of module.items) {
    if (item.kind === "EnergyDecl") called.add(item.name.span.end);
    walk(item, (node) => {
      if (node.kind === "LikeExpr" || node.kind === "PromptExpr") called.add(node.span.start + 4);
      if (node.kind === "CallExpr" && "callee" in node) called.add((node.callee as { span: { end: number } }).span.end);
      if (node.kind === "UnaryExpr" && "op" in node && node.op === "-") signs.add(node.span.start);
      if (node.kind === "SpaceSetting" && "space" in node) {
        const { end } = (node.space as { span: { end: number } }).span;
        spaces.add(end);
      }
      if (node.kind === "SetExpr") setBraces.add(node.span.start).add(node.span.end - 1);
    });
  }
  return { called, signs, spaces, setBraces };
}

export function isComment(atom: Atom): boolean {
  return atom.type === t.LineComment || atom.type === t.BlockComment;
}

/** The tokens and comments of a text in order, in canonical spelling; commas before a closing brace are gone. */
export function atomsOf(text: string, tokens: readonly IToken[], comments: readonly IToken[]): Atom[] {
  const sorted = [...tokens, ...comments].sort((a, b) => a.startOffset - b.startOffset);
  const trailing = new Set<IToken>();
  tokens.forEach((token, i) => {
    if (token.tokenType === t.Comma && tokens[i + 1]?.tokenType === t.RCurly) trailing.add(token);
  });
  let end = 0;
  let breaks = 0;
  const atoms: Atom[] = [];
  for (const token of sorted) {
    breaks += text.slice(end, token.startOffset).match(/\r\n|\n|\r/g)?.length ?? 0;
    end = token.startOffset + token.image.length;
    if (trailing.has(token)) continue;
    atoms.push({ text: spelling(token), type: token.tokenType, start: token.startOffset, end, breaks });
    breaks = 0;
  }
  return atoms;
}

function spelling({ tokenType, image }: IToken): string {
  switch (tokenType) {
    case t.LineComment:
      return image.trimEnd();
    case t.BlockComment:
      return image.replace(/[^\S\r\n]*(?:\r\n|\r|\n)/g, "\n");
    case t.StringLiteral:
      return /^'[^"\\]*'$/.test(image) ? `"${image.slice(1, -1)}"` : image;
    case t.NumberLiteral:
      return /^0[xXbBoO]/.test(image)
        ? image
        : image
            .replace("E", "e")
            .replace(/^\./, "0.")
            .replace(/\.(?=e|$)/, "");
    case t.Tolerance:
      return "+-";
    default:
      return image;
  }
}

const connectives: ReadonlySet<TokenType> = new Set([t.And, t.Or, t.Xor, t.Implies, t.Iff, t.Then, t.Else]);
const tightAfter: ReadonlySet<TokenType> = new Set([t.LParen, t.LSquare, t.DotDot]);
const tightBefore: ReadonlySet<TokenType> = new Set([t.RParen, t.RSquare, t.Comma, t.Colon, t.DotDot, t.LSquare]);
const openers: ReadonlySet<TokenType> = new Set([t.LParen, t.LSquare, t.LCurly]);
const closers: ReadonlySet<TokenType> = new Set([t.RParen, t.RSquare, t.RCurly]);

function isTight(left: Atom, right: Atom, marks: Marks): boolean {
  if (tightAfter.has(left.type) || tightBefore.has(right.type)) return true;
  if (right.type === t.LParen) return marks.called.has(left.end);
  if (right.type === t.Plus) return marks.spaces.has(left.end);
  if (left.type === t.Minus) return marks.signs.has(left.start);
  if (left.type === t.LCurly && right.type === t.RCurly) return true;
  if (left.type === t.LCurly) return marks.setBraces.has(left.start);
  if (right.type === t.RCurly) return marks.setBraces.has(right.start);
  return false;
}

interface Piece {
  readonly text: string;
  /** The bracket depth at which a line may begin with this piece; undefined: it may not. */
  readonly breakable: number | undefined;
  /** A line must begin with it. */
  readonly forced: boolean;
  readonly comment: boolean;
}

/**
 * A run of atoms with canonical spaces. Lines after the first are indented by `indent` and two steps more.
 * `column` is where the first line begins; a line breaks before a connective or after a comma, outermost first.
 */
export function printRun(atoms: readonly Atom[], marks: Marks, indent: number, column: number): string {
  const pieces = piecesOf(atoms, marks);
  const margin = " ".repeat(indent + 4);
  let done = "";
  let line: Piece[] = [];
  let start = column;
  const flush = (upTo: number): void => {
    done += `${line
      .slice(0, upTo)
      .map((piece) => piece.text)
      .join("")
      .trimEnd()}\n${margin}`;
    line = line.slice(upTo).map((piece, i) => (i === 0 ? { ...piece, text: piece.text.trimStart() } : piece));
    start = margin.length;
  };
  for (const piece of pieces) {
    if (piece.forced && line.length > 0) flush(line.length);
    line.push(line.length === 0 ? { ...piece, text: piece.text.trimStart() } : piece);
    while (!piece.comment && start + widthOf(line) > lineWidth) {
      const at = bestBreak(line);
      if (at === undefined) break;
      flush(at);
    }
  }
  return done + line.map((piece) => piece.text).join("");
}

function piecesOf(atoms: readonly Atom[], marks: Marks): Piece[] {
  let depth = 0;
  return atoms.map((atom, i) => {
    const left = atoms[i - 1];
    if (closers.has(atom.type)) depth--;
    const breakable = connectives.has(atom.type) || left?.type === t.Comma ? depth : undefined;
    if (openers.has(atom.type)) depth++;
    const tight = left === undefined || (isTight(left, atom, marks) && !(isComment(left) && atom.type === t.LSquare));
    const space = tight ? "" : atom.type === t.LineComment ? "  " : " ";
    const own = isComment(atom) && atom.breaks > 0;
    const forced =
      left !== undefined &&
      (left.type === t.LineComment || own || (isComment(left) && atom.breaks > 0 && left.breaks > 0));
    return {
      text: space + atom.text,
      breakable: isComment(atom) ? undefined : breakable,
      forced,
      comment: isComment(atom),
    };
  });
}

function widthOf(line: readonly Piece[]): number {
  return line.reduce((sum, piece) => sum + (piece.comment ? 0 : piece.text.length), 0);
}

/** The last place of the smallest depth, but not before the line's first piece. */
function bestBreak(line: readonly Piece[]): number | undefined {
  let best: number | undefined;
  let least = Infinity;
  line.forEach((piece, i) => {
    if (i > 0 && piece.breakable !== undefined && piece.breakable <= least) {
      best = i;
      least = piece.breakable;
    }
  });
  return best;
}
