// Settings of a task's block: which are allowed where, none twice, each of its own kind and range.
// In: the Setting nodes of one task. Out: a Settings reader that hands out each by name.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import type { Env } from "./context.js";
import { evaluateNumber } from "./evaluate.js";
import { listed, nearest } from "./suggest.js";

const KEYS = [
  "where",
  "count",
  "seed",
  "truncation",
  "cutoff",
  "class",
  "noise",
  "translate",
  "rotate",
  "frames",
  "between",
  "sampler",
  "logic",
  "goals",
  "keep",
  "reweight",
  "accept",
  "step",
  "start",
  "space",
  "prior",
  "tries",
  "tune",
  "compare",
  "encoder",
  "landmarks",
] as const;
export type Key = (typeof KEYS)[number];

const SEED_MAX = Number.MAX_SAFE_INTEGER;
/** psi beyond 2 gives noise with every known generator; it is a slip (such as 7 for 0.7). */
const TRUNCATION_MAX = 2;

export interface Bounds {
  readonly min: number;
  readonly max?: number;
  readonly integer?: boolean;
  /** min itself is not allowed. */
  readonly open?: boolean;
}

export const COUNT: Bounds = { min: 1, integer: true };
export const SEED: Bounds = { min: 0, max: SEED_MAX, integer: true };
export const FRAMES: Bounds = { min: 2, integer: true };
export const TRUNCATION: Bounds = { min: 0, max: TRUNCATION_MAX };
export const POSITIVE: Bounds = { min: 0, open: true };
export const NOT_NEGATIVE: Bounds = { min: 0 };
export const TRIES: Bounds = { min: 1, max: 1000, integer: true };
export const FRACTION: Bounds = { min: 0, max: 1 };

/** A number within bounds; undefined after a report (L2004 and those of the expression). `what` starts the message: "`count`". */
export function boundedNumber(e: ast.Expr, what: string, bounds: Bounds, env: Env): number | undefined {
  const value = evaluateNumber(e, env);
  if (value === undefined || isWithin(value, bounds)) return value;
  env.report.error("L2004", e.span, `${what} must be ${printBounds(bounds)}, and this is ${value}`, {
    text: "out of range",
    related: env.calls,
  });
  return undefined;
}

export function isWithin(value: number, { min, max = Infinity, integer = false, open = false }: Bounds): boolean {
  return (
    Number.isFinite(value) &&
    (open ? value > min : value >= min) &&
    value <= max &&
    (!integer || Number.isInteger(value))
  );
}

/** "a whole number from 1" and the like. */
export function printBounds({ min, max, integer = false, open = false }: Bounds): string {
  const noun = integer ? "a whole number" : "a number";
  if (open) return `${noun} above ${min}`;
  if (max === SEED_MAX) return `${noun} from ${min} to 2^53 - 1`;
  return max === undefined ? `${noun}, ${min} or more` : `${noun} from ${min} to ${max}`;
}

export class Settings {
  private readonly byKey = new Map<Key, ast.Setting>();
  readonly steps: readonly ast.StepSetting[];

  /** Reports L2010 (unknown), L2011 (twice), L2013 (not in this kind of task). */
  constructor(
    private readonly task: ast.TaskDecl,
    what: string,
    allowed: readonly Key[],
    private readonly env: Env,
  ) {
    const steps: ast.StepSetting[] = [];
    for (const setting of task.settings) {
      const key = keyOf(setting);
      if (!isKey(key.text)) this.reportUnknown(key, what, allowed);
      else if (!allowed.includes(key.text)) this.reportMisplaced(key, what, allowed);
      else if (setting.kind === "StepSetting") steps.push(setting);
      else if (this.byKey.has(key.text)) this.reportTwice(key, this.byKey.get(key.text));
      else this.byKey.set(key.text, setting);
    }
    this.steps = steps;
  }

  has(key: Key): boolean {
    return this.byKey.has(key);
  }

  get<K extends ast.Setting["kind"]>(key: Key, kind: K): Extract<ast.Setting, { kind: K }> | undefined {
    const found = this.byKey.get(key);
    return found?.kind === kind ? (found as Extract<ast.Setting, { kind: K }>) : undefined;
  }

  number(key: Key, bounds: Bounds, fallback: number): number {
    const setting = this.get(key, "NumberSetting");
    return setting === undefined
      ? fallback
      : (boundedNumber(setting.value, `\`${key}\``, bounds, this.env) ?? fallback);
  }

  word<W extends string>(key: Key, words: readonly W[], fallback: W): W {
    const setting = this.get(key, "WordSetting");
    return setting === undefined ? fallback : (chooseWord(setting.value, `\`${key}\``, words, this.env) ?? fallback);
  }

  private reportUnknown(key: ast.Name, what: string, allowed: readonly Key[]): void {
    const guess = nearest(key.text, allowed);
    this.env.report.error("L2010", key.span, `${what} has no setting \`${key.text}\``, {
      text: "unknown setting",
      hints: [guess === undefined ? `it has ${listed(allowed, "and")}` : `did you mean \`${guess}\`?`],
      ...(guess !== undefined && { fix: { span: key.span, replacement: guess } }),
    });
  }

  private reportMisplaced(key: ast.Name, what: string, allowed: readonly Key[]): void {
    this.env.report.error("L2013", key.span, `\`${key.text}\` does not belong in ${what}`, {
      text: "not here",
      hints: [`${what} has ${listed(allowed, "and")}`],
    });
  }

  private reportTwice(key: ast.Name, earlier: ast.Setting | undefined): void {
    this.env.report.error("L2011", key.span, `\`${key.text}\` is given twice in \`${this.task.name.text}\``, {
      text: "given again",
      related: earlier === undefined ? [] : [{ span: earlier.span, text: "first given here" }],
    });
  }
}

function isKey(text: string): text is Key {
  return KEYS.some((k) => k === text);
}

/** The word that a setting begins with. Settings with their own syntax begin with their keyword. */
function keyOf(setting: ast.Setting): ast.Name {
  if ("key" in setting) return setting.key;
  const text = setting.kind.replace("Setting", "").toLowerCase();
  const { file, start } = setting.span;
  return { text, span: { file, start, end: start + text.length } };
}

/** One of `words`; L2010 with the nearest otherwise. */
export function chooseWord<W extends string>(
  name: ast.Name,
  what: string,
  words: readonly W[],
  env: Env,
): W | undefined {
  const found = words.find((w) => w === name.text);
  if (found !== undefined) return found;
  const guess = nearest(name.text, words);
  env.report.error("L2010", name.span, `${what} has no choice \`${name.text}\``, {
    text: "unknown",
    hints: [
      guess === undefined
        ? `choose ${listed(words)}`
        : `did you mean \`${guess}\`? the choices are ${listed(words, "and")}`,
    ],
    ...(guess !== undefined && { fix: { span: name.span, replacement: guess } }),
  });
  return undefined;
}

/** Options in braces, such as those of a sampler or a save: known ones only, none twice. */
export class Options {
  private readonly byKey = new Map<string, ast.Option>();

  constructor(
    options: readonly ast.Option[],
    private readonly what: string,
    allowed: readonly string[],
    private readonly env: Env,
  ) {
    for (const option of options) {
      const { text, span } = option.key;
      const earlier = this.byKey.get(text);
      if (!allowed.includes(text)) {
        const guess = nearest(text, allowed);
        const there = allowed.length === 0 ? "it has no options" : `it has ${listed(allowed, "and")}`;
        env.report.error("L2010", span, `${what} has no option \`${text}\``, {
          text: "unknown option",
          hints: [guess === undefined ? there : `did you mean \`${guess}\`?`],
          ...(guess !== undefined && { fix: { span, replacement: guess } }),
        });
      } else if (earlier !== undefined) {
        env.report.error("L2011", span, `\`${text}\` is given twice`, {
          text: "given again",
          related: [{ span: earlier.span, text: "first given here" }],
        });
      } else this.byKey.set(text, option);
    }
  }

  span(key: string): Span | undefined {
    return this.byKey.get(key)?.span;
  }

  number(key: string, bounds: Bounds): number | undefined {
    const option = this.byKey.get(key);
    if (option?.value.kind === "TextExpr") {
      this.env.report.error("L2003", option.value.span, `\`${key}\` takes a number, and this is a text`, {
        text: "a text",
      });
      return undefined;
    }
    return option && boundedNumber(option.value, `\`${key}\``, bounds, this.env);
  }

  /** The text of an option; `ofName` says what a name alone stands for. Reports L2003 where it is no text. */
  text(key: string, ofName: (name: string) => string | undefined): ast.StringLit | undefined {
    const value = this.byKey.get(key)?.value;
    if (value === undefined || value.kind === "ErrorExpr") return undefined;
    if (value.kind === "TextExpr") return value;
    const named = value.kind === "NameExpr" ? ofName(value.name) : undefined;
    if (named !== undefined) return { value: named, span: value.span };
    this.env.report.error("L2003", value.span, `\`${key}\` takes a text`, {
      text: "not a text",
      hints: [`write it in quotes: \`${key} "..."\``],
    });
    return undefined;
  }

  word<W extends string>(key: string, words: readonly W[], fallback: W): W {
    const option = this.byKey.get(key);
    if (option === undefined) return fallback;
    if (option.value.kind !== "NameExpr") {
      if (option.value.kind !== "ErrorExpr")
        this.env.report.error("L2003", option.value.span, `\`${key}\` takes a word`, {
          text: "not a word",
          hints: [`choose ${listed(words)}`],
        });
      return fallback;
    }
    const name = { text: option.value.name, span: option.value.span };
    return chooseWord(name, `\`${key}\` of ${this.what}`, words, this.env) ?? fallback;
  }
}
