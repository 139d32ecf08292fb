// Declared names in expressions: what a name or a call stands for, evaluated where it was declared.
// In: NameExpr, CallExpr and where they stand. Out: Values; L2001 unknown names, L2006 wrong arguments, L2007 circles, L2027.
// Numbers are evaluated once; an energy is evaluated at each use, with its arguments and the model of the task that uses it.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import { energyLocal, type Env, type Local, markUsed, MAX_EXPANSIONS, mentions, quote } from "./context.js";
import type { TableRow } from "./model-table.js";
import { classIndex } from "./predicate.js";
import { type DeclaredOf, kindOf } from "./scope.js";
import { describe, ERROR, type Value } from "./value.js";

export function evaluateName(e: Extract<ast.Expr, { kind: "NameExpr" }>, env: Env): Value {
  const local = env.locals.get(e.name);
  if (local !== undefined)
    return local.kind === "energy" ? { kind: "energy", formula: local.at(env.temperature) } : local;
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
      const value = declaredValue(declared, env);
      if (value === undefined) return ERROR;
      return typeof value === "string" ? { kind: "text", text: value } : { kind: "number", value };
    }
    case "attribute":
      return { kind: "attribute", name: e.name, of: attributeRow(declared, env) };
    case "energy":
      if (declared.decl.params.every((p) => p.value !== undefined)) return callEnergy(declared, [], e.span, env);
      env.report.error("L2006", e.span, `\`${e.name}\` takes ${howMany(declared.decl.params)}, and none is given`, {
        text: "no arguments",
        hints: [`it is declared as \`${e.name}(${declared.decl.params.map((p) => p.name.text).join(", ")})\``],
        related: [{ span: declared.decl.name.span, text: "declared here" }],
      });
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

/** What an expression may name. */
function* namesIn({ locals, scope, model }: Env): Iterable<string> {
  yield* locals.keys();
  yield* scope.usable;
  yield* model.names;
}

/** Reports L2001 with the nearest name, where that is declared, and the attribute that the word may be a value of. */
function reportUnknown(name: string, span: Span, env: Env): void {
  if (env.scope.ambiguous.has(name) || env.scope.open || (env.model.unread && env.inNumber !== true)) return;
  const guess = env.cx.guesses.nearest(name, () => namesIn(env));
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
    ...(guess !== undefined && holder === undefined && { fix: { span, replacement: guess } }),
  });
}

/** The row that a declared attribute means for the model of `env`. */
export function attributeRow(declared: DeclaredOf<"attribute">, env: Env): TableRow {
  return env.model.declared(declared, env.report, (e, report) =>
    env.evaluator.evaluateNumber(e, fileEnv(declared, env, report)),
  );
}

/** The value of a `let` or an `input`, evaluated once. Undefined: a mistake, reported. */
export function declaredValue(d: DeclaredOf<"let" | "input">, env: Env): number | string | undefined {
  const { cx } = env;
  if (cx.values.has(d)) return cx.values.get(d);
  if (reportCircle(d, env)) return undefined;
  cx.open.push(d);
  let value = isText(d) ? textOf(d, env) : numberOf(d, fileEnv(d, env, env.report));
  cx.open.pop();
  const visible = cx.scopes.get(cx.program.entry)?.names.get(d.decl.name.text) === d;
  const set = d.kind === "input" && visible ? cx.overrides.inputs?.get(d.decl.name.text) : undefined;
  if (set !== undefined) value = isText(d) ? String(set) : Number(set);
  cx.values.set(d, value);
  return value;
}

/** Whether a declaration is `input NAME: text`. */
export function isText(d: DeclaredOf<"let" | "input">): boolean {
  return d.kind === "input" && d.decl.type.text === "text";
}

function textOf({ decl }: DeclaredOf<"let" | "input">, env: Env): string | undefined {
  const { kind, span } = decl.value;
  if (decl.value.kind === "TextExpr") return decl.value.value;
  if (kind !== "ErrorExpr")
    env.report.error("L2003", span, `\`${decl.name.text}\` is to be a text, and this is none`, {
      text: "not in quotes",
      hints: ["a text stands in quotes"],
    });
  return undefined;
}

function numberOf(d: DeclaredOf<"let" | "input">, env: Env): number | undefined {
  if (d.decl.value.kind === "TextExpr") {
    const { span } = d.decl.value;
    env.report.error("L2003", span, `\`${d.decl.name.text}\` is to be a number, and this is a text`, {
      text: "a text",
      hints: [`an input for paths is a text: \`input ${d.decl.name.text}: text = ...\``],
    });
    return undefined;
  }
  const value = env.evaluator.evaluate(d.decl.value, env);
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

/** Energies that name energies twice, and so on, double with each level: stops before memory or patience runs out. */
function reportTooLarge(d: DeclaredOf<"energy">, call: Span | undefined, env: Env): boolean {
  const { expansions } = env.cx;
  if (expansions.left-- > 0) return false;
  // Only the first is reported: after it every call is refused.
  if (expansions.left === -1)
    env.report.error("L2027", call ?? d.decl.name.span, "the energies here expand to too many parts", {
      text: `more than ${MAX_EXPANSIONS} calls so far`,
      hints: ["energies that use an energy twice, at many levels, double in size with each level"],
    });
  return true;
}

export function evaluateCall(e: Extract<ast.Expr, { kind: "CallExpr" }>, env: Env): Value {
  const name = e.callee.text;
  // Of a call that is none the arguments are looked at for their own mistakes.
  const refused = (): Value => {
    for (const a of e.args) env.evaluator.evaluate(a, env);
    return ERROR;
  };
  if (env.scope.ambiguous.has(name)) return refused();
  const declared = env.scope.names.get(name);
  if (declared === undefined && !env.locals.has(name) && env.model.own(name) === undefined) {
    // No attribute can be called.
    reportUnknown(name, e.callee.span, { ...env, inNumber: true });
    return refused();
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
    return refused();
  }
  markUsed(declared, env.scope, env.cx);
  const { params } = declared.decl;
  const given = e.args.length;
  if (given > params.length || params.slice(given).some((p) => p.value === undefined)) {
    env.report.error("L2006", e.span, `\`${name}\` takes ${howMany(params)}, not ${given}`, {
      text: plural(given, "argument"),
      related: [{ span: declared.decl.name.span, text: "declared here" }],
    });
    const own = fileEnv(declared, env, env.report);
    params.forEach((p, i) => {
      const a = e.args[i];
      if (a !== undefined) argument(p, a, env, own);
    });
    return ERROR;
  }
  return callEnergy(declared, e.args, e.span, env);
}

/** An energy with the arguments of a call, and the defaults of the parameters after them. */
function callEnergy(d: DeclaredOf<"energy">, args: readonly ast.Expr[], call: Span, env: Env): Value {
  const { params } = d.decl;
  if (params.length === 0) return evaluateBody(d, new Map(), env, call);
  const own = fileEnv(d, env, env.report);
  const locals = new Map<string, Local>();
  const shown: string[] = [];
  for (const [i, p] of params.entries()) {
    const given = args[i];
    const e = given ?? p.value;
    if (e === undefined) continue;
    const local = argument(p, e, given === undefined ? own : env, own);
    locals.set(p.name.text, local);
    shown.push(showLocal(local, e, env));
  }
  const calls = [{ span: call, text: `called here with ${shown.join(", ")}` }, ...env.calls];
  return evaluateBody(d, locals, { ...env, calls }, call);
}

/** An argument of the type of its parameter. `env` is where it is written, `own` where the parameter is. */
function argument(p: ast.Param, e: ast.Expr, env: Env, own: Env): Local {
  switch (p.type.text) {
    case "number":
      return { kind: "number", value: env.evaluator.evaluateNumber(e, env) };
    case "energy":
      return energyLocal(e, env);
    default: {
      const row = categoryOf(p.type, own);
      if (row === undefined) return { kind: "error" };
      const at = classIndex(e, p.type.text, row, env);
      return { kind: "word", of: p.type.text, word: at === undefined ? undefined : row.classes[at] };
    }
  }
}

/** The attribute whose values a parameter takes. Reports L2001 (there is none) and L2003 (it has no values). */
function categoryOf(type: ast.Name, own: Env): Exclude<TableRow["row"], { type: "scalar" }> | undefined {
  const d = own.scope.names.get(type.text);
  if (d !== undefined) markUsed(d, own.scope, own.cx);
  const row =
    d?.kind === "attribute" ? attributeRow(d, own).row : d === undefined ? own.model.own(type.text)?.row : undefined;
  if (row !== undefined && row.type !== "scalar") return row;
  if (row === undefined && (own.model.unread || own.scope.open || own.scope.ambiguous.has(type.text))) return undefined;
  const hints = ["a parameter is a `number`, an `energy`, or a value of the category that its type names"];
  if (row === undefined && d === undefined)
    own.report.error("L2001", type.span, `unknown type \`${type.text}\``, {
      text: "no attribute has this name",
      hints,
    });
  else
    own.report.error("L2003", type.span, `\`${type.text}\` has no values that a parameter could take`, {
      text: "not a category",
      hints,
    });
  return undefined;
}

function showLocal(local: Local, e: ast.Expr, env: Env): string {
  if (local.kind === "number") return String(local.value);
  return local.kind === "word" && local.word !== undefined ? local.word : quote(e.span, env);
}

/** An energy on its own, its parameters unknown. */
export function evaluateAlone(d: DeclaredOf<"energy">, env: Env): Value {
  const own = fileEnv(d, env, env.report);
  const locals = new Map<string, Local>();
  for (const p of d.decl.params) {
    if (p.value !== undefined) argument(p, p.value, own, own);
    locals.set(p.name.text, unknownOf(p, own));
  }
  return evaluateBody(d, locals, env, undefined);
}

function unknownOf({ type }: ast.Param, own: Env): Local {
  if (type.text === "number") return { kind: "number", value: undefined };
  if (type.text === "energy") return { kind: "energy", at: () => undefined };
  return categoryOf(type, own) === undefined ? { kind: "error" } : { kind: "word", of: type.text, word: undefined };
}

/** An energy with its parameters filled in. */
function evaluateBody(
  d: DeclaredOf<"energy">,
  locals: ReadonlyMap<string, Local>,
  env: Env,
  call: Span | undefined,
): Value {
  if (reportCircle(d, env) || reportTooLarge(d, call, env)) return ERROR;
  const { calls } = env;
  env.cx.evaluated.add(d);
  env.cx.open.push(d);
  const formula = env.evaluator.evaluateEnergy(d.decl.value, { ...fileEnv(d, env, env.report), locals, calls });
  env.cx.open.pop();
  for (const p of d.decl.params) {
    if (mentions(d.decl.value, p.name.text) || p.name.text.startsWith("_") || d.file !== env.cx.program.entry) continue;
    env.report.warning("L2024", p.name.span, `the parameter \`${p.name.text}\` is never used`, {
      text: "unused",
      hints: ["remove it, or start its name with `_`"],
    });
  }
  return { kind: "energy", formula };
}

/** "1 argument", "1 to 2 arguments": those without a default must be given. */
function howMany(params: readonly ast.Param[]): string {
  const least = params.filter((p) => p.value === undefined).length;
  return least === params.length ? plural(least, "argument") : `${least} to ${plural(params.length, "argument")}`;
}

function plural(n: number, word: string): string {
  return `${n === 0 ? "no" : n} ${word}${n === 1 ? "" : "s"}`;
}
