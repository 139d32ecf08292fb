// Expressions: one grammar for numbers and energies, told apart by type, and evaluated in the same walk.
// In: an AST expression and where it stands (Env). Out: a Value; mistakes go to the report.
// Numbers may be unknown (a parameter, while a declaration is checked on its own): types are then checked, values are not.
// A mistake is reported where it is and gives the value `error`, which every other check accepts in silence.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import type { Attribute } from "../attribute.js";
import { type Env, type Local, markUsed } from "./context.js";
import type { Formula } from "./formula.js";
import type { TableRow } from "./model-table.js";
import { evaluateComparison, evaluateIn, evaluateIs } from "./predicate.js";
import { type DeclaredOf, kindOf } from "./scope.js";
import { nearest } from "./suggest.js";

export type Value =
  | { readonly kind: "number"; readonly value: number | undefined }
  /** No formula: it cannot be known yet, or a mistake inside it was reported. */
  | { readonly kind: "energy"; readonly formula: Formula | undefined }
  | { readonly kind: "attribute"; readonly name: string; readonly of: TableRow }
  | { readonly kind: "error" };

const ERROR: Value = { kind: "error" };
const UNKNOWN: Value = { kind: "number", value: undefined };

export function evaluate(e: ast.Expr, env: Env): Value {
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
    case "ParenExpr":
      return evaluate(e.inner, env);
    case "ErrorExpr":
      return ERROR;
  }
}

/** The number that an expression must be; undefined if it is unknown or a mistake was reported (L2003, L2014 and those inside it). */
export function evaluateNumber(e: ast.Expr, env: Env): number | undefined {
  const value = evaluate(e, env);
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
    case "error":
      return undefined;
  }
}

/** The energy that an expression must be; a bare binary attribute is one. Undefined as for numbers. */
export function evaluateEnergy(e: ast.Expr, env: Env): Formula | undefined {
  const value = evaluate(e, env);
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
    case "error":
      return undefined;
  }
}

/** "a category" and the like, for messages. */
export function typeOf(row: Attribute): string {
  return row.type === "binary" ? "a binary attribute" : `a ${row.type}`;
}

/** "an energy" and the like, for messages. */
export function describe(v: Value): string {
  switch (v.kind) {
    case "number":
      return "a number";
    case "energy":
      return "an energy";
    case "attribute":
      return typeOf(v.of.row);
    case "error":
      return "a mistake";
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

function evaluateName(e: Extract<ast.Expr, { kind: "NameExpr" }>, env: Env): Value {
  const local = env.locals.get(e.name);
  if (local !== undefined) {
    local.used = true;
    return { kind: "number", value: local.value };
  }
  const declared = env.scope.names.get(e.name);
  if (declared === undefined) {
    const own = env.model.own(e.name);
    if (own !== undefined) return { kind: "attribute", name: e.name, of: own };
    reportUnknown(e.name, e.span, env);
    return ERROR;
  }
  markUsed(declared, env.scope, env.cx);
  if (env.scope.ambiguous.has(e.name)) return ERROR;
  switch (declared.kind) {
    case "let":
    case "input": {
      const value = declaredNumber(declared, env);
      return value === undefined ? ERROR : { kind: "number", value };
    }
    case "attribute":
      return { kind: "attribute", name: e.name, of: attributeRow(declared, env) };
    case "energy":
      if (declared.decl.params.length === 0) return evaluateBody(declared, [], e.span, env);
      env.report.error(
        "L2006",
        e.span,
        `\`${e.name}\` takes ${plural(declared.decl.params.length, "argument")}, and none is given`,
        {
          text: "no arguments",
          hints: [`it is declared as \`${e.name}(${declared.decl.params.map((p) => p.name.text).join(", ")})\``],
          related: [{ span: declared.decl.name.span, text: "declared here" }],
        },
      );
      return ERROR;
    case "model":
    case "task":
      env.report.error("L2003", e.span, `\`${e.name}\` is ${kindOf(declared)}, not a number or an energy`, {
        text: kindOf(declared),
        related: [{ span: declared.decl.name.span, text: "declared here" }],
      });
      return ERROR;
  }
}

/** Reports L2001 with the nearest name, where that is declared, and the attribute that the word may be a value of. */
export function reportUnknown(name: string, span: Span, env: Env): void {
  const usable = [...env.scope.names].filter(([, d]) => d.kind !== "model" && d.kind !== "task").map(([n]) => n);
  const guess = nearest(name, [...env.locals.keys(), ...usable, ...env.model.names]);
  const holder = env.model.rows.find((r) => r.type === "category" && r.classes.includes(name));
  const hints: string[] = [];
  if (holder !== undefined)
    hints.push(`\`${name}\` is a value of \`${holder.name}\`: write \`${holder.name} is ${name}\``);
  else if (guess !== undefined) hints.push(`did you mean \`${guess}\`?`);
  const declared = guess === undefined || holder !== undefined ? undefined : env.scope.names.get(guess);
  if (
    guess !== undefined &&
    declared === undefined &&
    hints.length > 0 &&
    env.model.own(guess) !== undefined &&
    !holder
  )
    hints[0] = `did you mean \`${guess}\`? it is an attribute of the model \`${env.model.alias ?? ""}\``;
  env.report.error("L2001", span, `unknown name \`${name}\``, {
    text: "nothing has this name",
    hints,
    related:
      declared === undefined ? [] : [{ span: declared.decl.name.span, text: `\`${guess ?? ""}\` is declared here` }],
    ...(guess === undefined || holder !== undefined ? {} : { fix: { span, replacement: guess } }),
  });
}

/** The row that a declared attribute means for the model of `env`. */
export function attributeRow(declared: DeclaredOf<"attribute">, env: Env): TableRow {
  return env.model.declared(declared, env.report, (e, report) => evaluateNumber(e, fileEnv(declared, env, report)));
}

/** The value of a `let` or an `input`, evaluated once. Undefined: a mistake, reported. */
export function declaredNumber(d: DeclaredOf<"let" | "input">, env: Env): number | undefined {
  const { cx } = env;
  if (cx.numbers.has(d)) return cx.numbers.get(d);
  if (reportCircle(d, env)) return undefined;
  cx.open.push(d);
  let value = numberOf(d, fileEnv(d, env, env.report));
  cx.open.pop();
  const visible = cx.scopes.get(cx.program.entry)?.names.get(d.decl.name.text) === d;
  if (d.kind === "input" && visible) value = cx.overrides.inputs?.get(d.decl.name.text) ?? value;
  cx.numbers.set(d, value);
  return value;
}

function numberOf(d: DeclaredOf<"let" | "input">, env: Env): number | undefined {
  const value = evaluate(d.decl.value, env);
  if (value.kind === "number") return value.value;
  if (value.kind === "error") return undefined;
  const { text } = d.decl.name;
  env.report.error("L2003", d.decl.value.span, `\`${text}\` is to be a number, and this is ${describe(value)}`, {
    text: describe(value),
    hints: [`an energy is named with \`energy\`: \`energy ${text} = ...\``],
  });
  return undefined;
}

/** A declaration's own file, without locals. */
function fileEnv(d: DeclaredOf<"let" | "input" | "attribute" | "energy">, env: Env, report: Env["report"]): Env {
  const scope = env.cx.scopes.get(d.file) ?? env.scope;
  return { ...env, report, scope, locals: new Map() };
}

function reportCircle(d: DeclaredOf<"let" | "input" | "energy">, env: Env): boolean {
  const start = env.cx.open.indexOf(d);
  if (start < 0) return false;
  const chain = [...env.cx.open.slice(start), d].map((o) => o.decl.name.text).join(" -> ");
  env.report.error("L2007", d.decl.name.span, `\`${d.decl.name.text}\` is defined in terms of itself`, {
    text: chain,
    hints: ["a definition can only use names that do not lead back to it"],
  });
  return true;
}

function evaluateCall(e: Extract<ast.Expr, { kind: "CallExpr" }>, env: Env): Value {
  const args = e.args.map((a) => evaluateNumber(a, env));
  const name = e.callee.text;
  if (env.scope.ambiguous.has(name)) return ERROR;
  const declared = env.scope.names.get(name);
  if (declared === undefined && !env.locals.has(name) && env.model.own(name) === undefined) {
    reportUnknown(name, e.callee.span, env);
    return ERROR;
  }
  if (declared === undefined || declared.kind !== "energy" || env.locals.has(name)) {
    const what = env.locals.has(name) || declared === undefined ? undefined : kindOf(declared);
    env.report.error(
      "L2003",
      e.callee.span,
      `\`${name}\` is ${what ?? "not an energy"}: only energies take arguments`,
      {
        text: "not an energy with parameters",
      },
    );
    return ERROR;
  }
  markUsed(declared, env.scope, env.cx);
  const wanted = declared.decl.params.length;
  if (args.length !== wanted) {
    env.report.error("L2006", e.span, `\`${name}\` takes ${plural(wanted, "argument")}, not ${args.length}`, {
      text: plural(args.length, "argument"),
      related: [{ span: declared.decl.name.span, text: "declared here" }],
    });
    return ERROR;
  }
  return evaluateBody(declared, args, e.span, env);
}

/** An energy with its parameters filled in. The arguments are as many as the parameters. */
export function evaluateBody(
  d: DeclaredOf<"energy">,
  args: readonly (number | undefined)[],
  call: Span | undefined,
  env: Env,
): Value {
  if (reportCircle(d, env)) return ERROR;
  const locals = new Map<string, Local>();
  d.decl.params.forEach((p, i) => locals.set(p.name.text, { value: args[i], used: false }));
  const values = args.map((a) => String(a)).join(", ");
  const calls =
    call === undefined || args.length === 0
      ? env.calls
      : [{ span: call, text: `called here with ${values}` }, ...env.calls];
  env.cx.evaluated.add(d);
  env.cx.open.push(d);
  const formula = evaluateEnergy(d.decl.value, { ...fileEnv(d, env, env.report), locals, calls });
  env.cx.open.pop();
  for (const p of d.decl.params) {
    if (locals.get(p.name.text)?.used === true || p.name.text.startsWith("_") || d.file !== env.cx.program.entry)
      continue;
    env.report.warning("L2024", p.name.span, `the parameter \`${p.name.text}\` is never used`, {
      text: "unused",
      hints: ["remove it, or start its name with `_`"],
    });
  }
  return { kind: "energy", formula };
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
  switch (f.kind) {
    case "class":
      return true;
    case "always":
    case "near":
    case "above":
    case "below":
      return false;
    case "not":
    case "weight":
      return hasClass(f.part);
    case "count":
      return f.parts.some(hasClass);
    default:
      return hasClass(f.left) || hasClass(f.right);
  }
}

export function plural(n: number, word: string): string {
  return `${n === 0 ? "no" : n} ${word}${n === 1 ? "" : "s"}`;
}
