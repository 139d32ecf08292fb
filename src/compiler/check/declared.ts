// Declared names in expressions: what a name or a call stands for, evaluated where it was declared.
// In: NameExpr, CallExpr and where they stand. Out: Values; L2001 unknown names, L2006 wrong arguments, L2007 circles, L2027.
// Numbers are evaluated once; an energy is evaluated at each use, with its arguments and the model of the task that uses it.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import { type Env, type Local, markUsed, MAX_EXPANSIONS, mentions } from "./context.js";
import type { TableRow } from "./model-table.js";
import { type DeclaredOf, kindOf } from "./scope.js";
import { nearest } from "./suggest.js";
import { describe, ERROR, type Value } from "./value.js";

export function evaluateName(e: Extract<ast.Expr, { kind: "NameExpr" }>, env: Env): Value {
  const local = env.locals.get(e.name);
  if (local !== undefined) {
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
function reportUnknown(name: string, span: Span, env: Env): void {
  if (env.scope.ambiguous.has(name) || env.scope.open || env.model.unread) return;
  const usable = [...env.scope.names].filter(([, d]) => d.kind !== "model" && d.kind !== "task").map(([n]) => n);
  const guess =
    env.cx.guesses.left-- > 0 ? nearest(name, [...env.locals.keys(), ...usable, ...env.model.names]) : undefined;
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
  return env.model.declared(declared, env.report, (e, report) =>
    env.evaluator.evaluateNumber(e, fileEnv(declared, env, report)),
  );
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
  const args = e.args.map((a) => env.evaluator.evaluateNumber(a, env));
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
  if (reportCircle(d, env) || reportTooLarge(d, call, env)) return ERROR;
  const locals = new Map<string, Local>();
  d.decl.params.forEach((p, i) => locals.set(p.name.text, { value: args[i] }));
  const values = args.map((a) => String(a)).join(", ");
  const calls =
    call === undefined || args.length === 0
      ? env.calls
      : [{ span: call, text: `called here with ${values}` }, ...env.calls];
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

function plural(n: number, word: string): string {
  return `${n === 0 ? "no" : n} ${word}${n === 1 ? "" : "s"}`;
}
