// Scopes: which declaration a name means in each file.
// In: Program. Out: one Scope a file: its own declarations and what it imports, with mistakes reported.
// A file sees what it declares and imports, in any order; what an imported file itself imports stays there.
import type * as ast from "../../parser/ast.js";
import type { Span } from "../../source/span.js";
import type { LinkedFile, Program } from "../link.js";
import type { Report } from "./report.js";
import { nearest } from "./suggest.js";

export type Declared = { readonly file: LinkedFile } & (
  | { readonly kind: "model"; readonly decl: ast.ModelDecl }
  | { readonly kind: "input"; readonly decl: ast.InputDecl }
  | { readonly kind: "attribute"; readonly decl: ast.AttributeDecl }
  | { readonly kind: "let"; readonly decl: ast.LetDecl }
  | { readonly kind: "energy"; readonly decl: ast.EnergyDecl }
  | { readonly kind: "task"; readonly decl: ast.TaskDecl }
);
export type DeclaredOf<K extends Declared["kind"]> = Extract<Declared, { readonly kind: K }>;

export interface Scope {
  readonly file: LinkedFile;
  readonly names: ReadonlyMap<string, Declared>;
  /** Those of the names that an expression may use: neither models nor tasks. */
  readonly usable: readonly string[];
  /** Names declared more than once, or by what could not be read: what is meant is not known, so their uses are not judged. */
  readonly ambiguous: ReadonlySet<string>;
  /** Something of unknown names could not be read: an unknown name may be one of them. */
  readonly open: boolean;
  readonly own: readonly Declared[];
  /** Each name brought in, or each `import "file"` as a whole, with what it stands for: to find the unused ones. */
  readonly imported: readonly { readonly label: string; readonly span: Span; readonly declared: readonly Declared[] }[];
}

/** The word for a declaration's kind in messages, with its article. */
export function kindOf(d: Declared): string {
  switch (d.kind) {
    case "attribute":
    case "energy":
    case "input":
      return `an ${d.kind}`;
    case "let":
      return "a number";
    case "task":
      return d.decl.kind === "EditDecl" ? "an edit" : `a ${d.decl.kind.replace("Decl", "").toLowerCase()}`;
    case "model":
      return "a model";
  }
}

/** Scopes of all files. Reports L2002 (declared twice) and L2001 (an imported name that is not there). */
export function buildScopes(program: Program, report: Report): ReadonlyMap<LinkedFile, Scope> {
  const scopes = new Map<LinkedFile, Scope>();
  for (const file of program.files) scopes.set(file, buildScope(file, scopes, report));
  return scopes;
}

function buildScope(file: LinkedFile, scopes: ReadonlyMap<LinkedFile, Scope>, report: Report): Scope {
  const names = new Map<string, Declared>();
  const ambiguous = new Set(file.damage.names);
  const reportTwice = (name: string, span: Span, earlier: Declared): void => {
    ambiguous.add(name);
    report.error("L2002", span, `\`${name}\` is declared twice`, {
      text: "declared again here",
      related: [{ span: earlier.decl.name.span, text: `first declared here, as ${kindOf(earlier)}` }],
    });
  };
  const own = file.module.items
    .map((item) => declaredOf(item, file))
    .filter((d) => d !== undefined)
    .filter((d) => d.decl.name.text !== "");
  for (const d of own) {
    const { text, span } = d.decl.name;
    const earlier = names.get(text);
    if (earlier === undefined) names.set(text, d);
    else reportTwice(text, span, earlier);
  }
  const imported: { label: string; span: Span; declared: readonly Declared[] }[] = [];
  const bring = (d: Declared, span: Span): void => {
    const earlier = names.get(d.decl.name.text);
    if (earlier === undefined) names.set(d.decl.name.text, d);
    else if (earlier.decl !== d.decl) reportTwice(d.decl.name.text, span, earlier);
  };
  for (const { decl, file: target } of file.imports) {
    const offered = (scopes.get(target)?.own ?? []).filter((d) => d.kind !== "task");
    const byName = new Map([...offered].reverse().map((d) => [d.decl.name.text, d])); // the first of a name that is there twice
    if (decl.names === undefined) {
      for (const d of offered) bring(d, decl.path.span);
      imported.push({ label: `import "${decl.path.value}"`, span: decl.span, declared: offered });
      continue;
    }
    for (const name of decl.names) {
      const d = byName.get(name.text);
      if (d === undefined) {
        ambiguous.add(name.text);
        if (target.damage.open || target.damage.names.has(name.text)) continue;
        const guess = nearest(
          name.text,
          offered.map((o) => o.decl.name.text),
        );
        report.error("L2001", name.span, `"${decl.path.value}" does not declare \`${name.text}\``, {
          text: "not in that file",
          hints: guess === undefined ? [] : [`did you mean \`${guess}\`?`],
        });
        continue;
      }
      bring(d, name.span);
      imported.push({ label: `\`${name.text}\``, span: name.span, declared: [d] });
    }
  }
  const usable = [...names].flatMap(([name, { kind }]) => (kind === "model" || kind === "task" ? [] : [name]));
  return { file, names, usable, ambiguous, open: file.damage.open, own, imported };
}

function declaredOf(item: ast.Item, file: LinkedFile): Declared | undefined {
  switch (item.kind) {
    case "ModelDecl":
      return { kind: "model", decl: item, file };
    case "InputDecl":
      return { kind: "input", decl: item, file };
    case "AttributeDecl":
      return { kind: "attribute", decl: item, file };
    case "LetDecl":
      return { kind: "let", decl: item, file };
    case "EnergyDecl":
      return { kind: "energy", decl: item, file };
    case "SampleDecl":
    case "EditDecl":
    case "TraverseDecl":
    case "SweepDecl":
    case "PhotoDecl":
      return { kind: "task", decl: item, file };
    case "ImportDecl":
    case "ExpectStmt":
    case "SaveStmt":
      return undefined;
  }
}
