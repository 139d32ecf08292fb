// How the parser goes on after a mistake, and the small parts that all of its rules share.
// Chevrotain's own recovery is off: it inserts and deletes tokens by the grammar's follow sets, which contextual keywords
// make too wide to be of use. Instead a rule runs as an `attempt`; if it fails, what stands up to the end of its setting
// or statement (known from layout.ts) is skipped.
// Invariants: a mistake of the user throws nothing out of `attempt`; a span covers exactly the tokens that its rule consumed.
import { EmbeddedActionsParser, isRecognitionException, type IRecognitionException, type IToken } from "chevrotain";
import type { Span } from "../source/span.js";
import type { Expr, Name, StringLit, TextExpr } from "./ast.js";
import type { LaceToken } from "./layout.js";
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

class TooDeep extends Error {
  override readonly name = "TooDeep";
  constructor(readonly token: IToken) {
    super();
  }
}

/** The base of the grammar: recovery, spans and leaves. */
export abstract class RecoveringParser extends EmbeddedActionsParser {
  problems: Problem[] = [];
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
      if (last?.found !== problem.found) this.problems.push(problem);
      else if (last.repaired === true) this.problems.splice(-1, 1, { ...last, repaired: false });
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

  /** A token that cannot begin what is wanted here was taken: always a problem. */
  protected junk(rule: string, found: IToken): undefined {
    this.ACTION(() => {
      this.problems.push({ found, after: this.LA(-1), rule, wanted: "" });
      this.skip(rule === "statement" ? -1 : this.depthOf(found));
    });
  }

  /** Skips to the end of the setting whose tokens have this depth, or (-1) to the end of the statement; takes neither. */
  protected skip(depth: number): undefined {
    this.skipUntil(
      ({ tokenType, depth: own }) =>
        (tokenType === t.RCurly && own < depth) || (tokenType === t.Newline && own <= depth),
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
      : found.tokenType === t.Comma && (isBehindOperator || after.tokenType === t.Comma);
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
