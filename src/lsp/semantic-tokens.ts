// Semantic tokens: what each word is, by what it was resolved to. Whole, as changes to the last answer, and of a range.
// Invariants: a token lies on one line; they come in the order of the text and do not overlap; lengths are in the negotiated unit.
import { SemanticTokensBuilder } from "vscode-languageserver";
import * as t from "../parser/tokens.js";
import { walk } from "../parser/walk.js";
import { onScript, type Feature } from "./feature.js";
import { usesIn, type NameUse } from "./names.js";
import type { ProgramFile, Snapshot } from "./workspace.js";

const TYPES = [
  ...["keyword", "operator", "comment", "string", "number"],
  ...["namespace", "variable", "property", "enumMember", "function", "class", "parameter", "type"],
] as const;
type TokenKind = (typeof TYPES)[number];
const MODIFIERS = ["declaration", "readonly", "defaultLibrary"] as const;
type Modifier = (typeof MODIFIERS)[number];

/** How the kinds of names are called in themes: an attribute is a property, a model a namespace, a task a class. */
const KIND_OF: Readonly<Record<NameUse["declaration"]["kind"], TokenKind>> = {
  model: "namespace",
  input: "variable",
  let: "variable",
  attribute: "property",
  value: "enumMember",
  energy: "function",
  task: "class",
  parameter: "parameter",
  axis: "parameter",
};
const OPERATORS: ReadonlySet<string> = new Set(["and", "or", "xor", "not", "implies", "iff", "is", "in"]);
const KEYWORDS: ReadonlySet<string> = new Set(t.keywords);

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly kind: TokenKind;
  readonly modifiers: number;
}

export const semanticTokens: Feature = {
  capabilities: () => ({
    semanticTokensProvider: {
      legend: { tokenTypes: [...TYPES], tokenModifiers: [...MODIFIERS] },
      full: { delta: true },
      range: true,
    },
  }),
  register: (site) => {
    const { semanticTokens: requests } = site.connection.languages;
    const builders = new Map<string, SemanticTokensBuilder>();
    const builderOf = (uri: string): SemanticTokensBuilder => {
      const builder = builders.get(uri) ?? new SemanticTokensBuilder();
      builders.set(uri, builder);
      return builder;
    };
    requests.on(
      onScript(site, "semantic tokens", { data: [] }, (snapshot, { textDocument }) => {
        const builder = builderOf(textDocument.uri);
        builder.previousResult("");
        push(builder, snapshot.entry, piecesOf(snapshot));
        return builder.build();
      }),
    );
    requests.onDelta(
      onScript(site, "semantic tokens", { data: [] }, (snapshot, { textDocument, previousResultId }) => {
        const builder = builderOf(textDocument.uri);
        builder.previousResult(previousResultId);
        push(builder, snapshot.entry, piecesOf(snapshot));
        return builder.buildEdits();
      }),
    );
    requests.onRange(
      onScript(site, "semantic tokens", { data: [] }, (snapshot, { range }) => {
        const { start, end } = snapshot.entry.placed.span(range);
        const builder = new SemanticTokensBuilder();
        push(
          builder,
          snapshot.entry,
          piecesOf(snapshot).filter((p) => p.end > start && p.start < end),
        );
        return builder.build();
      }),
    );
  },
};

function modifiers(...all: readonly Modifier[]): number {
  return all.reduce((bits, m) => bits | (1 << MODIFIERS.indexOf(m)), 0);
}

function piecesOf(snapshot: Snapshot): readonly Piece[] {
  const { entry } = snapshot;
  const { path } = entry.linked;
  const uses = new Map(
    usesIn(snapshot)
      .filter((u) => u.span.file === path)
      .map((u) => [u.span.start, u]),
  );
  // Words that are names, but of nothing that is known: no keyword, though they may look like one.
  const names = new Set<number>();
  walk(entry.linked.module, (node) => {
    if (node.kind === "NameExpr") names.add(node.span.start);
  });
  const pieces: Piece[] = [];
  for (const { image, startOffset: start, tokenType } of [...entry.parse.tokens, ...entry.parse.comments]) {
    const end = start + image.length;
    const use = uses.get(start);
    if (use !== undefined && use.span.end === end) pieces.push({ start, end, ...ofUse(use) });
    else if (image.startsWith("//") || image.startsWith("/*"))
      pieces.push({ start, end, kind: "comment", modifiers: 0 });
    else if (/^["']/.test(image)) pieces.push({ start, end, kind: "string", modifiers: 0 });
    else if (tokenType === t.NumberLiteral) pieces.push({ start, end, kind: "number", modifiers: 0 });
    else if (OPERATORS.has(image)) pieces.push({ start, end, kind: "operator", modifiers: 0 });
    else if (KEYWORDS.has(image) && !names.has(start)) pieces.push({ start, end, kind: "keyword", modifiers: 0 });
  }
  return pieces.sort((a, b) => a.start - b.start);
}

function ofUse({ declaration: { kind, at }, declares }: NameUse): Pick<Piece, "kind" | "modifiers"> {
  const list: Modifier[] = [];
  if (declares) list.push("declaration");
  if (kind === "let" || kind === "parameter" || kind === "axis") list.push("readonly");
  if (at === undefined) list.push("defaultLibrary");
  return { kind: KIND_OF[kind], modifiers: modifiers(...list) };
}

/** Adds pieces line by line. */
function push(builder: SemanticTokensBuilder, { placed }: ProgramFile, pieces: readonly Piece[]): void {
  for (const { start, end, kind, modifiers: bits } of pieces) {
    for (const line of placed.text.slice(start, end).matchAll(/[^\r\n]+/g)) {
      const { start: from, end: to } = placed.range({
        start: start + line.index,
        end: start + line.index + line[0].length,
      });
      if (to.character > from.character)
        builder.push(from.line, from.character, to.character - from.character, TYPES.indexOf(kind), bits);
    }
  }
}
