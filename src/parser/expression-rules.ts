// Expressions: one grammar for numbers and energies; types tell them apart. Rules stand loosest first.
// In: laid-out tokens. Out: Expr nodes. `iff` < `implies` (right) < `or` < `xor` < `and` < `not` < predicates < `+ -` < `* /` < unary `-`.
// Invariants: a word is a name wherever the operator of that word (`temperature`, `atleast`...) cannot begin.
import type { BinaryOp, CompareOp, Comparison, Expr, RangeExpr, SetExpr } from "./ast.js";
import { isName } from "./layout.js";
import { PictureRules } from "./picture-rules.js";
import * as t from "./tokens.js";
import type { TokenType } from "chevrotain";

/** What may follow an energy in its setting: the next setting, or more of a step. */
const settingGoesOn: readonly TokenType[] = [...t.settingWords, t.Layers, t.Weight];

/** The rules for expressions. */
export abstract class ExpressionRules extends PictureRules {
  // In `expect x: e >= 0.9` the mark belongs to the clause, not to the energy.
  protected inClause = false;

  protected expr: () => Expr = this.RULE("expr", (): Expr =>
    this.leftChain(
      t.Iff,
      "iff",
      () => this.SUBRULE(this.implication),
      () => this.SUBRULE1(this.implication),
    ),
  );

  private implication: () => Expr = this.RULE("implication", (): Expr => {
    const start = this.start();
    const left = this.SUBRULE(this.disjunction);
    const right = this.OPTION(() => {
      this.CONSUME(t.Implies);
      return this.deeper(() => this.SUBRULE(this.implication));
    });
    return right === undefined
      ? left
      : { kind: "BinaryExpr", op: "implies", left, right, span: this.spanWith(left, start) };
  });

  private disjunction: () => Expr = this.RULE("disjunction", (): Expr =>
    this.list(
      t.Or,
      "or",
      () => this.SUBRULE(this.exclusion),
      () => this.SUBRULE1(this.exclusion),
    ),
  );

  private exclusion: () => Expr = this.RULE("exclusion", (): Expr =>
    this.leftChain(
      t.Xor,
      "xor",
      () => this.SUBRULE(this.conjunction),
      () => this.SUBRULE1(this.conjunction),
    ),
  );

  private conjunction: () => Expr = this.RULE("conjunction", (): Expr =>
    this.list(
      t.And,
      "and",
      () => this.SUBRULE(this.negation),
      () => this.SUBRULE1(this.negation),
    ),
  );

  private negation: () => Expr = this.RULE(
    "negation",
    (): Expr =>
      this.missingOperand("negation") ??
      this.operand(() =>
        this.OR<Expr>([{ ALT: () => this.SUBRULE(this.not) }, { ALT: () => this.SUBRULE(this.predicate) }]),
      ),
  );

  private not: () => Expr = this.RULE("not", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Not);
    const operand = this.deeper(() => this.SUBRULE(this.negation));
    return { kind: "UnaryExpr", op: "not", operand, span: this.span(start) };
  });

  private predicate: () => Expr = this.RULE("predicate", (): Expr => {
    const start = this.start();
    const left = this.SUBRULE(this.sum);
    const whole = this.OPTION({
      GATE: () => this.compares(),
      DEF: () =>
        this.OR<Expr>([
          { ALT: () => this.isPredicate(left, start) },
          {
            ALT: () => {
              this.CONSUME(t.In);
              const values = this.SUBRULE(this.values);
              return { kind: "InExpr", subject: left, values, span: this.span(start) };
            },
          },
          {
            ALT: () => {
              const { op, right } = this.SUBRULE(this.comparison);
              const then = this.OPTION1({
                GATE: () => this.compares(),
                DEF: () => this.SUBRULE1(this.comparison),
              });
              const rest = then === undefined ? {} : { then };
              return { kind: "CompareExpr", op, left, right, ...rest, span: this.span(start) };
            },
          },
        ]),
    });
    return whole ?? left;
  });

  private comparison: () => Comparison = this.RULE("comparison", (): Comparison => {
    const start = this.start();
    const mark = this.OR([
      { ALT: () => this.CONSUME(t.Less) },
      { ALT: () => this.CONSUME(t.LessEqual) },
      { ALT: () => this.CONSUME(t.Greater) },
      { ALT: () => this.CONSUME(t.GreaterEqual) },
    ]);
    const right = this.SUBRULE(this.sum);
    return { op: mark.image as CompareOp, right, span: this.span(start) };
  });

  /** In a clause of `expect` the mark `>=` ends the energy. */
  private compares(): boolean {
    return !this.inClause || this.LA(1).tokenType !== t.GreaterEqual;
  }

  private isPredicate(subject: Expr, start: number): Expr {
    const is = this.CONSUME(t.Is);
    this.ACTION(() => {
      if (is.tokenType === t.Equals || is.tokenType === t.EqualsEquals) this.foreign.push({ token: is, meant: "is" });
    });
    const not = this.OPTION2(() => this.CONSUME(t.Not));
    const value = this.SUBRULE4(this.sum);
    const tolerance = this.OPTION3(() => {
      this.CONSUME(t.Tolerance);
      return this.SUBRULE5(this.sum);
    });
    const negated = not !== undefined || is.tokenType === t.NotEquals;
    const rest = tolerance === undefined ? {} : { tolerance };
    return { kind: "IsExpr", subject, negated, value, ...rest, span: this.span(start) };
  }

  protected values: () => RangeExpr | SetExpr = this.RULE("values", (): RangeExpr | SetExpr =>
    this.OR<RangeExpr | SetExpr>([{ ALT: () => this.SUBRULE(this.set) }, { ALT: () => this.SUBRULE(this.range) }]),
  );

  protected set: () => SetExpr = this.RULE("set", (): SetExpr => {
    const start = this.start();
    const values: Expr[] = [];
    this.CONSUME(t.LCurly);
    this.inside(() => {
      values.push(this.SUBRULE(this.expr));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        values.push(this.SUBRULE1(this.expr));
      });
    });
    this.OPTION(() => this.CONSUME1(t.Comma));
    this.CONSUME(t.RCurly);
    return { kind: "SetExpr", values, span: this.span(start) };
  });

  protected range: () => RangeExpr = this.RULE("range", (): RangeExpr => {
    const start = this.start();
    const from = this.SUBRULE(this.sum);
    this.CONSUME(t.DotDot);
    const to = this.SUBRULE1(this.sum);
    return { kind: "RangeExpr", from, to, span: this.span(start) };
  });

  protected valueOrRange: () => Expr | RangeExpr = this.RULE("valueOrRange", (): Expr | RangeExpr => {
    const start = this.start();
    const from = this.SUBRULE(this.sum);
    const to = this.OPTION(() => {
      this.CONSUME(t.DotDot);
      return this.SUBRULE1(this.sum);
    });
    return to === undefined ? from : { kind: "RangeExpr", from, to, span: this.span(start) };
  });

  protected sum: () => Expr = this.RULE("sum", (): Expr => {
    const start = this.start();
    return this.chain((link) => {
      let left = this.SUBRULE(this.product);
      this.MANY(() => {
        link();
        const sign = this.OR([{ ALT: () => this.CONSUME(t.Plus) }, { ALT: () => this.CONSUME(t.Minus) }]);
        const right = this.SUBRULE1(this.product);
        left = { kind: "BinaryExpr", op: sign.image as BinaryOp, left, right, span: this.span(start) };
      });
      return left;
    });
  });

  private product: () => Expr = this.RULE("product", (): Expr => {
    const start = this.start();
    return this.chain((link) => {
      let left = this.SUBRULE(this.unary);
      this.MANY(() => {
        link();
        const sign = this.OR([{ ALT: () => this.CONSUME(t.Star) }, { ALT: () => this.CONSUME(t.Slash) }]);
        // `2 * not smile`: the weight of a negation needs no parentheses.
        const right =
          this.missingOperand("product") ??
          this.OR1<Expr>([{ ALT: () => this.SUBRULE(this.not) }, { ALT: () => this.SUBRULE1(this.unary) }]);
        left = { kind: "BinaryExpr", op: sign.image as BinaryOp, left, right, span: this.span(start) };
      });
      return left;
    });
  });

  private unary: () => Expr = this.RULE("unary", (): Expr => {
    const start = this.start();
    const missing = this.missingOperand("unary");
    if (missing !== undefined) return missing;
    return this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(t.Minus);
          const operand = this.deeper(() => this.SUBRULE(this.unary));
          return { kind: "UnaryExpr", op: "-", operand, span: this.span(start) };
        },
      },
      { ALT: () => this.SUBRULE(this.primary) },
    ]);
  });

  private primary: () => Expr = this.RULE("primary", (): Expr => {
    const start = this.start();
    return this.OR<Expr>({
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.number(this.CONSUME(t.NumberLiteral)) },
        { GATE: () => this.beginsCount(), ALT: () => this.SUBRULE(this.countExpr) },
        { GATE: () => this.beginsTemperature(), ALT: () => this.SUBRULE(this.temperatureExpr) },
        { GATE: () => this.callsWithText(), ALT: () => this.SUBRULE(this.likeExpr) },
        { GATE: () => this.callsWithText(), ALT: () => this.SUBRULE(this.promptExpr) },
        { ALT: () => this.SUBRULE(this.nameOrCall) },
        { ALT: () => this.SUBRULE(this.conditional) },
        {
          ALT: () => {
            this.CONSUME(t.LParen);
            const depth = this.depthOf(this.LA(0)) + 1;
            const inner = this.inside(() => this.SUBRULE(this.expr));
            const unclosed = this.unclosed({ start, depth }, [inner], "primary");
            if (unclosed !== undefined) return unclosed;
            this.CONSUME(t.RParen);
            return { kind: "ParenExpr", inner, span: this.span(start) };
          },
        },
      ],
    });
  });

  private conditional: () => Expr = this.RULE("conditional", (): Expr => {
    const start = this.start();
    this.CONSUME(t.If);
    const condition = this.condition(() => this.SUBRULE(this.expr));
    this.CONSUME(t.Then);
    const yes = this.condition(() => this.SUBRULE1(this.expr));
    this.CONSUME(t.Else);
    const no = this.condition(() => this.SUBRULE2(this.expr));
    return { kind: "IfExpr", condition, yes, no, span: this.span(start) };
  });

  private nameOrCall: () => Expr = this.RULE("nameOrCall", (): Expr => {
    const start = this.start();
    const args: Expr[] = [];
    const callee = this.name(this.CONSUME(t.Name));
    const called = this.OPTION(() => {
      this.CONSUME(t.LParen);
      const depth = this.depthOf(this.LA(0)) + 1;
      this.inside(() => this.MANY_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.expr)) }));
      const unclosed = this.unclosed({ start, depth }, args, "nameOrCall");
      if (unclosed !== undefined) return unclosed;
      this.CONSUME(t.RParen);
      return true;
    });
    if (typeof called === "object") return called;
    return called === true
      ? { kind: "CallExpr", callee, args, span: this.span(start) }
      : this.ACTION(() => ({ kind: "NameExpr", name: callee.text, span: callee.span }));
  });

  private countExpr: () => Expr = this.RULE("countExpr", (): Expr => {
    const start = this.start();
    const parts: Expr[] = [];
    const word = this.OR([
      { ALT: () => this.CONSUME(t.Atleast) },
      { ALT: () => this.CONSUME(t.Exactly) },
      { ALT: () => this.CONSUME(t.Atmost) },
    ]);
    const count = this.deeper(() => this.SUBRULE(this.sum));
    this.CONSUME(t.Of);
    this.CONSUME(t.LParen);
    const depth = this.depthOf(this.LA(0)) + 1;
    this.inside(() => this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => parts.push(this.SUBRULE(this.expr)) }));
    const unclosed = this.unclosed({ start, depth }, parts, "countExpr");
    if (unclosed !== undefined) return unclosed;
    this.CONSUME(t.RParen);
    const quantifier = word.image as "atleast" | "exactly" | "atmost";
    return { kind: "CountExpr", quantifier, count, parts, span: this.span(start) };
  });

  private temperatureExpr: () => Expr = this.RULE("temperatureExpr", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Temperature);
    const temperature = this.SUBRULE(this.temperatureValue);
    this.CONSUME(t.LParen);
    const operand = this.inside(() => this.SUBRULE(this.expr));
    this.CONSUME(t.RParen);
    return { kind: "TemperatureExpr", temperature, operand, span: this.span(start) };
  });

  /** A name here is not a call: its parenthesis is the operand's. */
  private temperatureValue: () => Expr = this.RULE("temperatureValue", (): Expr => {
    const start = this.start();
    return this.OR<Expr>([
      { ALT: () => this.number(this.CONSUME(t.NumberLiteral)) },
      {
        ALT: () => {
          this.CONSUME(t.Minus);
          const operand = this.SUBRULE(this.temperatureValue);
          return { kind: "UnaryExpr", op: "-", operand, span: this.span(start) };
        },
      },
      {
        ALT: () => {
          const name = this.name(this.CONSUME(t.Name));
          return this.ACTION(() => ({ kind: "NameExpr", name: name.text, span: name.span }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          const inner = this.deeper(() => this.SUBRULE(this.sum));
          this.CONSUME(t.RParen);
          return { kind: "ParenExpr", inner, span: this.span(start) };
        },
      },
    ]);
  });

  /** `e and e and e`, one node. The two operands are one rule under two of Chevrotain's indices. */
  private list(word: TokenType, op: "and" | "or", first: () => Expr, next: () => Expr): Expr {
    const start = this.start();
    const only = first();
    const operands = [only];
    this.MANY(() => {
      this.CONSUME(word);
      operands.push(next());
    });
    return operands.length === 1 ? only : { kind: "NaryExpr", op, operands, span: this.spanWith(only, start) };
  }

  /** `e op e op e`, grouped from the left. The two operands are one rule under two of Chevrotain's indices. */
  private leftChain(word: TokenType, op: BinaryOp, first: () => Expr, next: () => Expr): Expr {
    const start = this.start();
    return this.chain((link) => {
      let left = first();
      this.MANY(() => {
        link();
        this.CONSUME(word);
        const right = next();
        left = { kind: "BinaryExpr", op, left, right, span: this.spanWith(left, start) };
      });
      return left;
    });
  }

  /**
   * An expression that ends a setting or statement, whose tokens have this depth: where something follows that cannot be there, the parts that
   * could be read on both sides of it.
   */
  protected whole(rule: () => Expr): Expr {
    if (this.RECORDING_PHASE) return rule();
    const start = this.start();
    const depth = this.depthOf(this.LA(0));
    const expr = this.orError(rule);
    const next = this.LA(1).tokenType;
    if (next === t.StatementEnd || Number.isNaN(this.LA(1).startOffset)) return expr;
    if (depth > 0 && (next === t.Newline || next === t.RCurly || settingGoesOn.includes(next))) return expr;
    const problem = depth > 0 ? { rule: "setting", wanted: "" } : { rule: "statement", wanted: "StatementEnd" };
    const ends = depth > 0 ? [t.Layers, t.Weight] : [];
    return this.rest([expr], { ...problem, begin: start, depth, ends }, () => this.orError(rule));
  }

  /** Where `)` is wanted and something else stands there: what could be read up to it, which is taken. Undefined where it stands. */
  private unclosed(
    { start, depth }: { readonly start: number; readonly depth: number },
    parts: readonly Expr[],
    rule: string,
  ): Extract<Expr, { kind: "ErrorExpr" }> | undefined {
    if (this.RECORDING_PHASE || parts.length === 0 || this.LA(1).tokenType === t.RParen) return undefined;
    const rest = this.rest(parts, { rule, wanted: "RParen", begin: start, depth, ends: [] }, () =>
      this.inside(() => this.SUBRULE(this.expr)),
    );
    if (this.LA(1).tokenType !== t.RParen) return rest;
    this.SKIP_TOKEN();
    return { ...rest, span: this.span(start) };
  }

  /** Inside parentheses: one level deeper, and `>=` cannot end a clause of `expect`. */
  private inside<T>(rule: () => T): T {
    const outer = this.inClause;
    this.inClause = false;
    try {
      return this.deeper(rule);
    } finally {
      this.inClause = outer;
    }
  }

  // Lookahead beyond Chevrotain's two tokens, for operators whose words may also be names.

  private beginsCount(): boolean {
    if (this.LA(2).tokenType === t.Minus) return this.LA(4).tokenType === t.Of;
    return this.beginsOperand() || (isName(this.LA(2)) && this.LA(3).tokenType === t.Of);
  }

  private beginsTemperature(): boolean {
    if (this.LA(2).tokenType === t.Minus) return this.LA(4).tokenType === t.LParen;
    return this.beginsOperand() || (isName(this.LA(2)) && this.LA(3).tokenType === t.LParen);
  }

  private beginsOperand(): boolean {
    const next = this.LA(2).tokenType;
    return next === t.NumberLiteral || next === t.BadNumber || next === t.LParen;
  }
}
