// How the parser goes on after a mistake, and the small parts that all of its rules share.
// Chevrotain's own recovery is off: it inserts and deletes tokens by the grammar's follow sets, which contextual keywords
// make too wide to be of use. Instead a rule runs as an `attempt`; if it fails, what stands up to the end of its setting
// or statement (known from layout.ts) is skipped. In an expression less is: an operand that cannot be read is left out (`operand`), and where
// something follows that cannot be there, reading goes on behind the next `and`, `or`... (`rest`); what was left out is noted in `gaps`.
// Invariants: a mistake of the user throws nothing out of `attempt`; a span covers exactly the tokens that its rule consumed.
import {
  EmbeddedActionsParser,
  isRecognitionException,
  type IRecognitionException,
  type IToken,
  type TokenType,
} from "chevrotain";
import type { Span } from "../source/span.js";
import type { Expr, Name, StringLit, TextExpr } from "./ast.js";
import { isName, type LaceToken } from "./layout.js";
import { numberValue, stringValue } from "./literals.js";
import * as t from "./tokens.js";

/** Where reading stopped. */
export interface Problem {
  /** The token that could not be read and the one before it. */
  readonly found: IToken;
  readonly after: IToken;
  /** The rule that was being read, or `repeated` or `too deep`. */
  readonly rule: string;
  /** The name of the token type that was wanted; empty if several would have done. */
  readonly wanted: string;
  /** An operand was missing, and reading went on behind the gap. */
  readonly repaired?: boolean;
}
/** A mark of another language (or `=` out of place) that was read as the Lace word `meant`. */
export interface ForeignMark {
  readonly token: IToken;
  readonly meant: string;
}

// Later stages walk the tree recursively, and so does this parser: deeper trees would overflow the stack.
/** The most levels of brackets and of operators that stand before what they act on. */
export const DEEPEST = 64;
/** The most operators in a row that are grouped from the left, those of chains within chains added: each makes the tree one deeper. */
export const LONGEST_CHAIN = 500;

/** An expression that goes on behind something that cannot stand there: where it began, the depth of its tokens, and what ends it. */
interface RestOf {
  readonly begin: number;
  readonly depth: number;
  readonly ends: readonly TokenType[];
}

/** Words that go on with a setting behind an operand. */
const goesOn: readonly TokenType[] = [t.Layers, t.Weight, t.Tries, t.By];
const openers: readonly TokenType[] = [t.LParen, t.LSquare, t.LCurly];
const closers: readonly TokenType[] = [t.RParen, t.RSquare, t.RCurly];

class TooDeep extends Error {
  override readonly name = "TooDeep";
  constructor(readonly token: IToken) {
    super();
  }
}

/** The base of the grammar: recovery, spans and leaves. */
export abstract class RecoveringParser extends EmbeddedActionsParser {
  problems: Problem[] = [];
  /** Where an expression was left out of the tree, or holds what may not be meant, and reading went on behind it. */
  gaps: Span[] = [];
  /** A mistake of grammar in the statement or setting that is being read was told: what follows there may be its consequence. */
  private torn = false;
  /** Where the operand that was read last began. */
  private lastOperand = 0;
  /** In how many conditions of `if` reading is. */
  private conditions = 0;
  foreign: ForeignMark[] = [];
  protected file = "";
  private level = 0;
  /** By how much chains have made the tree deeper, of what was read last. */
  private height = 0;

  constructor(checked: boolean) {
    super([...t.tokenTypes], {
      maxLookahead: 2,
      recoveryEnabled: false,
      skipValidations: !checked,
      // explain.ts words the problems; here only what was wanted is passed on.
      errorMessageProvider: {
        buildMismatchTokenMessage: ({ expected }) => expected.name,
        buildNotAllInputParsedMessage: () => "",
        buildNoViableAltMessage: () => "",
        buildEarlyExitMessage: () => "",
      },
    });
  }

  protected begin(file: string): void {
    this.file = file;
    this.problems = [];
    this.gaps = [];
    this.torn = false;
    this.lastOperand = 0;
    this.conditions = 0;
    this.foreign = [];
    this.level = 0;
    this.height = 0;
  }

  /** Runs a rule; if the text cannot be read as it, notes the problem and returns what `failed` makes of it. */
  protected attempt<T>(rule: () => T, failed: (error: unknown) => T): T {
    const { level, height } = this;
    try {
      return rule();
    } catch (error) {
      const problem = this.problemOf(error);
      // A problem where one was noted already is its consequence, not another; but it says that a repair was of no use.
      const last = this.problems.at(-1);
      if (last?.found !== problem.found && !(this.torn && problem.rule !== "too deep")) this.problems.push(problem);
      else if (last?.repaired === true) this.problems[this.problems.length - 1] = { ...last, repaired: false };
      this.level = level;
      this.height = height;
      return failed(error);
    }
  }

  private problemOf(error: unknown): Problem {
    if (error instanceof TooDeep) return { found: error.token, after: this.LA(0), rule: "too deep", wanted: "" };
    if (!(error instanceof Error) || !isRecognitionException(error)) throw error;
    const { context, token, message } = error as IRecognitionException;
    return { found: token, after: this.LA(0), rule: context.ruleStack.at(-1) ?? "", wanted: message };
  }

  /** A statement or setting: its first mistake of grammar is told, and missing operands. */
  protected unit<T>(rule: () => T, failed: (error: unknown) => T): T {
    this.torn = false;
    const value = this.attempt(rule, failed);
    this.torn = false;
    return value;
  }

  /** A setting or option: where it cannot be read, what stands up to the next is left out. */
  protected orLeftOut<T>(rule: () => T, depth: number): T | undefined {
    if (this.RECORDING_PHASE) return rule();
    const start = this.start();
    const told = this.problems.length;
    return this.unit<T | undefined>(rule, () => {
      const problem = this.problems.at(-1);
      this.skip(depth);
      if (problem === undefined || this.problems.length !== told + 1 || problem.repaired === true) return undefined;
      this.problems[this.problems.length - 1] = { ...problem, repaired: true };
      this.gap(Math.min(start, problem.after.startOffset));
      return undefined;
    });
  }

  /** An operand; where it cannot be read, what stands up to the next `and`, `or`... beside it is left out. */
  protected operand(rule: () => Expr): Expr {
    if (this.RECORDING_PHASE) return rule();
    const { level, height } = this;
    const start = this.start();
    const before = this.LA(0);
    const depth = this.depthOf(before) + (openers.includes(before.tokenType) ? 1 : 0);
    this.lastOperand = start;
    try {
      return rule();
    } catch (error) {
      const problem = this.problemOf(error);
      if (problem.rule === "too deep") throw error;
      this.level = level;
      this.height = height;
      this.note(problem);
      const ends = [t.GreaterEqual, ...(this.conditions > 0 ? [t.Then, t.Else] : [])];
      // A comma that was not expected separates no parts that could be told apart: `(hair in red, blond)`.
      this.skipTo(depth, problem.found.tokenType === t.Comma ? ends : [...ends, t.Comma]);
      this.gap(Number.isNaN(start) ? problem.after.startOffset : Math.min(start, problem.after.startOffset));
      return { kind: "ErrorExpr", span: this.span(start) };
    }
  }

  /** A part of `if ... then ... else`: in it, these words end an operand that cannot be read. */
  protected condition<T>(rule: () => T): T {
    this.conditions++;
    try {
      return this.deeper(rule);
    } finally {
      this.conditions--;
    }
  }

  /** Notes a problem behind which reading goes on; of several in one statement or setting the first. */
  private note(problem: Problem): void {
    if (!this.torn && this.problems.at(-1)?.found !== problem.found) this.problems.push({ ...problem, repaired: true });
    this.torn = true;
  }

  /** Skips to where an expression of this depth may go on, by a connective or one of `ends`, or to where its setting or statement ends. */
  private skipTo(depth: number, ends: readonly TokenType[]): void {
    this.skipUntil(
      ({ tokenType, depth: own }) =>
        tokenType === t.Newline ||
        (own <= depth && t.connectives.includes(tokenType)) ||
        (own === depth && (ends.includes(tokenType) || this.beginsSetting())) ||
        (own < depth && closers.includes(tokenType)),
    );
  }

  /** What stands between there and the next token was left out. */
  private gap(start: number): void {
    const { startOffset } = this.LA(1);
    const end = Number.isNaN(startOffset) ? this.span(0).end : startOffset;
    this.gaps.push({ file: this.file, start: Math.min(start, end), end });
  }

  /**
   * What could be read around something that cannot stand where it does, behind `first`, in an expression of this depth: more parts, each behind
   * an `and`, `or`..., up to one of `ends` or the end of the setting or statement.
   */
  protected rest(
    first: readonly Expr[],
    { begin, depth, ends, ...problem }: Pick<Problem, "rule" | "wanted"> & RestOf,
    next: () => Expr,
  ): Extract<Expr, { kind: "ErrorExpr" }> {
    const parts = [...first];
    this.note({ ...problem, found: this.LA(1), after: this.LA(0) });
    for (let isFirst = true; ; isFirst = false) {
      const found = this.LA(1);
      this.skipTo(depth, ends);
      if (this.LA(1) !== found) this.gap(this.lastOperand);
      else if (isFirst) this.gap(found.startOffset);
      if (!t.connectives.includes(this.LA(1).tokenType)) break;
      this.SKIP_TOKEN();
      parts.push(next());
    }
    return { kind: "ErrorExpr", parts, span: this.span(Math.min(begin, ...first.map(({ span }) => span.start))) };
  }

  /** Whether a setting begins here, by its word and what follows: a name of this kind, a number or `not`. */
  private beginsSetting(named: TokenType = t.Name): boolean {
    const [word, next] = [this.LA(1).tokenType, this.LA(2)];
    if (!t.settingWords.includes(word)) return false;
    const isNamed = named === t.Name ? isName(next) : next.tokenType === named;
    const operand = isNamed && !t.settingWords.includes(next.tokenType) && !goesOn.includes(next.tokenType);
    return operand || next.tokenType === t.NumberLiteral || next.tokenType === t.Not;
  }

  /** A token that cannot begin what is wanted here was taken: always a problem. */
  protected junk(rule: string, found: IToken): undefined {
    this.ACTION(() => {
      const after = this.LA(-1);
      const repaired = rule !== "statement";
      this.problems.push({ found, after, rule, wanted: "", repaired });
      this.skip(repaired ? this.depthOf(found) : -1);
      if (repaired) this.gap(after.startOffset);
    });
  }

  /** Skips to the end of the setting whose tokens have this depth, or (-1) to the end of the statement; takes neither. */
  protected skip(depth: number): undefined {
    this.skipUntil(
      ({ tokenType, depth: own }) =>
        (depth > 0 && own === depth && this.beginsSetting()) ||
        (tokenType === t.RCurly && own < depth) ||
        (tokenType === t.Newline && own <= depth),
    );
  }

  /** Skips to a token like this or to the end of the statement. */
  protected skipUntil(stop: (token: LaceToken) => boolean): undefined {
    for (;;) {
      const next = this.LA(1);
      if (!isLaidOut(next) || next.tokenType === t.StatementEnd || stop(next)) return;
      this.SKIP_TOKEN();
    }
  }

  /** The end of a statement, whatever stands before it. */
  protected skipStatement(): undefined {
    this.skip(-1);
    this.SKIP_TOKEN();
  }

  protected depthOf(token: IToken): number {
    return isLaidOut(token) ? token.depth : 0;
  }

  /** An expression that ends a setting or statement; ErrorExpr up to its end if it cannot be read. */
  protected orError<T extends { readonly span: Span }>(rule: () => T): T | Extract<Expr, { kind: "ErrorExpr" }> {
    const start = this.start();
    return this.attempt<T | Extract<Expr, { kind: "ErrorExpr" }>>(rule, () => {
      const depth = this.depthOf(this.LA(0));
      this.skip(depth === 0 ? -1 : depth);
      return { kind: "ErrorExpr", span: this.span(start) };
    });
  }

  /**
   * Where an operand is missing between an operator and what follows it (`tilt > and smile`): notes the problem for `rule` and stands in for the operand,
   * so that the rest of the expression is read. Undefined where there is one, or where too little stands around the gap.
   */
  protected missingOperand(rule: string): Extract<Expr, { kind: "ErrorExpr" }> | undefined {
    if (this.RECORDING_PHASE) return undefined;
    const [after, found] = [this.LA(0), this.LA(1)];
    const isBehindOperator = t.operators.includes(after.tokenType);
    const isGap = t.connectives.includes(found.tokenType)
      ? isBehindOperator
      : found.tokenType === t.Comma
        ? isBehindOperator || after.tokenType === t.Comma
        : // In numbers two words may stand side by side: `sampler ode { steps 2 * count tol 4 }`.
          isBehindOperator && !t.arithmetic.includes(after.tokenType) && this.beginsSetting(t.Identifier);
    if (!isGap) return undefined;
    this.problems.push({ found, after, rule, wanted: "", repaired: true });
    return { kind: "ErrorExpr", span: this.span(found.startOffset) };
  }

  /** A rule that contains itself. */
  protected deeper<T>(rule: () => T): T {
    if (this.level >= DEEPEST) throw new TooDeep(this.LA(1));
    this.level++;
    const value = rule();
    this.level--;
    return value;
  }

  /** The same setting or part twice. */
  protected once(earlier: unknown, word: IToken): void {
    this.ACTION(() => {
      if (earlier !== undefined) this.problems.push({ found: word, after: word, rule: "repeated", wanted: "" });
    });
  }

  protected start(): number {
    return this.LA(1).startOffset;
  }

  /** From `start` to the end of the last token taken; if none was since, empty and just after it, so that it lies inside its parent. */
  protected span(start: number): Span {
    const last = this.LA(0);
    const end = last.startOffset + last.image.length;
    if (end > start) return { file: this.file, start, end };
    const at = Number.isNaN(end) ? start : end;
    return { file: this.file, start: at, end: at };
  }

  /** The span of what begins with `first`: that lies before `start` where it could not be read and is empty. */
  protected spanWith(first: { readonly span: Span }, start: number): Span {
    return this.span(this.RECORDING_PHASE ? start : Math.min(start, first.span.start));
  }

  private spanOf(token: IToken): Span {
    return { file: this.file, start: token.startOffset, end: token.startOffset + token.image.length };
  }

  protected name(token: IToken): Name {
    return this.ACTION(() => ({ text: token.image, span: this.spanOf(token) }));
  }

  protected string(token: IToken): StringLit {
    return this.ACTION(() => ({ value: stringValue(token.image), span: this.spanOf(token) }));
  }

  protected text(token: IToken): TextExpr {
    return this.ACTION(() => ({ kind: "TextExpr", value: stringValue(token.image), span: this.spanOf(token) }));
  }

  protected number(token: IToken): Expr {
    return this.ACTION(() =>
      token.tokenType === t.BadNumber
        ? { kind: "ErrorExpr", span: this.spanOf(token) }
        : { kind: "NumberExpr", value: numberValue(token.image), text: token.image, span: this.spanOf(token) },
    );
  }

  /** A chain of operators that are grouped from the left; `link` is called at each: the tree of `a + b + c` is as deep as the chain is long. */
  protected chain<T>(rule: (link: () => void) => T): T {
    const beside = this.height;
    this.height = 0;
    const value = rule(() => {
      if (++this.height > LONGEST_CHAIN) throw new TooDeep(this.LA(1));
    });
    this.height = Math.max(this.height, beside);
    return value;
  }
}

function isLaidOut(token: IToken): token is LaceToken {
  return "depth" in token;
}
