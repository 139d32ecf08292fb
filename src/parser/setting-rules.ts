// Settings: what stands in the braces of a task, and options (`sampler ode { ... }`, `as grid { ... }`).
// In: laid-out tokens. Out: Setting and Option nodes; which are allowed where is the checker's business.
// Invariants: a setting that cannot be read is left out (or has ErrorExpr), and the next one is read as usual.
import type { Expr, LookingClause, Name, Option, RangeExpr, SetExpr, Setting, StringLit } from "./ast.js";
import { ExpressionRules } from "./expression-rules.js";
import * as t from "./tokens.js";

/** The rules for blocks. */
export abstract class SettingRules extends ExpressionRules {
  protected block = this.RULE("block", (): readonly Setting[] => {
    const settings: Setting[] = [];
    this.CONSUME(t.LCurly);
    const depth = this.depthOf(this.LA(0)) + 1;
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Newline) },
        {
          ALT: () => {
            const setting = this.orLeftOut(() => this.SUBRULE(this.setting), depth);
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
      MAX_LOOKAHEAD: 1,
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { ALT: () => this.SUBRULE(this.whereSetting) },
        { ALT: () => this.SUBRULE(this.numberSetting) },
        { ALT: () => this.SUBRULE(this.betweenSetting) },
        { ALT: () => this.SUBRULE(this.samplerSetting) },
        { ALT: () => this.SUBRULE(this.wordSetting) },
        { ALT: () => this.SUBRULE(this.placeSetting) },
        { ALT: () => this.SUBRULE(this.keepSetting) },
        { ALT: () => this.SUBRULE(this.flagSetting) },
        { ALT: () => this.SUBRULE(this.acceptSetting) },
        { ALT: () => this.SUBRULE(this.stepSetting) },
        { ALT: () => this.SUBRULE(this.startSetting) },
        { ALT: () => this.SUBRULE(this.spaceSetting) },
        { ALT: () => this.SUBRULE(this.compareSetting) },
        { ALT: () => this.SUBRULE(this.encoderSetting) },
        { ALT: () => this.SUBRULE(this.landmarksSetting) },
        { GATE: () => this.beginsLine(), ALT: () => this.SUBRULE(this.unknownSetting) },
        { ALT: () => this.junk("setting", this.CONSUME(t.Junk)) },
      ],
    }),
  );

  private whereSetting = this.RULE("whereSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Where);
    const energy = this.whole(() => this.SUBRULE(this.expr));
    return { kind: "WhereSetting", energy, span: this.span(start) };
  });

  private numberSetting = this.RULE("numberSetting", (): Setting => {
    const start = this.start();
    const key = this.OR([
      { ALT: () => this.CONSUME(t.Count) },
      { ALT: () => this.CONSUME(t.Seed) },
      { ALT: () => this.CONSUME(t.Truncation) },
      { ALT: () => this.CONSUME(t.Frames) },
      { ALT: () => this.CONSUME(t.Cutoff) },
      { ALT: () => this.CONSUME(t.Class) },
      { ALT: () => this.CONSUME(t.Prior) },
      { ALT: () => this.CONSUME(t.Tries) },
      { ALT: () => this.CONSUME(t.Tune) },
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
    const key = this.OR([
      { ALT: () => this.CONSUME(t.Logic) },
      { ALT: () => this.CONSUME(t.Goals) },
      { ALT: () => this.CONSUME(t.Noise) },
    ]);
    const value = this.name(this.CONSUME(t.Name));
    return { kind: "WordSetting", key: this.name(key), value, span: this.span(start) };
  });

  private placeSetting = this.RULE("placeSetting", (): Setting => {
    const start = this.start();
    const values: (Expr | RangeExpr)[] = [];
    const key = this.OR([
      {
        ALT: () => {
          const word = this.CONSUME(t.Translate);
          values.push(this.SUBRULE(this.valueOrRange));
          this.CONSUME(t.Comma);
          values.push(this.SUBRULE1(this.valueOrRange));
          return word;
        },
      },
      {
        ALT: () => {
          const word = this.CONSUME(t.Rotate);
          values.push(this.SUBRULE2(this.valueOrRange));
          return word;
        },
      },
    ]);
    return { kind: "PlaceSetting", key: this.name(key), values, span: this.span(start) };
  });

  private keepSetting = this.RULE("keepSetting", (): Setting => {
    const start = this.start();
    let latent: Expr | undefined;
    let attributes: Expr | undefined;
    let identity: Expr | undefined;
    let by: StringLit | undefined;
    let looking: LookingClause | undefined;
    this.CONSUME(t.Keep);
    this.AT_LEAST_ONE_SEP({
      SEP: t.Comma,
      DEF: () => {
        this.OR([
          {
            ALT: () => {
              const word = this.CONSUME(t.Latent);
              this.once(latent, word);
              latent = this.SUBRULE(this.sum);
            },
          },
          {
            ALT: () => {
              const word = this.CONSUME(t.Attributes);
              this.once(attributes, word);
              attributes = this.SUBRULE1(this.sum);
            },
          },
          {
            ALT: () => {
              const word = this.CONSUME(t.Identity);
              this.once(identity, word);
              identity = this.SUBRULE2(this.sum);
              by = this.OPTION(() => {
                this.CONSUME(t.By);
                return this.string(this.CONSUME(t.StringLiteral));
              });
              looking = this.OPTION1(() => this.SUBRULE(this.looking));
            },
          },
        ]);
      },
    });
    return {
      kind: "KeepSetting",
      ...(latent !== undefined && { latent }),
      ...(attributes !== undefined && { attributes }),
      ...(identity !== undefined && { identity }),
      ...(by !== undefined && { by }),
      ...(looking !== undefined && { looking }),
      span: this.span(start),
    };
  });

  private flagSetting = this.RULE("flagSetting", (): Setting => {
    const start = this.start();
    const key = this.name(this.CONSUME(t.Reweight));
    return { kind: "FlagSetting", key, span: this.span(start) };
  });

  private acceptSetting = this.RULE("acceptSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Accept);
    this.CONSUME(t.By);
    const judge = this.name(this.CONSUME(t.Name));
    const tries = this.OPTION(() => {
      this.CONSUME(t.Tries);
      return this.SUBRULE(this.sum);
    });
    return { kind: "AcceptSetting", judge, ...(tries !== undefined && { tries }), span: this.span(start) };
  });

  private stepSetting = this.RULE("stepSetting", (): Setting => {
    const start = this.start();
    let layers: RangeExpr | Name | undefined;
    let weight: Expr | undefined;
    this.CONSUME(t.Step);
    const energy = this.whole(() => this.SUBRULE(this.expr));
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            const word = this.CONSUME(t.Layers);
            this.once(layers, word);
            const value = this.SUBRULE(this.valueOrRange);
            layers = this.ACTION(() => layerChoice(value));
          },
        },
        {
          ALT: () => {
            const word = this.CONSUME(t.Weight);
            this.once(weight, word);
            weight = this.SUBRULE(this.sum);
          },
        },
      ]);
    });
    return {
      kind: "StepSetting",
      energy,
      ...(layers !== undefined && { layers }),
      ...(weight !== undefined && { weight }),
      span: this.span(start),
    };
  });

  private spaceSetting = this.RULE("spaceSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Space);
    const space = this.name(this.CONSUME(t.Name));
    const each = this.OPTION(() => this.CONSUME(t.Plus)) !== undefined;
    return { kind: "SpaceSetting", space, each, span: this.span(start) };
  });

  private compareSetting = this.RULE("compareSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Compare);
    this.CONSUME(t.By);
    const by = this.string(this.CONSUME(t.StringLiteral));
    return { kind: "CompareSetting", by, span: this.span(start) };
  });

  private encoderSetting = this.RULE("encoderSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Encoder);
    const path = this.string(this.CONSUME(t.StringLiteral));
    return { kind: "EncoderSetting", path, span: this.span(start) };
  });

  private landmarksSetting = this.RULE("landmarksSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Landmarks);
    const given = this.OR<{ path: StringLit } | { word: Name } | { points: SetExpr }>([
      { ALT: () => ({ path: this.string(this.CONSUME(t.StringLiteral)) }) },
      { ALT: () => ({ word: this.name(this.CONSUME(t.Name)) }) },
      { ALT: () => ({ points: this.SUBRULE(this.set) }) },
    ]);
    return { kind: "LandmarksSetting", ...given, span: this.span(start) };
  });

  private startSetting = this.RULE("startSetting", (): Setting => {
    const start = this.start();
    this.CONSUME(t.Start);
    this.CONSUME(t.From);
    const path = this.string(this.CONSUME(t.StringLiteral));
    const as = this.OPTION(() => {
      this.CONSUME(t.As);
      return this.name(this.CONSUME(t.Name));
    });
    return { kind: "StartSetting", path, ...(as !== undefined && { as }), span: this.span(start) };
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

  protected optionBlock = this.RULE("optionBlock", (): readonly Option[] => {
    const options: Option[] = [];
    this.CONSUME(t.LCurly);
    const depth = this.depthOf(this.LA(0)) + 1;
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Newline) },
        {
          ALT: () => {
            const option = this.orLeftOut(() => this.SUBRULE(this.optionPair), depth);
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
    this.OR<Option | undefined>({
      MAX_LOOKAHEAD: 1,
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          ALT: () => {
            const start = this.start();
            const key = this.name(this.CONSUME(t.Name));
            const value = this.SUBRULE(this.optionValue);
            return { key, value, span: this.span(start) };
          },
        },
        { ALT: () => this.junk("optionPair", this.CONSUME(t.Junk)) },
      ],
    }),
  );

  private optionValue = this.RULE("optionValue", (): Option["value"] =>
    this.OR<Option["value"]>([
      { ALT: () => this.text(this.CONSUME(t.StringLiteral)) },
      { ALT: () => this.SUBRULE(this.sum) },
    ]),
  );

  /** Whether the word begins a line of the block (or the block). */
  private beginsLine(): boolean {
    const previous = this.LA(0).tokenType;
    return previous === t.LCurly || previous === t.Newline;
  }
}

/** `layers 4` is the range 4..4; a single name is a group of layers. */
function layerChoice(value: Expr | RangeExpr): RangeExpr | Name {
  if (value.kind === "RangeExpr") return value;
  if (value.kind === "NameExpr") return { text: value.name, span: value.span };
  return { kind: "RangeExpr", from: value, to: value, span: value.span };
}
