// Tasks, expectations and saves, and the parser as a whole. grammar/lace.ebnf is the same grammar for people; a test compares them.
// In: tokens from layout.ts. Out: items, editions and Problems (what could not be read, in terms of tokens; explain.ts words them).
// Invariants: never throws for a mistake of the user; order is source order; after a mistake reading goes on at the next
// setting or statement.
import type {
  Expr,
  ExpectClause,
  ExpectStmt,
  Item,
  Name,
  Option,
  RangeExpr,
  SaveStmt,
  StringLit,
  SweepAxis,
  SweepDecl,
} from "./ast.js";
import type { LaceToken } from "./layout.js";
import { DeclarationRules } from "./declaration-rules.js";
import * as t from "./tokens.js";

/** Where the pictures of a sweep start. */
type TaskSource = Pick<SweepDecl, "source" | "sourceKind" | "index">;

const nothing: Name = { text: "", span: { file: "", start: 0, end: 0 } };

/** The parser of one file after another; it keeps nothing between them but Chevrotain's tables. */
export class LaceParser extends DeclarationRules {
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
    return { source, sourceKind: isOf ? "of" : "from", ...(index !== undefined && { index }) };
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
    return { name, values, ...(by !== undefined && { by }), span: this.span(start) };
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
      ...(form !== undefined && { form }),
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
}
