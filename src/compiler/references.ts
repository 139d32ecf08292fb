// Which declaration each name of a program means, for editors: hover, definition, rename.
// In: the scopes of a program (check/scope.ts) and its models' tables. Out: References in source order, file by file. Nothing is
// reported and nothing evaluated, so names are resolved in whatever could be read; names that mean nothing are left out.
import type * as ast from "../parser/ast.js";
import type { AnyNode } from "../parser/walk.js";
import type { Span } from "../source/span.js";
import type { Attribute, ModelInfo } from "./attribute.js";
import type { Declared, Scope } from "./check/scope.js";

/** What a name means. `at` is the name where it is declared; a model's own attributes and their values have no place in a script. */
export interface Declaration {
  readonly kind: Declared["kind"] | "parameter" | "axis" | "value";
  readonly name: string;
  readonly at?: Span;
  /** The model that has it, of an attribute that no script declares. */
  readonly model?: string;
  /** The attribute that a value is of. */
  readonly of?: string;
}

/** A name where it is used; the place of its declaration is not among them. */
export interface Reference {
  readonly span: Span;
  readonly declaration: Declaration;
}

/** A category value of an attribute: `word`, and where the attribute lists it. */
type Values = ReadonlyMap<string, Declaration>;
/** Options that take a word, which names nothing. */
const WORD_OPTIONS: ReadonlySet<string> = new Set(["solver", "control", "controller", "labels", "marks"]);

type Locals = ReadonlyMap<string, Declaration>;

/** The references of all files. `models` are the entry's, by alias. */
export function referencesOf(scopes: Iterable<Scope>, models: ReadonlyMap<string, ModelInfo>): readonly Reference[] {
  return [...scopes].flatMap((scope) => new Resolver(scope, models).run());
}

class Resolver {
  private readonly found: Reference[] = [];

  constructor(
    private readonly scope: Scope,
    private readonly models: ReadonlyMap<string, ModelInfo>,
  ) {}

  run(): readonly Reference[] {
    for (const item of this.scope.file.module.items) {
      if (item.kind === "ImportDecl") for (const n of item.names ?? []) this.named(n, new Map());
      else if (item.kind === "ExpectStmt" || item.kind === "SaveStmt") {
        for (const n of item.kind === "SaveStmt" ? item.targets : [item.target]) this.named(n, new Map());
        this.below(item, new Map());
      } else this.below(item, localsOf(item));
      if ("model" in item) this.named(item.model, new Map());
      if ("source" in item) this.named(item.source, new Map());
    }
    return this.found.sort((a, b) => a.span.start - b.span.start);
  }

  private below(node: AnyNode, locals: Locals): void {
    for (const child of Object.values(node).flat()) if (isNode(child)) this.visit(child, locals);
  }

  private visit(node: AnyNode, locals: Locals): void {
    if ("key" in node && WORD_OPTIONS.has((node as ast.Option).key.text)) return;
    const e = node as ast.Expr;
    switch (e.kind) {
      case "NameExpr":
        this.named({ text: e.name, span: e.span }, locals);
        return;
      case "CallExpr":
        this.named(e.callee, locals);
        e.args.forEach((a) => this.visit(a, locals));
        return;
      case "IsExpr":
        this.visit(e.subject, locals);
        this.compared([e.value, ...(e.tolerance === undefined ? [] : [e.tolerance])], e.subject, locals);
        return;
      case "InExpr":
        this.visit(e.subject, locals);
        if (e.values.kind === "SetExpr") this.compared(e.values.values, e.subject, locals);
        else this.below(e.values, locals);
        return;
      default:
        this.below(node, locals);
    }
  }

  /** What an attribute is compared with: its values where it is a category, else numbers. */
  private compared(all: readonly ast.Expr[], subject: ast.Expr, locals: Locals): void {
    const values = subject.kind === "NameExpr" && !locals.has(subject.name) ? this.valuesOf(subject.name) : undefined;
    for (const e of all) {
      const value = e.kind === "NameExpr" ? values?.get(e.name) : undefined;
      if (value !== undefined) this.found.push({ span: e.span, declaration: value });
      else if (values === undefined) this.visit(e, locals);
    }
  }

  private valuesOf(name: string): Values | undefined {
    const d = this.scope.names.get(name);
    if (d?.kind === "attribute" && d.decl.type.kind === "CategoryType")
      return new Map(d.decl.type.values.map((v) => [v.text, { kind: "value", name: v.text, at: v.span, of: name }]));
    if (d !== undefined && (d.kind !== "attribute" || d.decl.type.kind !== "BinaryType")) return undefined;
    const row = this.ofModel(name)?.row;
    if (row === undefined || row.type === "scalar") return undefined;
    return new Map(row.classes.map((c) => [c, { kind: "value", name: c, of: name }]));
  }

  private ofModel(name: string): { readonly alias: string; readonly row: Attribute } | undefined {
    for (const [alias, { attributes }] of this.models) {
      const row = attributes.find((a) => a.name === name);
      if (row !== undefined) return { alias, row };
    }
    return undefined;
  }

  private named({ text, span }: ast.Name, locals: Locals): void {
    if (text === "" || span.file === "") return;
    const local = locals.get(text);
    const d = this.scope.names.get(text);
    const own = this.ofModel(text);
    if (local !== undefined) this.found.push({ span, declaration: local });
    else if (d !== undefined) this.found.push({ span, declaration: declarationOf(d) });
    else if (own !== undefined)
      this.found.push({ span, declaration: { kind: "attribute", name: text, model: own.alias } });
  }
}

/** A scope's name as a Declaration. */
export function declarationOf(d: Declared): Declaration {
  return { kind: d.kind, name: d.decl.name.text, at: d.decl.name.span };
}

function localsOf(item: ast.Item): Locals {
  const of = (kind: "parameter" | "axis", names: readonly ast.Name[]): Locals =>
    new Map(names.map((n) => [n.text, { kind, name: n.text, at: n.span }]));
  if (item.kind === "EnergyDecl")
    return of(
      "parameter",
      item.params.map((p) => p.name),
    );
  return item.kind === "SweepDecl"
    ? of(
        "axis",
        item.axes.map((a) => a.name),
      )
    : new Map();
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "span" in value;
}
