// How networks look at pictures.
// In: laid-out tokens. Out: LookingClause.
import type { Expr, LookingClause } from "./ast.js";
import { RecoveringParser } from "./recovery.js";
import * as t from "./tokens.js";

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
}
