// Conditions on pictures: how like they are to one, or to what a text says, and how networks look at them.
// In: laid-out tokens. Out: Expr nodes and LookingClause. Invariant: `like` and `text` are names unless a parenthesis and a text in quotes follow.
import type { Expr, LookingClause, StringLit } from "./ast.js";
import { RecoveringParser } from "./recovery.js";
import * as t from "./tokens.js";
import type { TokenType } from "chevrotain";

/** The rules for pictures. */
export abstract class PictureRules extends RecoveringParser {
  protected abstract sum: () => Expr;

  /** `at 64 px from tau 3`: either part, or both. */
  protected looking: () => LookingClause = this.RULE("looking", (): LookingClause => {
    const start = this.start();
    let pixels: Expr | undefined;
    let tau: Expr | undefined;
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.At);
          pixels = this.SUBRULE(this.sum);
          this.CONSUME(t.Px);
          tau = this.OPTION(() => this.SUBRULE(this.fromTau));
        },
      },
      { ALT: () => (tau = this.SUBRULE1(this.fromTau)) },
    ]);
    return {
      ...(pixels !== undefined && { pixels }),
      ...(tau !== undefined && { tau }),
      span: this.span(start),
    };
  });

  private fromTau: () => Expr = this.RULE("fromTau", (): Expr => {
    this.CONSUME(t.From);
    this.CONSUME(t.Tau);
    return this.SUBRULE(this.sum);
  });

  protected likeExpr: () => Expr = this.RULE("likeExpr", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Like);
    this.CONSUME(t.LParen);
    const picture = this.string(this.CONSUME(t.StringLiteral));
    const mask = this.OPTION(() => {
      this.CONSUME(t.In);
      return this.string(this.CONSUME1(t.StringLiteral));
    });
    const by = this.OPTION1(() => this.SUBRULE(this.byFile));
    const looking = this.OPTION2(() => this.SUBRULE(this.looking));
    this.CONSUME(t.RParen);
    return {
      ...{ kind: "LikeExpr", picture },
      ...(mask !== undefined && { mask }),
      ...(by !== undefined && { by }),
      ...(looking !== undefined && { looking }),
      span: this.span(start),
    };
  });

  protected promptExpr: () => Expr = this.RULE("promptExpr", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Text);
    this.CONSUME(t.LParen);
    const prompt = this.string(this.CONSUME(t.StringLiteral));
    const against = this.OPTION(() => {
      this.CONSUME(t.Against);
      return this.string(this.CONSUME1(t.StringLiteral));
    });
    const by = this.SUBRULE(this.byFile);
    const looking = this.OPTION1(() => this.SUBRULE(this.looking));
    this.CONSUME(t.RParen);
    return {
      ...{ kind: "PromptExpr", prompt },
      ...(against !== undefined && { against }),
      by,
      ...(looking !== undefined && { looking }),
      span: this.span(start),
    };
  });

  private byFile: () => StringLit = this.RULE("byFile", (): StringLit => {
    this.CONSUME(t.By);
    return this.string(this.CONSUME(t.StringLiteral));
  });

  /** Whether a word is called with a text: `like("...`. */
  protected callsWithText(): boolean {
    return this.LA(2).tokenType === t.LParen && isText(this.LA(3).tokenType);
  }
}

function isText(type: TokenType): boolean {
  return type === t.StringLiteral || (type.CATEGORIES?.includes(t.StringLiteral) ?? false);
}
