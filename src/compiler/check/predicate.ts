// Predicates: an attribute compared with a value, a number or a range.
// In: IsExpr, CompareExpr, InExpr. Out: leaf formulas; mistakes L2003 (type), L2004 (range), L2005 (no such value).
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import type { Attribute } from "../attribute.js";
import type { Env } from "./context.js";
import type { Formula } from "../energy/formula.js";
import { listed, nearest } from "./suggest.js";
import { describe, typeOf, type Value } from "./value.js";

type AttributeValue = Extract<Value, { kind: "attribute" }>;
type Classes = Exclude<Attribute, { type: "scalar" }>;
type Scalar = Extract<Attribute, { type: "scalar" }>;

const ENERGY_UNKNOWN: Value = { kind: "energy", formula: undefined };

export function evaluateIs(e: Extract<ast.Expr, { kind: "IsExpr" }>, env: Env): Value {
  const subject = evaluateSubject(e.subject, "is", env);
  if (subject === undefined) return ENERGY_UNKNOWN;
  const { row, index } = subject.of;
  const leaf =
    row.type === "scalar" ? isNumber(e, subject.name, row, index, env) : isClass(e, subject.name, row, index, env);
  if (leaf === undefined || !e.negated) return { kind: "energy", formula: leaf };
  return { kind: "energy", formula: { kind: "not", part: leaf, span: e.span } };
}

/** `x < 0.5`, or `0.2 < x < 0.8`, which is both; bounds are soft, so that `<=` is `<`. */
export function evaluateComparison(e: Extract<ast.Expr, { kind: "CompareExpr" }>, env: Env): Value {
  if (e.then === undefined) return compareOnce(e, env);
  const { op, left, right, then } = e;
  const first = compareOnce({ op, left, right, span: { ...e.span, end: right.span.end } }, env);
  const second = compareOnce(
    { op: then.op, left: right, right: then.right, span: { ...then.span, start: right.span.start } },
    env,
  );
  const [a, b] = [first, second].map((v) => (v.kind === "energy" ? v.formula : undefined));
  if (a === undefined || b === undefined) return ENERGY_UNKNOWN;
  const formula: Formula = { kind: "and", parts: [a, b], written: [a.span, b.span], span: e.span };
  return { kind: "energy", formula };
}

type Compared = Pick<Extract<ast.Expr, { kind: "CompareExpr" }>, "op" | "left" | "right" | "span">;

function compareOnce(e: Compared, env: Env): Value {
  const left = env.evaluator.evaluate(e.left, env);
  const right = env.evaluator.evaluate(e.right, env);
  if (left.kind === "error" || right.kind === "error") return ENERGY_UNKNOWN;
  const mirrored = left.kind !== "attribute" && right.kind === "attribute";
  const [subject, other, number] = mirrored ? [right, left, e.left] : [left, right, e.right];
  if (subject.kind !== "attribute") {
    const both = left.kind === "number" && right.kind === "number";
    const wrong = left.kind === "number" ? right : left;
    env.report.error("L2003", e.span, `\`${e.op}\` compares an attribute with a number`, {
      text: both ? "two numbers" : describe(wrong),
      hints: [
        "one side must be a scalar attribute: `light > 0.6`",
        ...(both ? ["numbers are compared after `if`: `if t > 0.5 then smile else hat`"] : []),
      ],
    });
    return ENERGY_UNKNOWN;
  }
  const { row, index } = subject.of;
  if (row.type !== "scalar") {
    reportNotScalar(subject.name, row, e.span, env);
    return ENERGY_UNKNOWN;
  }
  if (other.kind !== "number") {
    env.report.error(
      "L2003",
      number.span,
      `\`${subject.name}\` is compared with a number, not with ${describe(other)}`,
      {
        text: describe(other),
      },
    );
    return ENERGY_UNKNOWN;
  }
  if (!inRange(other.value, row, subject.name, number.span, env) || other.value === undefined || index === undefined)
    return ENERGY_UNKNOWN;
  const kind = e.op.startsWith(">") === mirrored ? "below" : "above";
  return {
    kind: "energy",
    formula: { kind, attribute: index, threshold: other.value, sigma: row.sigma, span: e.span },
  };
}

export function evaluateIn(e: Extract<ast.Expr, { kind: "InExpr" }>, env: Env): Value {
  const subject = evaluateSubject(e.subject, "in", env);
  if (subject === undefined) return ENERGY_UNKNOWN;
  const { row, index } = subject.of;
  const { values, span } = e;
  if (values.kind === "RangeExpr") {
    if (row.type === "scalar") return { kind: "energy", formula: inRangeLeaf(values, subject, row, span, env) };
    env.report.error("L2003", values.span, `\`${subject.name}\` is ${typeOf(row)}: it has no range`, {
      text: "a range of numbers",
      hints: [`its values are ${listed(row.classes, "and")}`],
    });
    return ENERGY_UNKNOWN;
  }
  if (row.type === "scalar") {
    env.report.error("L2003", values.span, `\`${subject.name}\` is a scalar: it has no set of values`, {
      text: "a set",
      hints: [`write a range, \`${subject.name} in LOW..HIGH\`, or join \`${subject.name} is X\` with \`or\``],
    });
    return ENERGY_UNKNOWN;
  }
  return { kind: "energy", formula: inSetLeaf(values, subject.name, row, index, span, env) };
}

function inSetLeaf(
  set: ast.SetExpr,
  name: string,
  row: Classes,
  index: number | undefined,
  span: Span,
  env: Env,
): Formula | undefined {
  const found: number[] = [];
  let clean = set.values.length > 0;
  if (!clean) env.report.error("L2004", set.span, `\`${name}\` is in no value at all`, { text: "an empty set" });
  for (const v of set.values) {
    const at = classIndex(v, name, row, env);
    if (at === undefined) clean = false;
    else if (found.includes(at)) {
      env.report.error("L2002", v.span, `\`${row.classes[at] ?? ""}\` is listed twice`, { text: "already listed" });
      clean = false;
    } else found.push(at);
  }
  if (!clean || index === undefined) return undefined;
  const temperature = row.temperature * env.temperature;
  const values = found.sort((a, b) => a - b);
  return { kind: "class", attribute: index, classes: row.classes.length, values, temperature, span };
}

function inRangeLeaf(
  range: ast.RangeExpr,
  subject: AttributeValue,
  row: Scalar,
  span: Span,
  env: Env,
): Formula | undefined {
  const attribute = subject.of.index;
  const from = env.evaluator.evaluateNumber(range.from, env);
  const to = env.evaluator.evaluateNumber(range.to, env);
  const inside = [
    inRange(from, row, subject.name, range.from.span, env),
    inRange(to, row, subject.name, range.to.span, env),
  ].every(Boolean);
  if (from === undefined || to === undefined || !inside) return undefined;
  if (from >= to) {
    env.report.error("L2004", range.span, `the range ${from}..${to} is empty`, {
      text: `${from} is not below ${to}`,
      related: env.calls,
    });
    return undefined;
  }
  if (attribute === undefined) return undefined;
  const { sigma } = row;
  const above: Formula = { kind: "above", attribute, threshold: from, sigma, span: range.from.span };
  const below: Formula = { kind: "below", attribute, threshold: to, sigma, span: range.to.span };
  return { kind: "and", parts: [above, below], written: [range.from.span, range.to.span], span };
}

/** The attribute before `is` or `in`; reports anything else. */
function evaluateSubject(e: ast.Expr, word: string, env: Env): AttributeValue | undefined {
  const value = env.evaluator.evaluate(e, env);
  if (value.kind === "attribute") return value;
  if (value.kind !== "error") {
    env.report.error("L2003", e.span, `\`${word}\` asks about an attribute, and this is ${describe(value)}`, {
      text: describe(value),
    });
  }
  return undefined;
}

function isNumber(
  e: Extract<ast.Expr, { kind: "IsExpr" }>,
  name: string,
  row: Scalar,
  index: number | undefined,
  env: Env,
): Formula | undefined {
  const word = wordOf(e.value);
  if (word !== undefined && !env.locals.has(word) && !isNumberName(word, env)) {
    env.report.error(
      "L2003",
      e.value.span,
      `\`${name}\` is a scalar: it is compared with a number, not with \`${word}\``,
      {
        text: "not a number",
        hints: [`write \`${name} is X\` with a number${rangeText(row)}`],
      },
    );
    return undefined;
  }
  const target = env.evaluator.evaluateNumber(e.value, env);
  const sigma = e.tolerance === undefined ? row.sigma : env.evaluator.evaluateNumber(e.tolerance, env);
  let clean = inRange(target, row, name, e.value.span, env);
  if (e.tolerance !== undefined && sigma !== undefined && sigma <= 0) {
    env.report.error("L2004", e.tolerance.span, `the tolerance must be above 0, and this is ${sigma}`, {
      text: "out of range",
      related: env.calls,
    });
    clean = false;
  }
  if (!clean || target === undefined || sigma === undefined || index === undefined) return undefined;
  return { kind: "near", attribute: index, target, sigma, span: e.span };
}

function isClass(
  e: Extract<ast.Expr, { kind: "IsExpr" }>,
  name: string,
  row: Classes,
  index: number | undefined,
  env: Env,
): Formula | undefined {
  if (e.tolerance !== undefined) {
    env.report.error("L2003", e.tolerance.span, `\`${name}\` is ${typeOf(row)}: only scalars have a tolerance`, {
      text: "a tolerance",
    });
  }
  const value = classIndex(e.value, name, row, env);
  if (value === undefined || index === undefined || e.tolerance !== undefined) return undefined;
  const temperature = row.temperature * env.temperature;
  return { kind: "class", attribute: index, classes: row.classes.length, values: [value], temperature, span: e.span };
}

/** Which class an expression names; reports L2003 if it is not a word, L2005 if the attribute `name` has no such value. */
export function classIndex(e: ast.Expr, name: string, row: Classes, env: Env): number | undefined {
  const written = wordOf(e);
  const local = written === undefined ? undefined : env.locals.get(written);
  if (local?.kind === "error") return undefined;
  if (local !== undefined && local.kind !== "word") {
    env.report.error("L2003", e.span, `\`${name}\` is ${typeOf(row)}: it is compared with one of its values`, {
      text: local.kind === "number" ? "a number" : "an energy",
      hints: [`a parameter that is a value of it is declared as \`${written ?? ""}: ${name}\``],
    });
    return undefined;
  }
  const word = local === undefined ? written : local.word;
  if (local !== undefined && word === undefined) return undefined;
  const hints = [`its values are ${listed(row.classes, "and")}`];
  if (word === undefined) {
    if (e.kind === "ErrorExpr") return undefined;
    env.report.error("L2003", e.span, `\`${name}\` is ${typeOf(row)}: it is compared with one of its values`, {
      text: "not a value of a category",
      hints,
    });
    return undefined;
  }
  const index = row.classes.indexOf(word);
  if (index >= 0) return index;
  const guess = nearest(word, row.classes);
  env.report.error("L2005", e.span, `\`${name}\` has no value \`${word}\``, {
    text: "not one of its values",
    hints: guess === undefined ? hints : [`did you mean \`${guess}\`?`, ...hints],
    related: env.calls,
    ...(guess !== undefined && local === undefined && { fix: { span: e.span, replacement: guess } }),
  });
  return undefined;
}

/**
 * `hair is black or brown`, `hair is not black and brown`: values that stand alone after one that is compared. Reports L2001 once for all of them, with
 * the set that is meant; false if these operands are something else.
 */
export function reportBareValues(op: "and" | "or", operands: readonly ast.Expr[], span: Span, env: Env): boolean {
  const [first, ...rest] = operands;
  if (first?.kind !== "IsExpr" || first.subject.kind !== "NameExpr" || (op === "and" && !first.negated)) return false;
  const { name } = first.subject;
  const row = env.model.rows.find((r) => r.name === name);
  if (row?.type !== "category") return false;
  const words = [first.value, ...rest].map(wordOf);
  const free = (w: string | undefined): w is string =>
    w !== undefined && row.classes.includes(w) && !env.scope.names.has(w) && !env.locals.has(w);
  if (rest.length === 0 || !words.every(free)) return false;
  const among = `${name} in {${words.join(", ")}}`;
  const set = first.negated ? `not ${among}` : among;
  env.report.error("L2001", rest[0]?.span ?? span, `\`${words[1] ?? ""}\` alone is not a condition`, {
    text: `a value of \`${name}\``,
    hints: [`write \`${set}\``],
    fix: { span, replacement: set },
  });
  return true;
}

function wordOf(e: ast.Expr): string | undefined {
  if (e.kind === "ParenExpr") return wordOf(e.inner);
  return e.kind === "NameExpr" ? e.name : undefined;
}

/** Whether the word means something outside categories, or is near such a name: then the ordinary messages fit. */
function isNumberName(word: string, env: Env): boolean {
  if (env.scope.names.has(word) || env.scope.ambiguous.has(word) || env.scope.open) return true;
  if (env.model.own(word) !== undefined) return true;
  const numbers = [...env.scope.names].filter(([, d]) => d.kind === "let" || d.kind === "input").map(([name]) => name);
  return nearest(word, [...env.locals.keys(), ...numbers]) !== undefined;
}

function reportNotScalar(name: string, row: Classes, span: Span, env: Env): void {
  const hint =
    row.type === "binary"
      ? `\`${name}\` is yes or no: write \`${name}\` or \`not ${name}\``
      : `write \`${name} is ${row.classes[0] ?? "VALUE"}\`; its values are ${listed(row.classes, "and")}`;
  env.report.error("L2003", span, `\`${name}\` is ${typeOf(row)}: it is not compared by size`, {
    text: typeOf(row),
    hints: [hint],
  });
}

/** False after reporting L2004; an unknown number passes. */
function inRange(value: number | undefined, row: Scalar, name: string, span: Span, env: Env): boolean {
  if (value === undefined || (value >= row.min && value <= row.max)) return true;
  env.report.error("L2004", span, `${value} is outside the range of \`${name}\`, which is ${row.min}..${row.max}`, {
    text: "out of range",
    related: env.calls,
  });
  return false;
}

function rangeText(row: Scalar): string {
  return Number.isFinite(row.min) && Number.isFinite(row.max) ? ` from ${row.min} to ${row.max}` : "";
}
