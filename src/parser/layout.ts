// Where lines end statements. In: the lexer's tokens. Out: the same tokens, with their nesting depth, and virtual tokens
// StatementEnd (after each statement) and Newline (between lines of a task's block) added.
// Why here and not in the grammar: a newline counts only where nothing is left open, and a statement that begins on a
// new line ends whatever was left open before it, so that one missing bracket is one report and the rest of the file parses.
//
// A newline ends the statement (or setting) unless the line ends with a mark or word that wants an operand, or the next
// line begins with one that continues (an operator, a closing bracket, `from`, `as`...). Inside ( ), [ ] and the lists
// { } of `category`, `in` and `import` newlines are free.
// Invariants: the input tokens keep their order; a non-empty result ends with StatementEnd; virtual tokens are empty.
import type { IToken, TokenType } from "chevrotain";
import * as t from "./tokens.js";

/** A token with the number of brackets open around it; a bracket itself counts as outside its pair. */
export type LaceToken = IToken & { readonly depth: number };

type Opener = "(" | "[" | "list" | "block";

/** Marks and words that stand between two operands (or items). */
export const joins: ReadonlySet<TokenType> = new Set([
  ...[t.And, t.Or, t.Xor, t.Implies, t.Iff, t.Is, t.In, t.Plus, t.Minus, t.Star, t.Slash, t.Less, t.Greater],
  ...[t.GreaterEqual, t.Tolerance, t.Comma, t.DotDot, t.Colon, t.Equals, t.EqualsEquals, t.NotEquals, t.AndAnd],
  ...[t.OrOr, t.LessEqual, t.Arrow, t.Then, t.Else],
]);
/** Marks and words that something must follow. */
export const wantsOperand: ReadonlySet<TokenType> = new Set([
  ...joins,
  t.Not,
  t.Bang,
  t.If,
  t.LCurly,
  t.LParen,
  t.LSquare,
]);
const continuesLine: ReadonlySet<TokenType> = new Set([...joins, t.LCurly, t.RParen, t.RSquare]);
const headerWords: ReadonlySet<TokenType> = new Set([t.From, t.Of, t.Over, t.By, t.To, t.As, t.Sigma, t.On, t.At]);
/** Words that go on with a setting. */
const partWords: ReadonlySet<TokenType> = new Set([t.Layers, t.Weight, t.Tries]);
const statementWords: ReadonlySet<TokenType> = new Set(t.statementWords);
const settingWords: ReadonlySet<TokenType> = new Set(t.settingWords);
/** Operators in words that a name may follow. */
const takesName: ReadonlySet<TokenType> = new Set([t.Temperature, t.Atleast, t.Exactly, t.Atmost]);
const beforeList: ReadonlySet<TokenType> = new Set([t.Category, t.In, t.Import]);

/** Whether the token can be a name: an identifier or a contextual keyword. */
export function isName(token: IToken | undefined): boolean {
  return token?.tokenType.CATEGORIES?.includes(t.Name) ?? false;
}

/** Adds nesting depth, StatementEnd and Newline. `text` is what the tokens were read from. */
export function layOut(text: string, tokens: readonly IToken[]): LaceToken[] {
  const out: LaceToken[] = [];
  const stack: Opener[] = [];
  let previous: IToken | undefined;
  let before: IToken | undefined; // the one before `previous`

  tokens.forEach((token, index) => {
    if (previous !== undefined && /[\r\n]/.test(text.slice(endOf(previous), token.startOffset))) {
      if (endsStatement(tokens, index, previous, stack.length, text)) {
        stack.length = 0;
        out.push(virtual(t.StatementEnd, previous, 0));
      } else {
        const setting = stack.includes("block") && startsSetting(tokens, index, text);
        // A setting's line ends the parentheses and lists that were left open before it.
        if (setting) stack.length = stack.lastIndexOf("block") + 1;
        if (stack.at(-1) === "block" && (setting || !continuesSetting(before, previous, token))) {
          out.push(virtual(t.Newline, previous, stack.length));
        }
      }
    }
    out.push(laidOut(token, nest(stack, token.tokenType, previous)));
    before = previous;
    previous = token;
  });
  if (previous !== undefined) out.push(virtual(t.StatementEnd, previous, 0));
  return out;
}

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

function laidOut({ image, startOffset, tokenType, tokenTypeIdx }: IToken, depth: number): LaceToken {
  return { image, startOffset, tokenType, tokenTypeIdx, depth };
}

function virtual(tokenType: TokenType, after: IToken, depth: number): LaceToken {
  const tokenTypeIdx = tokenType.tokenTypeIdx ?? -1;
  return { image: "", startOffset: endOf(after), tokenType, tokenTypeIdx, depth };
}

function isInParens(stack: readonly Opener[]): boolean {
  return stack.at(-1) === "(" || stack.at(-1) === "[";
}

/** Opens or closes a bracket and returns the depth of the token. */
function nest(stack: Opener[], type: TokenType, previous: IToken | undefined): number {
  const depth = stack.length;
  switch (type) {
    case t.LCurly:
      stack.push(previous !== undefined && beforeList.has(previous.tokenType) ? "list" : "block");
      return depth;
    case t.LParen:
      stack.push("(");
      return depth;
    case t.LSquare:
      stack.push("[");
      return depth;
    case t.RCurly:
      return close(stack, (o) => o === "list" || o === "block");
    case t.RParen:
      return close(stack, (o) => o === "(", isInParens);
    case t.RSquare:
      return close(stack, (o) => o === "[", isInParens);
    default:
      return depth;
  }
}

/** Pops up to the opener that fits; a closer that fits none (or only one outside `within`) closes nothing. */
function close(stack: Opener[], fits: (o: Opener) => boolean, within?: (stack: readonly Opener[]) => boolean): number {
  let at = stack.length - 1;
  while (at >= 0 && !fits(stack[at] as Opener)) {
    if (within !== undefined && !within(stack.slice(0, at + 1))) return stack.length;
    at--;
  }
  if (at >= 0) stack.length = at;
  return stack.length;
}

function endsStatement(
  tokens: readonly IToken[],
  index: number,
  previous: IToken,
  depth: number,
  text: string,
): boolean {
  const token = tokens[index];
  if (token === undefined) return true;
  if (isStatementHead(tokens, index)) return true;
  const next = tokens[index + 1];
  const unindented = token.startOffset === 0 || /[\r\n]/.test(text.charAt(token.startOffset - 1));
  const { tokenType: type } = token;
  if (depth > 0) {
    // Something is still open, but a statement's word that begins an unindented line before a name is a new statement.
    return unindented && !wantsOperand.has(previous.tokenType) && statementWords.has(type) && isName(next);
  }
  if (continuesLine.has(type) || headerWords.has(type)) return false;
  if (!wantsOperand.has(previous.tokenType)) return true;
  // After an operator an operand follows; but two names side by side are a (misspelt) statement.
  const sideBySide = isName(token) && next !== undefined && isName(next) && !takesName.has(type);
  return unindented && sideBySide && !/[\r\n]/.test(text.slice(endOf(token), next.startOffset));
}

/** Two or three tokens that only the beginning of a statement can have. */
function isStatementHead(tokens: readonly IToken[], index: number): boolean {
  const word = tokens[index]?.tokenType;
  const first = tokens[index + 1];
  const second = tokens[index + 2]?.tokenType;
  const named = (...types: TokenType[]): boolean => isName(first) && second !== undefined && types.includes(second);
  switch (word) {
    case t.Lace:
      return first?.tokenType === t.NumberLiteral;
    case t.Import:
      return first?.tokenType === t.StringLiteral || first?.tokenType === t.LCurly;
    case t.Model:
      return named(t.From, t.StringLiteral);
    case t.Input:
    case t.Attribute:
    case t.Expect:
      return named(t.Colon);
    case t.Let:
      return named(t.Equals);
    case t.Energy:
      return named(t.Equals, t.LParen);
    case t.Sample:
    case t.Traverse:
      return named(t.From, t.LCurly);
    case t.Edit:
      return named(t.Of, t.From, t.LCurly);
    case t.Sweep:
      return named(t.Over, t.From, t.LCurly);
    case t.Photo:
      return named(t.From, t.StringLiteral);
    case t.Save:
      return named(t.To, t.StringLiteral);
    default:
      return false;
  }
}

/** Whether a line begins as only a setting can: its word with what follows it on the line. */
function startsSetting(tokens: readonly IToken[], index: number, text: string): boolean {
  const word = tokens[index];
  const next = tokens[index + 1];
  if (word === undefined || next === undefined || !settingWords.has(word.tokenType)) return false;
  if (/[\r\n]/.test(text.slice(endOf(word), next.startOffset))) return false;
  // Two words side by side: the first could only be an operand if the second began a setting or a part of one.
  const operand = isName(next) && !settingWords.has(next.tokenType) && !partWords.has(next.tokenType);
  return operand || next.tokenType === t.NumberLiteral || next.tokenType === t.Not;
}

function continuesSetting(before: IToken | undefined, previous: IToken, token: IToken): boolean {
  if (token.tokenType === t.RCurly || continuesLine.has(token.tokenType) || partWords.has(token.tokenType)) return true;
  if (previous.tokenType === t.LCurly) return true;
  if (wantsOperand.has(previous.tokenType)) return true;
  // `where` and `step` alone on their line; the same words after another token may be attributes.
  const alone = before === undefined || before.tokenType === t.LCurly || !isName(before);
  return alone && (previous.tokenType === t.Where || previous.tokenType === t.Step);
}
