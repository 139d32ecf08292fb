// Symbols: the outline of a script, and the declarations of the workspace by name.
// Invariants: both are of the trees alone: what cannot be checked is listed all the same.
import { SymbolKind, type DocumentSymbol, type SymbolInformation, type WorkspaceSymbol } from "vscode-languageserver";
import type * as ast from "../parser/ast.js";
import { guarded, type Feature } from "./feature.js";
import { PlacedText } from "./positions.js";
import { pathOf } from "./uris.js";
import type { Span } from "../source/span.js";

/** The most symbols of the workspace that are told at once. */
const MOST_SYMBOLS = 500;

interface Entry {
  readonly name: string;
  readonly detail: string;
  readonly kind: SymbolKind;
  readonly span: Span;
  readonly at: Span;
}

export const symbols: Feature = {
  capabilities: () => ({ documentSymbolProvider: true, workspaceSymbolProvider: true }),
  register: (site) => {
    const { connection, workspace } = site;
    connection.onDocumentSymbol(
      guarded(site, "symbols", [] as DocumentSymbol[] | SymbolInformation[], ({ textDocument }) => {
        const open = workspace.openText(pathOf(textDocument.uri));
        if (open === undefined) return [];
        const entries = workspace.parse(open.text, open.path).module.items.flatMap(entryOf);
        const { placed, uri } = open;
        if (site.client().textDocument?.documentSymbol?.hierarchicalDocumentSymbolSupport === true)
          return entries.map(({ name, detail, kind, span, at }) => ({
            name,
            detail,
            kind,
            range: placed.range(span),
            selectionRange: placed.range(at),
          }));
        return entries.map(({ name, kind, span }) => ({ name, kind, location: { uri, range: placed.range(span) } }));
      }),
    );
    connection.onWorkspaceSymbol(
      guarded(site, "workspace symbols", [] as WorkspaceSymbol[], async ({ query }, token) => {
        const found: WorkspaceSymbol[] = [];
        for (const path of await workspace.scripts()) {
          if (token.isCancellationRequested || found.length >= MOST_SYMBOLS) break;
          const text = await workspace.textOf(path);
          if (text === undefined) continue;
          const placed = new PlacedText(path, text, workspace.encoding);
          for (const { name, kind, at, detail } of workspace.parse(text, path).module.items.flatMap(entryOf)) {
            if (!isLike(name, query) || detail === "expect" || detail === "save") continue;
            found.push({ name, kind, location: { uri: workspace.uriOf(path), range: placed.range(at) } });
          }
        }
        return found.slice(0, MOST_SYMBOLS);
      }),
    );
  },
};

/** Whether the letters of a query come in a name in their order. */
function isLike(name: string, query: string): boolean {
  let at = 0;
  for (const c of query.toLowerCase()) {
    at = name.toLowerCase().indexOf(c, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

function entryOf(item: ast.Item): readonly Entry[] {
  const named = (kind: SymbolKind, detail: string): readonly Entry[] =>
    "name" in item && item.name.text !== ""
      ? [{ name: item.name.text, detail, kind, span: item.span, at: item.name.span }]
      : [];
  const about = (detail: string, kind: SymbolKind, target: ast.Name): readonly Entry[] =>
    target.text === "" ? [] : [{ name: `${detail} ${target.text}`, detail, kind, span: item.span, at: target.span }];
  switch (item.kind) {
    case "ImportDecl":
      return item.path.value === ""
        ? []
        : [{ name: item.path.value, detail: "import", kind: SymbolKind.File, span: item.span, at: item.path.span }];
    case "ModelDecl":
      return named(SymbolKind.Module, `model from "${item.path.value}"`);
    case "InputDecl":
      return named(SymbolKind.Variable, "input");
    case "AttributeDecl":
      return named(SymbolKind.Field, item.type.kind.replace("Type", "").toLowerCase());
    case "LetDecl":
      return named(SymbolKind.Constant, "let");
    case "EnergyDecl":
      return named(SymbolKind.Function, `energy(${item.params.map((p) => p.name.text).join(", ")})`);
    case "SampleDecl":
    case "EditDecl":
    case "TraverseDecl":
    case "SweepDecl":
    case "PhotoDecl":
      return named(SymbolKind.Event, item.kind.replace("Decl", "").toLowerCase());
    case "ExpectStmt":
      return about("expect", SymbolKind.Boolean, item.target);
    case "SaveStmt":
      return about("save", SymbolKind.File, item.targets[0] ?? { text: "", span: item.span });
  }
}
