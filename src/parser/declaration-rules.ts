// What names something without computing pictures: the edition, imports, models, inputs, attributes, numbers and energies.
// In: laid-out tokens. Out: Item nodes and editions. Tasks and what is done with them stand in grammar.ts.
// Invariants: a value that cannot be read is ErrorExpr, and the declaration stays.
import type { Span } from "../source/span.js";
import type { AttributeType, Expr, Item, LookingClause, Name, Param, TextExpr } from "./ast.js";
import { numberValue } from "./literals.js";
import { SettingRules } from "./setting-rules.js";
import * as t from "./tokens.js";

/** `lace 1`. */
export interface Edition {
  readonly value: number;
  readonly span: Span;
}

/** The rules for declarations other than tasks. */
export abstract class DeclarationRules extends SettingRules {
  editions: Edition[] = [];

  protected edition = this.RULE("edition", (): undefined => {
    const start = this.start();
    this.CONSUME(t.Lace);
    const number = this.CONSUME(t.NumberLiteral);
    this.ACTION(() => {
      this.editions.push({ value: numberValue(number.image), span: this.span(start) });
    });
  });

  protected importDecl = this.RULE("importDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Import);
    const names: Name[] = [];
    const listed = this.OPTION(() => {
      this.CONSUME(t.LCurly);
      names.push(this.name(this.CONSUME(t.Name)));
      this.MANY(() => {
        this.CONSUME(t.Comma);
        names.push(this.name(this.CONSUME1(t.Name)));
      });
      this.OPTION1(() => this.CONSUME1(t.Comma));
      this.CONSUME(t.RCurly);
      this.CONSUME(t.From);
      return true;
    });
    const path = this.string(this.CONSUME(t.StringLiteral));
    return { kind: "ImportDecl", ...(listed === true && { names }), path, span: this.span(start) };
  });

  protected modelDecl = this.RULE("modelDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Model);
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.From);
    const path = this.string(this.CONSUME(t.StringLiteral));
    return { kind: "ModelDecl", name, path, span: this.span(start) };
  });

  protected inputDecl = this.RULE("inputDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Input);
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    const type = this.name(this.CONSUME1(t.Name));
    this.equals();
    const value = this.orError(() => this.SUBRULE(this.inputValue));
    return { kind: "InputDecl", name, type, value, span: this.span(start) };
  });

  private inputValue = this.RULE("inputValue", (): Expr | TextExpr =>
    this.OR<Expr | TextExpr>([
      { ALT: () => this.text(this.CONSUME(t.StringLiteral)) },
      { ALT: () => this.SUBRULE(this.expr) },
    ]),
  );

  protected attributeDecl = this.RULE("attributeDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Attribute);
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.attributeType);
    const from = this.OPTION(() => {
      this.CONSUME(t.From);
      return this.string(this.CONSUME(t.StringLiteral));
    });
    let looking: LookingClause | undefined;
    const on = this.OPTION1(() => {
      this.CONSUME(t.On);
      const read = this.name(this.CONSUME1(t.Name));
      looking = this.OPTION2(() => this.SUBRULE(this.looking));
      return read;
    });
    return {
      kind: "AttributeDecl",
      name,
      type,
      ...(from !== undefined && { from }),
      ...(on !== undefined && { on }),
      ...(looking !== undefined && { looking }),
      span: this.span(start),
    };
  });

  private attributeType = this.RULE("attributeType", (): AttributeType => {
    const start = this.start();
    return this.OR<AttributeType>([
      {
        ALT: () => {
          this.CONSUME(t.Binary);
          return { kind: "BinaryType", span: this.span(start) };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Category);
          const values: Name[] = [];
          this.CONSUME(t.LCurly);
          values.push(this.name(this.CONSUME(t.Name)));
          this.MANY(() => {
            this.CONSUME(t.Comma);
            values.push(this.name(this.CONSUME1(t.Name)));
          });
          this.OPTION(() => this.CONSUME1(t.Comma));
          this.CONSUME(t.RCurly);
          return { kind: "CategoryType", values, span: this.span(start) };
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Scalar);
          const range = this.OPTION1(() => {
            this.CONSUME(t.In);
            return this.SUBRULE(this.range);
          });
          const sigma = this.OPTION2(() => {
            this.CONSUME(t.Sigma);
            return this.SUBRULE(this.sum);
          });
          return {
            kind: "ScalarType",
            ...(range !== undefined && { range }),
            ...(sigma !== undefined && { sigma }),
            span: this.span(start),
          };
        },
      },
    ]);
  });

  protected letDecl = this.RULE("letDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Let);
    const name = this.name(this.CONSUME(t.Name));
    this.equals();
    const value = this.whole(() => this.SUBRULE(this.expr));
    return { kind: "LetDecl", name, value, span: this.span(start) };
  });

  protected energyDecl = this.RULE("energyDecl", (): Item => {
    const start = this.start();
    const params: Param[] = [];
    this.CONSUME(t.Energy);
    const name = this.name(this.CONSUME(t.Name));
    this.OPTION(() => {
      this.CONSUME(t.LParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => params.push(this.SUBRULE(this.param)) });
      this.CONSUME(t.RParen);
    });
    this.equals();
    const value = this.whole(() => this.SUBRULE(this.expr));
    return { kind: "EnergyDecl", name, params, value, span: this.span(start) };
  });

  private param = this.RULE("param", (): Param => {
    const start = this.start();
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    const type = this.name(this.CONSUME1(t.Name));
    const value = this.OPTION(() => {
      this.equals();
      return this.SUBRULE(this.expr);
    });
    return { name, type, ...(value !== undefined && { value }), span: this.span(start) };
  });

  private equals(): void {
    const token = this.CONSUME(t.Equals);
    this.ACTION(() => {
      if (token.tokenType === t.EqualsEquals) this.foreign.push({ token, meant: "=" });
    });
  }
}
