// Statements, and the parser as a whole. grammar/lace.ebnf is the same grammar for people; a test compares them.
// In: tokens from layout.ts. Out: items, editions and Problems (what could not be read, in terms of tokens; explain.ts words them).
// Invariants: never throws for a mistake of the user; order is source order; after a mistake reading goes on at the next
// setting or statement.
import type { Span } from "../source/span.js";
import type {
  AttributeType,
  Expr,
  ExpectClause,
  ExpectStmt,
  Item,
  Name,
  Option,
  Param,
  RangeExpr,
  SaveStmt,
  StringLit,
  SweepAxis,
  SweepDecl,
  TextExpr,
} from "./ast.js";
import type { LaceToken } from "./layout.js";
import { numberValue } from "./literals.js";
import { SettingRules } from "./setting-rules.js";
import * as t from "./tokens.js";

export interface Edition {
  readonly value: number;
  readonly span: Span;
}

/** Where the pictures of a sweep start. */
type TaskSource = Pick<SweepDecl, "source" | "sourceKind" | "index">;

const nothing: Name = { text: "", span: { file: "", start: 0, end: 0 } };

/** The parser of one file after another; it keeps nothing between them but Chevrotain's tables. */
export class LaceParser extends SettingRules {
  editions: Edition[] = [];
  private items: Item[] = [];

  /** `checked` runs Chevrotain's validations of the grammar (tests); they are slow at start. */
  constructor(checked = false) {
    super(checked);
    this.performSelfAnalysis();
  }

  /** Reads laid-out tokens of one file. `problems`, `foreign` and `editions` are valid until the next call. */
  read(file: string, tokens: readonly LaceToken[]): readonly Item[] {
    this.begin(file);
    this.editions = [];
    this.items = [];
    this.input = [...tokens];
    this.module();
    return this.items;
  }

  private module = this.RULE("module", (): void => {
    this.MANY(() => {
      this.inClause = false;
      const item = this.unit(
        () => this.SUBRULE(this.statement),
        () => this.skipStatement(),
      );
      this.ACTION(() => {
        if (item !== undefined) this.items.push(item);
      });
    });
  });

  private statement = this.RULE("statement", (): Item | undefined => {
    const item = this.OR<Item | undefined>({
      // The first word decides; with more lookahead a mistake in the second would look like one in the first.
      MAX_LOOKAHEAD: 1,
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.edition) },
        { ALT: () => this.SUBRULE(this.importDecl) },
        { ALT: () => this.SUBRULE(this.modelDecl) },
        { ALT: () => this.SUBRULE(this.inputDecl) },
        { ALT: () => this.SUBRULE(this.attributeDecl) },
        { ALT: () => this.SUBRULE(this.letDecl) },
        { ALT: () => this.SUBRULE(this.energyDecl) },
        { ALT: () => this.SUBRULE(this.sampleDecl) },
        { ALT: () => this.SUBRULE(this.editDecl) },
        { ALT: () => this.SUBRULE(this.traverseDecl) },
        { ALT: () => this.SUBRULE(this.sweepDecl) },
        { ALT: () => this.SUBRULE(this.photoDecl) },
        { ALT: () => this.SUBRULE(this.expectStmt) },
        { ALT: () => this.SUBRULE(this.saveStmt) },
        { ALT: () => this.junk("statement", this.CONSUME(t.RCurly)) },
        { ALT: () => this.junk("statement", this.CONSUME(t.Junk)) },
      ],
    });
    // A mistake here (something more on the line) must not lose the statement.
    this.attempt(
      () => {
        this.CONSUME(t.StatementEnd);
      },
      () => this.skipStatement(),
    );
    return item;
  });

  private edition = this.RULE("edition", (): undefined => {
    const start = this.start();
    this.CONSUME(t.Lace);
    const number = this.CONSUME(t.NumberLiteral);
    this.ACTION(() => {
      this.editions.push({ value: numberValue(number.image), span: this.span(start) });
    });
  });

  private importDecl = this.RULE("importDecl", (): Item => {
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
    return { kind: "ImportDecl", ...(listed === true ? { names } : {}), path, span: this.span(start) };
  });

  private modelDecl = this.RULE("modelDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Model);
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.From);
    const path = this.string(this.CONSUME(t.StringLiteral));
    return { kind: "ModelDecl", name, path, span: this.span(start) };
  });

  private inputDecl = this.RULE("inputDecl", (): Item => {
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

  private attributeDecl = this.RULE("attributeDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Attribute);
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    const type = this.SUBRULE(this.attributeType);
    const from = this.OPTION(() => {
      this.CONSUME(t.From);
      return this.string(this.CONSUME(t.StringLiteral));
    });
    const on = this.OPTION1(() => {
      this.CONSUME(t.On);
      return this.name(this.CONSUME1(t.Name));
    });
    return {
      kind: "AttributeDecl",
      name,
      type,
      ...(from === undefined ? {} : { from }),
      ...(on === undefined ? {} : { on }),
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
            ...(range === undefined ? {} : { range }),
            ...(sigma === undefined ? {} : { sigma }),
            span: this.span(start),
          };
        },
      },
    ]);
  });

  private letDecl = this.RULE("letDecl", (): Item => {
    const start = this.start();
    this.CONSUME(t.Let);
    const name = this.name(this.CONSUME(t.Name));
    this.equals();
    const value = this.whole(() => this.SUBRULE(this.expr));
    return { kind: "LetDecl", name, value, span: this.span(start) };
  });

  private energyDecl = this.RULE("energyDecl", (): Item => {
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
    return { name, type, ...(value === undefined ? {} : { value }), span: this.span(start) };
  });

  private sampleDecl = this.RULE("sampleDecl", (): Item => {
    const start = this.start();
    let name = nothing;
    let model = nothing;
    this.head(() => {
      this.CONSUME(t.Sample);
      name = this.name(this.CONSUME(t.Name));
      this.CONSUME(t.From);
      model = this.name(this.CONSUME1(t.Name));
    });
    const settings = this.SUBRULE(this.block);
    return { kind: "SampleDecl", name, model, settings, span: this.span(start) };
  });

  private editDecl = this.RULE("editDecl", (): Item => {
    const start = this.start();
    let name = nothing;
    let source = nothing;
    let sourceKind: "of" | "from" = "of";
    let index: Expr | RangeExpr | undefined;
    this.head(() => {
      this.CONSUME(t.Edit);
      name = this.name(this.CONSUME(t.Name));
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Of);
            source = this.name(this.CONSUME1(t.Name));
            index = this.OPTION(() => this.SUBRULE(this.index));
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.From);
            sourceKind = "from";
            source = this.name(this.CONSUME2(t.Name));
          },
        },
      ]);
    });
    const settings = this.SUBRULE(this.block);
    const at = index === undefined ? {} : { index };
    return { kind: "EditDecl", name, source, sourceKind, ...at, settings, span: this.span(start) };
  });

  private index = this.RULE("index", (): Expr | RangeExpr => {
    this.CONSUME(t.LSquare);
    const value = this.SUBRULE(this.valueOrRange);
    this.CONSUME(t.RSquare);
    return value;
  });

  private traverseDecl = this.RULE("traverseDecl", (): Item => {
    const start = this.start();
    let name = nothing;
    let model = nothing;
    this.head(() => {
      this.CONSUME(t.Traverse);
      name = this.name(this.CONSUME(t.Name));
      this.CONSUME(t.From);
      model = this.name(this.CONSUME1(t.Name));
    });
    const settings = this.SUBRULE(this.block);
    return { kind: "TraverseDecl", name, model, settings, span: this.span(start) };
  });

  private sweepDecl = this.RULE("sweepDecl", (): Item => {
    const start = this.start();
    const axes: SweepAxis[] = [];
    let name = nothing;
    let source: TaskSource = { source: nothing, sourceKind: "from" };
    this.head(() => {
      this.CONSUME(t.Sweep);
      name = this.name(this.CONSUME(t.Name));
      this.CONSUME(t.Over);
      this.AT_LEAST_ONE_SEP({ MAX_LOOKAHEAD: 1, SEP: t.Comma, DEF: () => axes.push(this.SUBRULE(this.sweepAxis)) });
      source = this.SUBRULE(this.sweepSource);
    });
    const settings = this.SUBRULE(this.block);
    return { kind: "SweepDecl", name, axes, ...source, settings, span: this.span(start) };
  });

  private sweepSource = this.RULE("sweepSource", (): TaskSource => {
    const isOf = this.OR([{ ALT: () => this.CONSUME(t.From) }, { ALT: () => this.CONSUME(t.Of) }]).tokenType === t.Of;
    const source = this.name(this.CONSUME(t.Name));
    const index = this.OPTION({ GATE: () => isOf, DEF: () => this.SUBRULE(this.index) });
    return { source, sourceKind: isOf ? "of" : "from", ...(index === undefined ? {} : { index }) };
  });

  private photoDecl = this.RULE("photoDecl", (): Item => {
    const start = this.start();
    let name = nothing;
    let model = nothing;
    let path: StringLit = { value: "", span: nothing.span };
    this.head(() => {
      this.CONSUME(t.Photo);
      name = this.name(this.CONSUME(t.Name));
      this.CONSUME(t.From);
      path = this.string(this.CONSUME(t.StringLiteral));
      this.CONSUME(t.In);
      model = this.name(this.CONSUME1(t.Name));
    });
    const settings = this.SUBRULE(this.block);
    return { kind: "PhotoDecl", name, path, model, settings, span: this.span(start) };
  });

  private sweepAxis = this.RULE("sweepAxis", (): SweepAxis => {
    const start = this.start();
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.In);
    const values = this.SUBRULE(this.values);
    const by = this.OPTION(() => {
      this.CONSUME(t.By);
      return this.SUBRULE(this.sum);
    });
    return { name, values, ...(by === undefined ? {} : { by }), span: this.span(start) };
  });

  private expectStmt = this.RULE("expectStmt", (): ExpectStmt => {
    const start = this.start();
    const clauses: ExpectClause[] = [];
    this.CONSUME(t.Expect);
    const target = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => clauses.push(this.SUBRULE(this.expectClause)) });
    return { kind: "ExpectStmt", target, clauses, span: this.span(start) };
  });

  private expectClause = this.RULE("expectClause", (): ExpectClause => {
    const start = this.start();
    this.inClause = true;
    const energy = this.clauseEnergy(() => this.SUBRULE(this.expr));
    this.inClause = false;
    this.CONSUME(t.GreaterEqual);
    const fraction = this.SUBRULE(this.sum);
    return { energy, fraction, span: this.spanWith(energy, start) };
  });

  private clauseEnergy(rule: () => Expr): Expr {
    if (this.RECORDING_PHASE) return rule();
    const begin = this.start();
    const energy = rule();
    if (this.LA(1).tokenType === t.GreaterEqual) return energy;
    const problem = { rule: "expectClause", wanted: "GreaterEqual", begin, depth: 0, ends: [t.GreaterEqual] };
    return this.rest([energy], problem, rule);
  }

  private saveStmt = this.RULE("saveStmt", (): SaveStmt => {
    const start = this.start();
    const targets: Name[] = [];
    this.CONSUME(t.Save);
    targets.push(this.name(this.CONSUME(t.Name)));
    this.MANY(() => {
      this.CONSUME(t.Comma);
      targets.push(this.name(this.CONSUME2(t.Name)));
    });
    this.CONSUME(t.To);
    const path = this.string(this.CONSUME(t.StringLiteral));
    let options: readonly Option[] = [];
    const form = this.OPTION(() => {
      this.CONSUME(t.As);
      const word = this.name(this.CONSUME1(t.Name));
      this.OPTION1(() => {
        options = this.SUBRULE(this.optionBlock);
      });
      return word;
    });
    return {
      kind: "SaveStmt",
      targets,
      path,
      ...(form === undefined ? {} : { form }),
      options,
      span: this.span(start),
    };
  });

  /** The part of a task before its block: after a mistake in it, reading goes on at the block (if there is one). */
  private head(rule: () => void): void {
    this.attempt(rule, (error) => {
      this.skipUntil((token) => token.tokenType === t.LCurly && token.depth === 0);
      if (this.LA(1).tokenType !== t.LCurly) throw error;
    });
  }

  private equals(): void {
    const token = this.CONSUME(t.Equals);
    this.ACTION(() => {
      if (token.tokenType === t.EqualsEquals) this.foreign.push({ token, meant: "=" });
    });
  }
}
