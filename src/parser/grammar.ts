// The grammar of Lace as a Chevrotain parser whose actions build the AST. grammar/lace.ebnf is the same for people; a test compares them.
// In: tokens from layout.ts. Out: items, editions and Problems (what could not be read, in terms of tokens; explain.ts words them).
// Invariants: never throws for a mistake of the user; a rule's node covers exactly the tokens that the rule consumed;
// after a mistake parsing goes on at the next setting or statement. Chevrotain's own recovery is off: it inserts and
// deletes tokens by the grammar's follow sets, which contextual keywords make too wide to be of use.
import { EmbeddedActionsParser, isRecognitionException, type IRecognitionException, type IToken } from "chevrotain";
import type { Span } from "../source/span.js";
import type {
  AttributeType,
  BinaryOp,
  Expr,
  ExpectClause,
  ExpectStmt,
  Item,
  Name,
  Option,
  Param,
  RangeExpr,
  SaveStmt,
  SetExpr,
  Setting,
  StringLit,
  SweepAxis,
} from "./ast.js";
import { isName, type LaceToken } from "./layout.js";
import { numberValue, stringValue } from "./literals.js";
import * as t from "./tokens.js";

/** Where reading stopped: the token found, the one before it, the rule that was being read and the token it wanted (if one). */
export interface Problem {
  readonly found: IToken;
  readonly after: IToken;
  readonly rule: string;
  readonly wanted: string;
}
/** A mark of another language, and the Lace word it was read as. */
export interface ForeignMark {
  readonly token: IToken;
  readonly meant: string;
}
export interface Edition {
  readonly value: number;
  readonly span: Span;
  /** Whether a statement stood before it. */
  readonly late: boolean;
}

const nothing: Name = { text: "", span: { file: "", start: 0, end: 0 } };

/** One parser reads one token list after another; it keeps no state between them but Chevrotain's tables. */
export class LaceParser extends EmbeddedActionsParser {
  problems: Problem[] = [];
  foreign: ForeignMark[] = [];
  editions: Edition[] = [];
  private file = "";
  private items: Item[] = [];
  // In `expect x: e >= 0.9` the mark belongs to the clause, not to the energy.
  private inClause = false;

  constructor(checked = false) {
    super([...t.tokenTypes], {
      maxLookahead: 2,
      recoveryEnabled: false,
      skipValidations: !checked,
      errorMessageProvider: {
        buildMismatchTokenMessage: ({ expected }) => expected.name,
        buildNotAllInputParsedMessage: () => "",
        buildNoViableAltMessage: () => "",
        buildEarlyExitMessage: () => "",
      },
    });
    this.performSelfAnalysis();
  }

  /** Reads laid-out tokens of one file. The results are valid until the next call. */
  read(file: string, tokens: readonly LaceToken[]): readonly Item[] {
    this.file = file;
    this.problems = [];
    this.foreign = [];
    this.editions = [];
    this.items = [];
    this.input = [...tokens];
    this.module();
    return this.items;
  }

  // ---- statements ----

  module = this.RULE("module", (): void => {
    this.MANY(() => {
      this.inClause = false;
      const item = this.attempt(
        () => this.SUBRULE(this.statement),
        () => {
          this.skip(-1);
          this.SKIP_TOKEN();
          return undefined;
        },
      );
      this.ACTION(() => {
        if (item !== undefined) this.items.push(item);
      });
    });
  });

  private statement = this.RULE("statement", (): Item | undefined => {
    const item = this.OR<Item | undefined>([
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
      { ALT: () => this.SUBRULE(this.expectStmt) },
      { ALT: () => this.SUBRULE(this.saveStmt) },
      { ALT: () => this.junk("statement", this.CONSUME(t.RCurly)) },
      { ALT: () => this.junk("statement", this.CONSUME(t.Junk)), IGNORE_AMBIGUITIES: true },
    ]);
    // A mistake here (something more on the line) must not lose the statement.
    this.attempt(
      () => {
        this.CONSUME(t.StatementEnd);
      },
      () => {
        this.skip(-1);
        this.SKIP_TOKEN();
      },
    );
    return item;
  });

  private edition = this.RULE("edition", (): undefined => {
    const start = this.start();
    this.CONSUME(t.Lace);
    const number = this.CONSUME(t.NumberLiteral);
    this.ACTION(() => {
      const late = this.items.length > 0 || this.editions.length > 0;
      this.editions.push({ value: numberValue(number.image), span: this.span(start), late });
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
    this.CONSUME(t.Equals);
    this.notDoubled();
    const value = this.orError(() => this.SUBRULE(this.expr));
    return { kind: "InputDecl", name, type, value, span: this.span(start) };
  });

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
    return { kind: "AttributeDecl", name, type, ...(from === undefined ? {} : { from }), span: this.span(start) };
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
    this.CONSUME(t.Equals);
    this.notDoubled();
    const value = this.orError(() => this.SUBRULE(this.expr));
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
    this.CONSUME(t.Equals);
    this.notDoubled();
    const value = this.orError(() => this.SUBRULE(this.expr));
    return { kind: "EnergyDecl", name, params, value, span: this.span(start) };
  });

  private param = this.RULE("param", (): Param => {
    const start = this.start();
    const name = this.name(this.CONSUME(t.Name));
    this.CONSUME(t.Colon);
    const type = this.name(this.CONSUME1(t.Name));
    return { name, type, span: this.span(start) };
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
    return {
      kind: "EditDecl",
      name,
      source,
      sourceKind,
      ...(index === undefined ? {} : { index }),
      settings,
      span: this.span(start),
    };
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
    let model = nothing;
    this.head(() => {
      this.CONSUME(t.Sweep);
      name = this.name(this.CONSUME(t.Name));
      this.CONSUME(t.Over);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => axes.push(this.SUBRULE(this.sweepAxis)) });
      this.CONSUME(t.From);
      model = this.name(this.CONSUME1(t.Name));
    });
    const settings = this.SUBRULE(this.block);
    return { kind: "SweepDecl", name, axes, model, settings, span: this.span(start) };
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
    const energy = this.SUBRULE(this.expr);
    this.inClause = false;
    this.CONSUME(t.GreaterEqual);
    const fraction = this.SUBRULE(this.sum);
    return { energy, fraction, span: this.span(start) };
  });

  private saveStmt = this.RULE("saveStmt", (): SaveStmt => {
    const start = this.start();
    this.CONSUME(t.Save);
    const target = this.name(this.CONSUME(t.Name));
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
    return { kind: "SaveStmt", target, path, ...(form === undefined ? {} : { form }), options, span: this.span(start) };
  });

  // ---- settings ----

  private block = this.RULE("block", (): readonly Setting[] => {
    const settings: Setting[] = [];
    this.CONSUME(t.LCurly);
    const depth = this.depth();
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Newline) },
        {
          ALT: () => {
            const setting = this.attempt(
              () => this.SUBRULE(this.setting),
              () => this.skip(depth),
            );
            this.ACTION(() => {
              if (setting !== undefined) settings.push(setting);
            });
          },
        },
      ]);
    });
    this.CONSUME(t.RCurly);
    return settings;
  });

  private setting = this.RULE("setting", (): Setting | undefined =>
    this.OR<Setting | undefined>({
      DEF: [
        { ALT: () => this.SUBRULE(this.whereSetting) },
        { ALT: () => this.SUBRULE(this.numberSetting) },
        { ALT: () => this.SUBRULE(this.betweenSetting) },
        { ALT: () => this.SUBRULE(this.samplerSetting) },
        { ALT: () => this.SUBRULE(this.wordSetting) },
        { ALT: () => this.SUBRULE(this.keepSetting) },
        { ALT: () => this.SUBRULE(this.flagSetting) },
        { ALT: () => this.SUBRULE(this.stepSetting) },
        { GATE: () => this.beginsSetting(), ALT: () => this.SUBRULE(this.unknownSetting) },
        { ALT: () => this.junk("setting", this.CONSUME(t.Junk)), IGNORE_AMBIGUITIES: true },
      ],
    }),
  );

  private whereSetting = this.RULE("whereSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Where);
    const energy = this.orError(() => this.SUBRULE(this.expr));
    return { kind: "WhereSetting", energy, span: this.span(start) };
  });

  private numberSetting = this.RULE("numberSetting", (): Setting => {
    const start = this.start();
    const key = this.OR([
      { ALT: () => this.CONSUME(t.Count) },
      { ALT: () => this.CONSUME(t.Seed) },
      { ALT: () => this.CONSUME(t.Truncation) },
      { ALT: () => this.CONSUME(t.Frames) },
    ]);
    const value = this.SUBRULE(this.sum);
    return { kind: "NumberSetting", key: this.name(key), value, span: this.span(start) };
  });

  private betweenSetting = this.RULE("betweenSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Between);
    this.CONSUME(t.Seed);
    const from = this.SUBRULE(this.sum);
    this.CONSUME(t.And);
    this.CONSUME1(t.Seed);
    const to = this.SUBRULE1(this.sum);
    return { kind: "BetweenSetting", from, to, span: this.span(start) };
  });

  private samplerSetting = this.RULE("samplerSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Sampler);
    const method = this.name(this.CONSUME(t.Name));
    const options = this.OPTION(() => this.SUBRULE(this.optionBlock)) ?? [];
    return { kind: "SamplerSetting", method, options, span: this.span(start) };
  });

  private wordSetting = this.RULE("wordSetting", (): Setting => {
    const start = this.start();
    const key = this.OR([{ ALT: () => this.CONSUME(t.Logic) }, { ALT: () => this.CONSUME(t.Goals) }]);
    const value = this.name(this.CONSUME(t.Name));
    return { kind: "WordSetting", key: this.name(key), value, span: this.span(start) };
  });

  private keepSetting = this.RULE("keepSetting", (): Setting => {
    const start = this.start();
    let latent: Expr | undefined;
    let attributes: Expr | undefined;
    this.CONSUME(t.Keep);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        this.OR([
          {
            ALT: () => {
              const word = this.CONSUME(t.Latent);
              this.ACTION(() => this.once(latent, word));
              latent = this.SUBRULE(this.sum);
            },
          },
          {
            ALT: () => {
              const word = this.CONSUME(t.Attributes);
              this.ACTION(() => this.once(attributes, word));
              attributes = this.SUBRULE1(this.sum);
            },
          },
        ]);
      },
    });
    return {
      kind: "KeepSetting",
      ...(latent === undefined ? {} : { latent }),
      ...(attributes === undefined ? {} : { attributes }),
      span: this.span(start),
    };
  });

  private flagSetting = this.RULE("flagSetting", (): Setting => {
    const start = this.start();
    const key = this.name(this.CONSUME(t.Reweight));
    return { kind: "FlagSetting", key, span: this.span(start) };
  });

  private stepSetting = this.RULE("stepSetting", (): Setting => {
    const start = this.start();
    let layers: RangeExpr | Name | undefined;
    let weight: Expr | undefined;
    this.CONSUME(t.Step);
    const energy = this.orError(() => this.SUBRULE(this.expr));
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            const word = this.CONSUME(t.Layers);
            this.ACTION(() => this.once(layers, word));
            const value = this.SUBRULE(this.valueOrRange);
            layers = this.ACTION(() => layerChoice(value));
          },
        },
        {
          ALT: () => {
            const word = this.CONSUME(t.Weight);
            this.ACTION(() => this.once(weight, word));
            weight = this.SUBRULE(this.sum);
          },
        },
      ]);
    });
    return {
      kind: "StepSetting",
      energy,
      ...(layers === undefined ? {} : { layers }),
      ...(weight === undefined ? {} : { weight }),
      span: this.span(start),
    };
  });

  /** A word at the beginning of a line that is no setting: kept for the checker, which knows the nearest name. */
  private unknownSetting = this.RULE("unknownSetting", (): Setting => {
    const start = this.start();
    const key = this.name(this.CONSUME(t.Identifier));
    const value = this.OPTION(() => this.SUBRULE(this.expr));
    return value === undefined
      ? { kind: "FlagSetting", key, span: this.span(start) }
      : { kind: "NumberSetting", key, value, span: this.span(start) };
  });

  private optionBlock = this.RULE("optionBlock", (): readonly Option[] => {
    const options: Option[] = [];
    this.CONSUME(t.LCurly);
    const depth = this.depth();
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Newline) },
        {
          ALT: () => {
            const option = this.attempt(
              () => this.SUBRULE(this.optionPair),
              () => this.skip(depth),
            );
            this.ACTION(() => {
              if (option !== undefined) options.push(option);
            });
          },
        },
      ]);
    });
    this.CONSUME(t.RCurly);
    return options;
  });

  private optionPair = this.RULE("optionPair", (): Option | undefined =>
    this.OR<Option | undefined>([
      {
        ALT: () => {
          const start = this.start();
          const key = this.name(this.CONSUME(t.Name));
          const value = this.SUBRULE(this.sum);
          return { key, value, span: this.span(start) };
        },
      },
      { GATE: () => this.LA(1).tokenType !== t.RCurly, ALT: () => this.junk("option"), IGNORE_AMBIGUITIES: true },
    ]),
  );

  // ---- expressions, loosest first ----

  private expr: () => Expr = this.RULE("expr", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.implication);
    this.MANY(() => {
      this.CONSUME(t.Iff);
      const right = this.SUBRULE1(this.implication);
      left = this.binary("iff", left, right, start);
    });
    return left;
  });

  private implication: () => Expr = this.RULE("implication", (): Expr => {
    const start = this.start();
    const left = this.SUBRULE(this.disjunction);
    const right = this.OPTION(() => {
      this.CONSUME(t.Implies);
      return this.SUBRULE(this.implication);
    });
    return right === undefined ? left : this.binary("implies", left, right, start);
  });

  private disjunction: () => Expr = this.RULE("disjunction", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.exclusion);
    this.MANY(() => {
      this.CONSUME(t.Or);
      const right = this.SUBRULE1(this.exclusion);
      left = this.binary("or", left, right, start);
    });
    return left;
  });

  private exclusion: () => Expr = this.RULE("exclusion", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(t.Xor);
      const right = this.SUBRULE1(this.conjunction);
      left = this.binary("xor", left, right, start);
    });
    return left;
  });

  private conjunction: () => Expr = this.RULE("conjunction", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(t.And);
      const right = this.SUBRULE1(this.negation);
      left = this.binary("and", left, right, start);
    });
    return left;
  });

  private negation: () => Expr = this.RULE("negation", (): Expr => {
    const start = this.start();
    return this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(t.Not);
          const operand = this.SUBRULE(this.negation);
          return { kind: "UnaryExpr", op: "not", operand, span: this.span(start) };
        },
      },
      { ALT: () => this.SUBRULE(this.predicate) },
    ]);
  });

  private predicate: () => Expr = this.RULE("predicate", (): Expr => {
    const start = this.start();
    const left = this.SUBRULE(this.sum);
    const whole = this.OPTION(() =>
      this.OR<Expr>([
        {
          ALT: () => {
            const is = this.CONSUME(t.Is);
            this.ACTION(() => {
              if (is.tokenType !== t.Is) this.foreign.push({ token: is, meant: "is" });
            });
            const not = this.OPTION1(() => this.CONSUME(t.Not));
            const value = this.SUBRULE1(this.sum);
            const tolerance = this.OPTION2(() => {
              this.CONSUME(t.Tolerance);
              return this.SUBRULE2(this.sum);
            });
            const negated = not !== undefined || is.tokenType === t.NotEquals;
            const rest = tolerance === undefined ? {} : { tolerance };
            return { kind: "IsExpr", subject: left, negated, value, ...rest, span: this.span(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.In);
            const values = this.SUBRULE(this.values);
            return { kind: "InExpr", subject: left, values, span: this.span(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Less);
            const right = this.SUBRULE3(this.sum);
            return { kind: "CompareExpr", op: "<", left, right, span: this.span(start) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Greater);
            const right = this.SUBRULE4(this.sum);
            return { kind: "CompareExpr", op: ">", left, right, span: this.span(start) };
          },
        },
      ]),
    );
    // `>=` is read as `>` (and reported) except where it ends a clause of `expect`.
    const strict = this.OPTION3({
      GATE: () => whole === undefined && !this.inClause,
      DEF: (): Expr => {
        const mark = this.CONSUME(t.GreaterEqual);
        this.ACTION(() => this.foreign.push({ token: mark, meant: ">" }));
        const right = this.SUBRULE5(this.sum);
        return { kind: "CompareExpr", op: ">", left, right, span: this.span(start) };
      },
    });
    return whole ?? strict ?? left;
  });

  private values = this.RULE("values", (): RangeExpr | SetExpr =>
    this.OR<RangeExpr | SetExpr>([
      { ALT: () => this.SUBRULE(this.set) },
      { ALT: () => this.SUBRULE(this.range) },
    ]),
  );

  private set = this.RULE("set", (): SetExpr => {
    const start = this.start();
    const values: Expr[] = [];
    this.CONSUME(t.LCurly);
    values.push(this.SUBRULE(this.sum));
    this.MANY(() => {
      this.CONSUME(t.Comma);
      values.push(this.SUBRULE1(this.sum));
    });
    this.OPTION(() => this.CONSUME1(t.Comma));
    this.CONSUME(t.RCurly);
    return { kind: "SetExpr", values, span: this.span(start) };
  });

  private range = this.RULE("range", (): RangeExpr => {
    const start = this.start();
    const from = this.SUBRULE(this.sum);
    this.CONSUME(t.DotDot);
    const to = this.SUBRULE1(this.sum);
    return { kind: "RangeExpr", from, to, span: this.span(start) };
  });

  private valueOrRange = this.RULE("valueOrRange", (): Expr | RangeExpr => {
    const start = this.start();
    const from = this.SUBRULE(this.sum);
    const to = this.OPTION(() => {
      this.CONSUME(t.DotDot);
      return this.SUBRULE1(this.sum);
    });
    return to === undefined ? from : { kind: "RangeExpr", from, to, span: this.span(start) };
  });

  private sum: () => Expr = this.RULE("sum", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.product);
    this.MANY(() => {
      const op = this.OR<BinaryOp>([
        {
          ALT: () => {
            this.CONSUME(t.Plus);
            return "+";
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Minus);
            return "-";
          },
        },
      ]);
      const right = this.SUBRULE1(this.product);
      left = this.binary(op, left, right, start);
    });
    return left;
  });

  private product: () => Expr = this.RULE("product", (): Expr => {
    const start = this.start();
    let left = this.SUBRULE(this.unary);
    this.MANY(() => {
      const op = this.OR<BinaryOp>([
        {
          ALT: () => {
            this.CONSUME(t.Star);
            return "*";
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.Slash);
            return "/";
          },
        },
      ]);
      const right = this.OR1<Expr>([{ ALT: () => this.SUBRULE(this.weighted) }, { ALT: () => this.SUBRULE1(this.unary) }]);
      left = this.binary(op, left, right, start);
    });
    return left;
  });

  /** `2 * not smile`: a weight of a negation needs no parentheses. */
  private weighted: () => Expr = this.RULE("weighted", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Not);
    const operand = this.SUBRULE(this.negation);
    return { kind: "UnaryExpr", op: "not", operand, span: this.span(start) };
  });

  private unary: () => Expr = this.RULE("unary", (): Expr => {
    const start = this.start();
    return this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(t.Minus);
          const operand = this.SUBRULE(this.unary);
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
        { ALT: () => this.SUBRULE(this.nameOrCall) },
        {
          ALT: () => {
            this.CONSUME(t.LParen);
            const inner = this.inside(() => this.SUBRULE(this.expr));
            this.CONSUME(t.RParen);
            return { kind: "ParenExpr", inner, span: this.span(start) };
          },
        },
      ],
    });
  });

  private nameOrCall: () => Expr = this.RULE("nameOrCall", (): Expr => {
    const start = this.start();
    const args: Expr[] = [];
    const callee = this.name(this.CONSUME(t.Name));
    const called = this.OPTION(() => {
      this.CONSUME(t.LParen);
      this.inside(() => this.MANY_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.expr)) }));
      this.CONSUME(t.RParen);
      return true;
    });
    return called === true
      ? { kind: "CallExpr", callee, args, span: this.span(start) }
      : this.ACTION(() => ({ kind: "NameExpr", name: callee.text, span: callee.span }));
  });

  private countExpr: () => Expr = this.RULE("countExpr", (): Expr => {
    const start = this.start();
    const parts: Expr[] = [];
    const quantifier = this.OR<"atleast" | "exactly" | "atmost">([
      {
        ALT: () => {
          this.CONSUME(t.Atleast);
          return "atleast";
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Exactly);
          return "exactly";
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Atmost);
          return "atmost";
        },
      },
    ]);
    const count = this.SUBRULE(this.sum);
    this.CONSUME(t.Of);
    this.CONSUME(t.LParen);
    this.inside(() => this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => parts.push(this.SUBRULE(this.expr)) }));
    this.CONSUME(t.RParen);
    return { kind: "CountExpr", quantifier, count, parts, span: this.span(start) };
  });

  private temperatureExpr: () => Expr = this.RULE("temperatureExpr", (): Expr => {
    const start = this.start();
    this.CONSUME(t.Temperature);
    const temperature = this.OR<Expr>([
      { ALT: () => this.number(this.CONSUME(t.NumberLiteral)) },
      {
        ALT: () => {
          const name = this.name(this.CONSUME(t.Name));
          return this.ACTION(() => ({ kind: "NameExpr", name: name.text, span: name.span }));
        },
      },
      {
        ALT: () => {
          const open = this.start();
          this.CONSUME(t.LParen);
          const inner = this.SUBRULE(this.sum);
          this.CONSUME(t.RParen);
          return { kind: "ParenExpr", inner, span: this.span(open) };
        },
      },
    ]);
    this.CONSUME1(t.LParen);
    const operand = this.inside(() => this.SUBRULE(this.expr));
    this.CONSUME1(t.RParen);
    return { kind: "TemperatureExpr", temperature, operand, span: this.span(start) };
  });

  // ---- lookahead beyond two tokens, for words that may also be names ----

  /** A word that begins a line of the block (or the block). */
  private beginsSetting(): boolean {
    const previous = this.LA(0).tokenType;
    return previous === t.LCurly || previous === t.Newline;
  }

  private beginsCount(): boolean {
    const next = this.LA(2);
    if (next.tokenType === t.NumberLiteral || next.tokenType === t.BadNumber || next.tokenType === t.LParen) return true;
    return isName(next) && (this.LA(3).tokenType === t.Of || next.tokenType === t.Of);
  }

  private beginsTemperature(): boolean {
    const next = this.LA(2);
    if (next.tokenType === t.NumberLiteral || next.tokenType === t.BadNumber || next.tokenType === t.LParen) return true;
    return isName(next) && this.LA(3).tokenType === t.LParen;
  }

  // ---- recovery ----

  /** Runs a rule; if the text cannot be read as it, notes the problem and returns what `failed` makes of it. */
  private attempt<T>(rule: () => T, failed: () => T): T {
    try {
      return rule();
    } catch (error) {
      if (!(error instanceof Error) || !isRecognitionException(error)) throw error;
      const { context, token, message } = error as IRecognitionException;
      this.note({ found: token, after: this.LA(0), rule: context.ruleStack.at(-1) ?? "", wanted: message });
      return failed();
    }
  }

  /** A problem where one was noted already is its consequence, not another. */
  private note(problem: Problem): void {
    if (this.problems.at(-1)?.found !== problem.found) this.problems.push(problem);
  }

  /** A token that cannot begin what is wanted here was taken: always a problem. */
  private junk(rule: string, found: IToken): undefined {
    this.ACTION(() => {
      this.note({ found, after: this.LA(-1), rule, wanted: "" });
      this.skip(rule === "statement" ? -1 : ((found as LaceToken).depth ?? 0));
    });
  }

  /** Skips to the end of the setting whose tokens have this depth, or (-1) to the end of the statement; consumes neither. */
  private skip(depth: number): undefined {
    for (;;) {
      const next = this.LA(1) as Partial<LaceToken>;
      if (next.depth === undefined || next.tokenType === t.StatementEnd) return;
      if (next.tokenType === t.RCurly && next.depth < depth) return;
      if (next.tokenType === t.Newline && next.depth <= depth) return;
      this.SKIP_TOKEN();
    }
  }

  private depth(): number {
    return (this.LA(0) as Partial<LaceToken>).depth === undefined ? 0 : (this.LA(0) as LaceToken).depth + 1;
  }

  /** An expression at the end of a setting or statement; ErrorExpr up to its end if it cannot be read. */
  private orError(rule: () => Expr): Expr {
    const start = this.start();
    const depth = (this.LA(0) as Partial<LaceToken>).depth ?? 0;
    return this.attempt(rule, () => {
      this.skip(depth === 0 ? -1 : depth);
      return { kind: "ErrorExpr", span: this.span(start) };
    });
  }

  /** The part of a task before its block: after a mistake in it, reading goes on at the block. */
  private head(rule: () => void): void {
    this.attempt(rule, () => {
      for (;;) {
        const next = this.LA(1) as Partial<LaceToken>;
        if (next.depth === undefined || next.tokenType === t.StatementEnd) return;
        if (next.tokenType === t.LCurly && next.depth === 0) return;
        this.SKIP_TOKEN();
      }
    });
  }

  /** Inside parentheses `>=` cannot end a clause of `expect`. */
  private inside<T>(rule: () => T): T {
    const outer = this.inClause;
    this.inClause = false;
    const value = rule();
    this.inClause = outer;
    return value;
  }

  // ---- nodes ----

  private start(): number {
    return this.LA(1).startOffset;
  }

  /** From `start` to the end of the last token consumed; empty at `start` if none was. */
  private span(start: number): Span {
    const last = this.LA(0);
    const end = last.startOffset + last.image.length;
    return { file: this.file, start, end: end > start ? end : start };
  }

  private spanOf(token: IToken): Span {
    return { file: this.file, start: token.startOffset, end: token.startOffset + token.image.length };
  }

  private name(token: IToken): Name {
    return this.ACTION(() => ({ text: token.image, span: this.spanOf(token) }));
  }

  private string(token: IToken): StringLit {
    return this.ACTION(() => ({ value: stringValue(token.image), span: this.spanOf(token) }));
  }

  private number(token: IToken): Expr {
    return this.ACTION(() => ({
      kind: "NumberExpr",
      value: numberValue(token.image),
      text: token.image,
      span: this.spanOf(token),
    }));
  }

  private binary(op: BinaryOp, left: Expr, right: Expr, start: number): Expr {
    return { kind: "BinaryExpr", op, left, right, span: this.span(start) };
  }

  private notDoubled(): void {
    this.ACTION(() => {
      const sign = this.LA(0);
      if (sign.tokenType === t.EqualsEquals) this.foreign.push({ token: sign, meant: "=" });
    });
  }

  private once(earlier: unknown, word: IToken): void {
    if (earlier !== undefined) this.problems.push({ found: word, after: word, rule: "repeated", wanted: "" });
  }
}

/** `layers 4` is the range 4..4; a single name is a group of layers. */
function layerChoice(value: Expr | RangeExpr): RangeExpr | Name {
  if (value.kind === "RangeExpr") return value;
  if (value.kind === "NameExpr") return { text: value.name, span: value.span };
  return { kind: "RangeExpr", from: value, to: value, span: value.span };
}
