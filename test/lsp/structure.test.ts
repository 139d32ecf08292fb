import type {
  DocumentSymbol,
  FoldingRange,
  SelectionRange,
  SemanticTokens,
  SemanticTokensDelta,
  SymbolInformation,
  WorkspaceSymbol,
} from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import {
  CAPABLE,
  HEAD,
  marked,
  offsetAt,
  openMarked,
  positionAt,
  uriOf,
  withClient,
  type LanguageClient,
} from "../support/language-client.js";

const A = uriOf("a.lace");
const SCRIPT = `lace 1
import "looks.lace"
import { low } from "looks.lace"
// One.
// Two.
model avatar from "builtin:avatar"
attribute hair: category { black, brown, blond, red, gray }
energy wise(x: number) = glasses and light > x

sample s from avatar {
  where wise(0.5) and hair is red
  sampler ode {
    rtol 1e-4
  }
}
expect s: glasses >= 0.5
save s to "s.png" as grid
`;

describe("symbols", () => {
  const nested = {
    ...CAPABLE,
    textDocument: { ...CAPABLE.textDocument, documentSymbol: { hierarchicalDocumentSymbolSupport: true } },
  };

  test("of a text are its statements, with the whole and the name of each", () =>
    withClient({ capabilities: nested }, async (client) => {
      await client.open(A, SCRIPT);
      const found = await client.request<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument: { uri: A } });
      expect(found.map((s) => s.name)).toEqual([
        "looks.lace",
        "looks.lace",
        "avatar",
        "hair",
        "wise",
        "s",
        "expect s",
        "save s",
      ]);
      const s = found[5]!;
      expect(SCRIPT.slice(offsetAt(SCRIPT, s.range.start), offsetAt(SCRIPT, s.range.end))).toMatch(/^sample s[^]*\}$/);
      expect(s.selectionRange).toEqual({ start: { line: 9, character: 7 }, end: { line: 9, character: 8 } });
    }));

  test("of a text with mistakes, and for an editor that knows no nesting", () =>
    withClient({}, async (client) => {
      await client.open(A, `${HEAD}energy a = and\nlet b = 2\nsample {\n`);
      const found = await client.request<SymbolInformation[]>("textDocument/documentSymbol", {
        textDocument: { uri: A },
      });
      expect(found.map((s) => s.name)).toEqual(["avatar", "a", "b"]);
      expect(found[2]?.location.uri).toBe(A);
    }));

  test("of the workspace are found by some of their letters, in files that are not open", () =>
    withClient(
      {
        files: {
          "/w/x/looks.lace": "lace 1\nenergy scholar = glasses\nenergy sailor = hat\n",
          "/w/node_modules/n.lace": "lace 1\nenergy schooner = hat\n",
        },
      },
      async (client) => {
        const found = await client.request<WorkspaceSymbol[]>("workspace/symbol", { query: "schol" });
        expect(found.map((s) => [s.name, s.location.uri])).toEqual([["scholar", uriOf("x/looks.lace")]]);
        expect(await client.request("workspace/symbol", { query: "" })).toHaveLength(2);
      },
    ));
});

test("folding: blocks, comments that follow one another, imports", () =>
  withClient({}, async (client) => {
    await client.open(A, SCRIPT);
    const found = await client.request<FoldingRange[]>("textDocument/foldingRange", { textDocument: { uri: A } });
    expect(found.map((f) => [f.startLine, f.endLine, f.kind]).sort()).toEqual(
      [
        [1, 2, "imports"],
        [3, 4, "comment"],
        [9, 14, undefined],
        [11, 13, undefined],
      ].sort(),
    );
  }));

test("a selection grows from the word to the expression, the setting, the task and the text", () =>
  withClient({}, async (client) => {
    const { text, positions } = await openMarked(client, SCRIPT.replace("wise(0.5) and", "wi§se(0.5) and"));
    const [found] = await client.request<SelectionRange[]>("textDocument/selectionRange", {
      textDocument: { uri: A },
      positions,
    });
    const grown: string[] = [];
    for (let s: SelectionRange | undefined = found; s !== undefined; s = s.parent)
      grown.push(text.slice(offsetAt(text, s.range.start), offsetAt(text, s.range.end)));
    expect(grown.slice(0, 3)).toEqual(["wise", "wise(0.5)", "wise(0.5) and hair is red"]);
    expect(grown[3]).toBe("where wise(0.5) and hair is red");
    expect(grown.at(-2)).toMatch(/^sample s/);
    expect(grown.at(-1)).toBe(text);
    grown.forEach((g, i) => expect(grown[i + 1] ?? text).toContain(g));
  }));

interface Token {
  readonly text: string;
  readonly type: string;
  readonly modifiers: readonly string[];
}

function decode(client: LanguageClient, text: string, data: readonly number[]): readonly Token[] {
  const { legend } = client.initialized.capabilities.semanticTokensProvider!;
  const tokens: Token[] = [];
  let [line, character] = [0, 0];
  for (let i = 0; i < data.length; i += 5) {
    const [down, right, length, type, bits] = data.slice(i, i + 5) as [number, number, number, number, number];
    line += down;
    character = down > 0 ? right : character + right;
    const start = offsetAt(text, { line, character });
    tokens.push({
      text: text.slice(start, start + length),
      type: legend.tokenTypes[type]!,
      modifiers: legend.tokenModifiers.filter((_, k) => (bits & (1 << k)) !== 0),
    });
  }
  return tokens;
}

describe("semantic tokens", () => {
  const full = (client: LanguageClient) =>
    client.request<SemanticTokens>("textDocument/semanticTokens/full", { textDocument: { uri: A } });

  test("tell attributes, classes, energies, models, tasks, settings and numbers apart", () =>
    withClient({}, async (client) => {
      await client.open(A, SCRIPT.replace(/import.*\n/g, ""));
      const text = SCRIPT.replace(/import.*\n/g, "");
      const tokens = decode(client, text, (await full(client)).data);
      const of = (word: string) => tokens.filter((t) => t.text === word).map((t) => t.type);
      expect(of("glasses")).toEqual(["property", "property"]);
      expect(of("hair")).toEqual(["property", "property"]);
      expect(of("red")).toEqual(["enumMember", "enumMember"]);
      expect(of("wise")).toEqual(["function", "function"]);
      expect(of("x")).toEqual(["parameter", "parameter"]);
      expect(of("avatar")).toEqual(["namespace", "namespace"]);
      expect(of("s")).toEqual(["class", "class", "class"]);
      expect(of("where")).toEqual(["keyword"]);
      expect(of("and")).toEqual(["operator", "operator"]);
      expect(of("1e-4")).toEqual(["number"]);
      expect(of("// One.")).toEqual(["comment"]);
      expect(tokens.find((t) => t.text === "glasses")?.modifiers).toEqual(["defaultLibrary"]);
      expect(tokens.find((t) => t.text === "wise")?.modifiers).toEqual(["declaration"]);
    }));

  test("a keyword that is a name is one", () =>
    withClient({}, async (client) => {
      const text = `${HEAD}input seed: number = 1\nsample s from avatar { where hat  seed seed }\n`;
      await client.open(A, text);
      const tokens = decode(client, text, (await full(client)).data);
      expect(tokens.filter((t) => t.text === "seed").map((t) => t.type)).toEqual(["variable", "keyword", "variable"]);
    }));

  test("a comment of several lines is a token a line", () =>
    withClient({}, async (client) => {
      const text = "lace 1\n/* 😀 one\r\n   two */ let a = 1\n";
      await client.open(A, text);
      const tokens = decode(client, text, (await full(client)).data);
      expect(tokens.filter((t) => t.type === "comment").map((t) => t.text)).toEqual(["/* 😀 one", "   two */"]);
    }));

  test("changes to the last answer make the new one, and a range is a part of it", () =>
    withClient({}, async (client) => {
      await client.open(A, SCRIPT);
      const first = await full(client);
      const at = positionAt(SCRIPT, SCRIPT.indexOf("\nexpect"));
      await client.edit(A, "\nlet more = 1", { start: at, end: at });
      const delta = await client.request<SemanticTokensDelta>("textDocument/semanticTokens/full/delta", {
        textDocument: { uri: A },
        previousResultId: first.resultId,
      });
      const data = [...first.data];
      for (const e of [...delta.edits].sort((x, y) => y.start - x.start))
        data.splice(e.start, e.deleteCount, ...(e.data ?? []));
      expect(data).toEqual((await full(client)).data);
      expect(delta.edits.reduce((n, e) => n + (e.data?.length ?? 0), 0)).toBeLessThan(40);
      const range = { start: { line: 9, character: 0 }, end: { line: 9, character: 30 } };
      const part = await client.request<SemanticTokens>("textDocument/semanticTokens/range", {
        textDocument: { uri: A },
        range,
      });
      expect(decode(client, SCRIPT, part.data).map((t) => t.text)).toEqual(["sample", "s", "from", "avatar"]);
    }));
});

test("marks of tests are taken out", () => {
  expect(marked("a§b⟦c⟧")).toEqual({ text: "abc", cursors: [1], ranges: [{ start: 2, end: 3 }] });
});
