// Expressions: one grammar for numbers and energies, told apart by type, and evaluated in the same walk.
// In: an AST expression and where it stands (Env). Out: a Value; mistakes go to the report.
// Numbers may be unknown (a parameter, while a declaration is checked on its own): types are then checked, values are not.
// A mistake is reported where it is and gives the value `error`, which every other check accepts in silence.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import { type Env, type Evaluator, MAX_NESTING } from "./context.js";
import { evaluateCall, evaluateName } from "./declared.js";
import { countCost, MAX_COUNT_COST } from "../energy/counts.js";
import { type Formula, formulaParts } from "../energy/formula.js";
import { evaluateLike, evaluatePrompt } from "./pictures.js";
import { evaluateComparison, evaluateIn, evaluateIs, reportBareValues } from "./predicate.js";
import { describe, ERROR, typeOf, type Value } from "./value.js";

const UNKNOWN: Value = { kind: "number", value: undefined };

/** The evaluator that environments carry: what is below calls it through them. */
export const evaluator: Evaluator = { evaluate, evaluateNumber, evaluateEnergy };

/** What an expression stands for; mistakes are reported. */
export function evaluate(e: ast.Expr, env: Env): Value {
  const { nesting } = env.cx;
  if (nesting.level >= MAX_NESTING) return tooDeep(e, env);
  nesting.level++;
  const value = evaluateNode(e, env);
  nesting.level--;
  return value;
}

/** Names that stand for names that stand for names: stops before the stack ends, here or where the formula is walked. */
function tooDeep(e: ast.Expr, env: Env): Value {
  const { nesting } = env.cx;
  // Only the first is reported: what is around it is as deep.
  if (!nesting.reported)
    env.report.error("L2030", e.span, "the definitions that lead here are nested too deeply", {
      text: `more than ${MAX_NESTING} levels of expressions within expressions`,
      hints: ["define names in terms of fewer others: a chain of `and` or `or` is one level, however long it is"],
    });
  nesting.reported = true;
  return ERROR;
}

function evaluateNode(e: ast.Expr, env: Env): Value {
  switch (e.kind) {
    case "NumberExpr":
      return finite(e.value, e.span, env, `\`${e.text}\` is too large for a number`);
    case "NameExpr":
      return evaluateName(e, env);
    case "CallExpr":
      return evaluateCall(e, env);
    case "UnaryExpr":
      return evaluateUnary(e, env);
    case "BinaryExpr":
      return evaluateBinary(e, env);
    case "NaryExpr":
      return evaluateNary(e, env);
    case "IsExpr":
      return evaluateIs(e, env);
    case "CompareExpr":
      return evaluateComparison(e, env);
    case "InExpr":
      return evaluateIn(e, env);
    case "CountExpr":
      return evaluateCount(e, env);
    case "TemperatureExpr":
      return evaluateTemperature(e, env);
    case "IfExpr":
      return evaluateIf(e, env);
    case "LikeExpr":
      return evaluateLike(e, env);
    case "PromptExpr":
      return evaluatePrompt(e, env);
    case "ParenExpr":
      return evaluate(e.inner, env);
    case "ErrorExpr":
      // What the energy was meant to be is unknown; wrong names in its parts are wrong all the same.
      for (const part of e.parts ?? []) evaluate(part, env);
      return ERROR;
  }
}

/** The number that an expression must be; undefined if it is unknown or a mistake was reported (L2003, L2014 and those inside it). */
export function evaluateNumber(e: ast.Expr, env: Env): number | undefined {
  const value = evaluate(e, env.model.unread ? { ...env, inNumber: true } : env);
  switch (value.kind) {
    case "number":
      return value.value;
    case "energy":
      env.report.error("L2003", e.span, "a number is needed here, and this is an energy", { text: "an energy" });
      return undefined;
    case "attribute":
      env.report.error("L2003", e.span, `a number is needed here, and \`${value.name}\` is an attribute`, {
        text: describe(value),
        hints: ["attributes are compared, not computed with: `tilt > 0.5`"],
      });
      return undefined;
    case "text":
    case "word":
      env.report.error("L2003", e.span, `a number is needed here, and this is ${describe(value)}`, {
        text: describe(value),
      });
      return undefined;
    case "error":
      return undefined;
  }
}

/** The energy that an expression must be; a bare binary attribute is one. Undefined as for numbers. */
export function evaluateEnergy(e: ast.Expr, env: Env): Formula | undefined {
  const value = evaluate(e, env.inNumber === true ? { ...env, inNumber: false } : env);
  switch (value.kind) {
    case "energy":
      return value.formula;
    case "number":
      env.report.error("L2003", e.span, "an energy is needed here, and this is a number", {
        text: "a number",
        hints: ["a number weights an energy (`2 * smile`) or is compared with an attribute (`light > 0.6`)"],
      });
      return undefined;
    case "attribute":
      return attributeAsEnergy(value, e.span, env);
    case "text":
    case "word":
      env.report.error("L2003", e.span, `an energy is needed here, and this is ${describe(value)}`, {
        text: describe(value),
        hints:
          value.kind === "text"
            ? ["texts stand in the paths of saves"]
            : [`a value is compared: \`${value.of} is ...\``],
      });
      return undefined;
    case "error":
      return undefined;
  }
}

function attributeAsEnergy(v: Extract<Value, { kind: "attribute" }>, span: Span, env: Env): Formula | undefined {
  const { row, index } = v.of;
  if (row.type === "binary") {
    if (index === undefined) return undefined;
    const temperature = row.temperature * env.temperature;
    return { kind: "class", attribute: index, classes: 2, values: [1], temperature, span };
  }
  const example =
    row.type === "scalar" ? `${v.name} > ${middle(row.min, row.max)}` : `${v.name} is ${row.classes[0] ?? "VALUE"}`;
  env.report.error("L2003", span, `\`${v.name}\` alone says nothing: it is ${typeOf(row)}, not a yes or no`, {
    text: describe(v),
    hints: [`write, for example, \`${example}\``],
  });
  return undefined;
}

function middle(min: number, max: number): number {
  return Number.isFinite(min) && Number.isFinite(max) ? (min + max) / 2 : 0;
}

function finite(value: number | undefined, span: Span, env: Env, message: string): Value {
  if (value === undefined || Number.isFinite(value)) return { kind: "number", value };
  env.report.error("L2014", span, message, { text: "not a finite number", related: env.calls });
  return ERROR;
}

function evaluateUnary(e: Extract<ast.Expr, { kind: "UnaryExpr" }>, env: Env): Value {
  if (e.op === "not") {
    const part = evaluateEnergy(e.operand, env);
    return { kind: "energy", formula: part && { kind: "not", part, span: e.span } };
  }
  const value = evaluate(e.operand, env);
  if (value.kind === "number") return { kind: "number", value: value.value === undefined ? undefined : -value.value };
  if (value.kind === "error") return ERROR;
  env.report.error("L2003", e.span, `only numbers have a minus, and this is ${describe(value)}`, {
    text: describe(value),
    hints: ["the opposite of an energy is `not`"],
  });
  return ERROR;
}

function evaluateBinary(e: Extract<ast.Expr, { kind: "BinaryExpr" }>, env: Env): Value {
  const { op, span } = e;
  if (op === "+" || op === "-" || op === "*" || op === "/") return evaluateArithmetic({ ...e, op }, env);
  const left = evaluateEnergy(e.left, env);
  const right = evaluateEnergy(e.right, env);
  return { kind: "energy", formula: left && right && { kind: op, left, right, span } };
}

function evaluateNary({ op, operands, span }: Extract<ast.Expr, { kind: "NaryExpr" }>, env: Env): Value {
  if (reportBareValues(op, operands, span, env)) return { kind: "energy", formula: undefined };
  const parts = operands.map((o) => evaluateEnergy(o, env));
  const known = parts.filter((p) => p !== undefined);
  if (known.length < parts.length) return { kind: "energy", formula: undefined };
  return { kind: "energy", formula: { kind: op, parts: known, written: operands.map((o) => o.span), span } };
}

type Arithmetic = Extract<ast.Expr, { kind: "BinaryExpr" }> & { readonly op: "+" | "-" | "*" | "/" };

function evaluateArithmetic(e: Arithmetic, env: Env): Value {
  const left = evaluate(e.left, env);
  const right = evaluate(e.right, env);
  if (left.kind === "error" || right.kind === "error") return ERROR;
  if (left.kind === "number" && right.kind === "number") return compute(e, left.value, right.value, env);
  if (e.op === "*" && left.kind === "number") return weighted(e, left.value, e.left.span, right, e.right, env);
  if (e.op === "*" && right.kind === "number") return weighted(e, right.value, e.right.span, left, e.left, env);
  const wrong = left.kind === "number" ? right : left;
  const hint =
    wrong.kind === "attribute" && wrong.of.row.type === "scalar"
      ? "attributes are compared, not computed with: `tilt > 0.5`"
      : e.op === "+"
        ? "energies are joined with `and`"
        : e.op === "/"
          ? "an energy is weighted with `*`: `0.5 * smile`"
          : "energies are joined with `and`, `or`, `not`";
  const what = describe(wrong);
  env.report.error("L2003", e.span, `\`${e.op}\` is for numbers, and this is ${what}`, { text: what, hints: [hint] });
  return ERROR;
}

function compute(e: Arithmetic, a: number | undefined, b: number | undefined, env: Env): Value {
  if (e.op === "/" && b === 0) return finite(Infinity, e.span, env, "division by zero");
  if (a === undefined || b === undefined) return UNKNOWN;
  const value = e.op === "+" ? a + b : e.op === "-" ? a - b : e.op === "*" ? a * b : a / b;
  return finite(value, e.span, env, "the result is too large for a number");
}

function weighted(e: Arithmetic, factor: number | undefined, at: Span, value: Value, of: ast.Expr, env: Env): Value {
  const part =
    value.kind === "attribute"
      ? attributeAsEnergy(value, of.span, env)
      : value.kind === "energy"
        ? value.formula
        : undefined;
  if (factor !== undefined && factor < 0) {
    env.report.error("L2004", at, `a weight must not be negative, and this is ${factor}`, {
      text: "negative",
      hints: ["to ask for the opposite, write `not`"],
      related: env.calls,
    });
    return { kind: "energy", formula: undefined };
  }
  if (part === undefined || factor === undefined) return { kind: "energy", formula: undefined };
  return { kind: "energy", formula: { kind: "weight", factor, part, span: e.span } };
}

/** A condition on numbers chooses a branch; one on attributes is (a and b) or (not a and c). */
function evaluateIf(e: Extract<ast.Expr, { kind: "IfExpr" }>, env: Env): Value {
  const truth = compareNumbers(e.condition, env);
  if (truth === undefined) {
    const condition = evaluateEnergy(e.condition, env);
    const [yes, no] = [evaluateEnergy(e.yes, env), evaluateEnergy(e.no, env)];
    if (condition === undefined || yes === undefined || no === undefined) return { kind: "energy", formula: undefined };
    const otherwise: Formula = { kind: "not", part: condition, span: e.condition.span };
    const written = [e.yes.span, e.no.span];
    const branch = (parts: readonly Formula[], span: Span): Formula => ({
      kind: "and",
      parts,
      written: [e.condition.span, span],
      span,
    });
    const parts = [branch([condition, yes], e.yes.span), branch([otherwise, no], e.no.span)];
    return { kind: "energy", formula: { kind: "or", parts, written, span: e.span } };
  }
  const [yes, no] = [evaluate(e.yes, env), evaluate(e.no, env)];
  if (yes.kind === "error" || no.kind === "error") return ERROR;
  if (yes.kind === "number" && no.kind === "number") {
    return truth.holds === undefined ? UNKNOWN : truth.holds ? yes : no;
  }
  const [a, b] = [evaluateEnergy(e.yes, env), evaluateEnergy(e.no, env)];
  return { kind: "energy", formula: truth.holds === undefined ? undefined : truth.holds ? a : b };
}

/** Whether a comparison of numbers holds; undefined if it is none. */
function compareNumbers(e: ast.Expr, env: Env): { readonly holds: boolean | undefined } | undefined {
  if (e.kind === "ParenExpr") return compareNumbers(e.inner, env);
  if (e.kind !== "CompareExpr") return undefined;
  const sides = [e.left, e.right, ...(e.then === undefined ? [] : [e.then.right])].map((side) => evaluate(side, env));
  const numbers = sides.flatMap((side) => (side.kind === "number" ? [side.value] : []));
  if (numbers.length < sides.length) return undefined;
  const marks = [e.op, ...(e.then === undefined ? [] : [e.then.op])];
  const verdicts = marks.map((op, i) => {
    const [a, b] = [numbers[i], numbers[i + 1]];
    if (a === undefined || b === undefined) return undefined;
    return op === "<" ? a < b : op === ">" ? a > b : op === "<=" ? a <= b : a >= b;
  });
  return { holds: verdicts.includes(undefined) ? undefined : verdicts.every((v) => v === true) };
}

function evaluateCount(e: Extract<ast.Expr, { kind: "CountExpr" }>, env: Env): Value {
  const count = evaluateNumber(e.count, env);
  const parts = e.parts.map((p) => evaluateEnergy(p, env));
  const n = parts.length;
  if (count !== undefined && !(Number.isInteger(count) && count >= 0 && count <= n)) {
    env.report.error(
      "L2004",
      e.count.span,
      `${e.quantifier} ${count} of ${n}: the count must be a whole number from 0 to ${n}`,
      {
        text: "out of range",
        related: env.calls,
      },
    );
    return { kind: "energy", formula: undefined };
  }
  const known = parts.filter((p) => p !== undefined);
  if (count === undefined || known.length < n || n === 0) return { kind: "energy", formula: undefined };
  const min = e.quantifier === "atmost" ? 0 : count;
  const max = e.quantifier === "atleast" ? n : count;
  if (countCost(n, { min, max }) > MAX_COUNT_COST) {
    const most = Math.floor(MAX_COUNT_COST / n);
    env.report.error("L2004", e.count.span, `${e.quantifier} ${count} of ${n} takes too much to count`, {
      text: "too many",
      hints: [`of ${n} conditions a few can be counted, up to ${most} of them, or all but ${most}`],
      related: env.calls,
    });
    return { kind: "energy", formula: undefined };
  }
  return { kind: "energy", formula: { kind: "count", word: e.quantifier, min, max, parts: known, span: e.span } };
}

function evaluateTemperature(e: Extract<ast.Expr, { kind: "TemperatureExpr" }>, env: Env): Value {
  const factor = evaluateNumber(e.temperature, env);
  const bad = factor !== undefined && factor <= 0;
  if (bad) {
    env.report.error("L2004", e.temperature.span, `a temperature must be above 0, and this is ${factor}`, {
      text: "out of range",
      related: env.calls,
    });
  }
  const temperature = env.temperature * (factor === undefined || bad ? 1 : factor);
  const formula = evaluateEnergy(e.operand, { ...env, temperature });
  if (formula !== undefined && !hasClass(formula)) {
    env.report.warning(
      "L2026",
      e.span,
      "this temperature changes nothing: it acts on binary and category attributes only",
      {
        text: "no such attribute inside",
        hints: ["a scalar is loosened by its tolerance: `tilt is 0.5 +- 0.2`"],
      },
    );
  }
  return { kind: "energy", formula: factor === undefined || bad ? undefined : formula };
}

function hasClass(f: Formula): boolean {
  return f.kind === "class" || formulaParts(f).some(hasClass);
}
