import type {
  DocumentHighlight,
  DocumentLink,
  Location,
  Range,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import {
  applied,
  askAt,
  CAPABLE,
  HEAD,
  marked,
  openMarked,
  rangeAt,
  uriOf,
  withClient,
  type LanguageClient,
} from "../support/language-client.js";

const A = uriOf("a.lace");
const LOOKS = uriOf("lib/looks.lace");
const looks = marked(
  "lace 1\n// Reads.\nenergy ⟦scholar⟧ = glasses and not smile\nenergy keen = ⟦scholar⟧ and light > low\nlet low = 0.2\n",
);
const user = marked(
  `${HEAD}import { ⟦scholar⟧ } from "lib/looks.lace"\nsample s from avatar { where ⟦sch§olar⟧ and not (⟦scholar⟧ or smile) }\nsave s to "s.png" as grid\n`,
);
const FILES = {
  "/w/lib/looks.lace": looks.text,
  "/w/other.lace": `${HEAD}import "lib/looks.lace"\nsample o from avatar { where scholar and keen }\nsave o to "o.png" as grid\n`,
  "/w/apart.lace": `${HEAD}energy scholar = hat\nsample p from avatar { where scholar }\nsave p to "p.png" as grid\n`,
};
const withFiles = (body: (client: LanguageClient) => Promise<void>): Promise<void> =>
  withClient({ files: FILES }, body);
const source = (m: typeof user): string => `${m.text.slice(0, m.cursors[0])}§${m.text.slice(m.cursors[0])}`;

describe("definition", () => {
  test("leads across imports to the name where it is declared", () =>
    withFiles(async (client) => {
      expect(await askAt<Location>(client, "textDocument/definition", source(user))).toEqual({
        uri: LOOKS,
        range: rangeAt(looks.text, looks.ranges[0]!),
      });
    }));

  test.each([
    ["a parameter", `${HEAD}energy e(⟦age⟧: number) = tilt is a§ge\n`],
    ["an axis", `${HEAD}sweep w over ⟦t⟧ in 0..1 by 0.5 from avatar { where tilt is t§ }\n`],
    [
      "a class",
      `${HEAD}attribute hair: category { black, ⟦red⟧, blond }\nsample s from avatar { where hair is re§d }\n`,
    ],
    ["a model", `lace 1\nmodel ⟦avatar⟧ from "builtin:avatar"\nsample s from ava§tar { where hat }\n`],
    ["a task", `${HEAD}sample ⟦s⟧ from avatar { where hat }\nsave s§ to "s.png" as grid\n`],
    [
      "an input named as a keyword",
      `${HEAD}input ⟦seed⟧: number = 2\nsample s from avatar { where hat  seed se§ed }\n`,
    ],
  ])("leads to %s", (_, text) =>
    withClient({}, async (client) => {
      const found = await askAt<Location>(client, "textDocument/definition", text);
      const m = marked(text);
      expect(found).toEqual({ uri: A, range: rangeAt(m.text, m.ranges[0]!) });
    }),
  );

  test("of the path of an import is the file", () =>
    withFiles(async (client) => {
      const found = await askAt<Location>(client, "textDocument/definition", `${HEAD}import "lib/lo§oks.lace"\n`);
      expect(found.uri).toBe(LOOKS);
    }));

  test("of what the model has, or of a keyword, is nowhere", () =>
    withClient({}, async (client) => {
      const at = (text: string) => askAt<Location | null>(client, "textDocument/definition", text);
      expect(await at(`${HEAD}sample s from avatar { where ha§t }\n`)).toBeNull();
      expect(await at(`${HEAD}sample s from avatar { whe§re hat }\n`)).toBeNull();
    }));
});

describe("references", () => {
  test("are found in the script, in the file that declares, and in the scripts that import it, and nowhere else", () =>
    withFiles(async (client) => {
      const found = await askAt<Location[]>(client, "textDocument/references", source(user), {
        context: { includeDeclaration: true },
      });
      const of = (uri: string): Range[] => found.filter((l) => l.uri === uri).map((l) => l.range);
      expect(of(A)).toEqual(user.ranges.map((r) => rangeAt(user.text, r)));
      expect(of(LOOKS)).toEqual(looks.ranges.map((r) => rangeAt(looks.text, r)));
      expect(of(uriOf("other.lace"))).toHaveLength(1);
      expect(of(uriOf("apart.lace"))).toEqual([]);
    }));

  test("leave the declaration out where it is not asked for", () =>
    withFiles(async (client) => {
      const found = await askAt<Location[]>(client, "textDocument/references", source(user), {
        context: { includeDeclaration: false },
      });
      expect(found.filter((l) => l.uri === LOOKS)).toHaveLength(1);
    }));

  test("are found from the declaration, where no script that uses it is open", () =>
    withFiles(async (client) => {
      const at = looks.ranges[0]!.start + 2;
      const text = `${looks.text.slice(0, at)}§${looks.text.slice(at)}`;
      const found = await askAt<Location[]>(
        client,
        "textDocument/references",
        text,
        { context: { includeDeclaration: true } },
        LOOKS,
      );
      expect(new Set(found.map((l) => l.uri))).toEqual(new Set([LOOKS, uriOf("other.lace")]));
    }));
});

test("highlights are the uses in the text, the declaration as written", () =>
  withClient({}, async (client) => {
    const text = `${HEAD}let ⟦low⟧ = 0.2\nlet lower = ⟦l§ow⟧ / 2\nsample s from avatar { where light > ⟦low⟧ + lower }\n`;
    const found = await askAt<DocumentHighlight[]>(client, "textDocument/documentHighlight", text);
    const m = marked(text);
    expect(found.map((h) => [h.range, h.kind])).toEqual(m.ranges.map((r, i) => [rangeAt(m.text, r), i === 0 ? 3 : 2]));
  }));

describe("rename", () => {
  const asks = { ...CAPABLE, textDocument: { ...CAPABLE.textDocument, rename: { prepareSupport: true } } };

  test("changes all uses, across imports, and the result has no new mistake", () =>
    withFiles(async (client) => {
      const edit = await askAt<WorkspaceEdit>(client, "textDocument/rename", source(user), { newName: "reader" });
      const changes = new Map(
        (edit.documentChanges as { textDocument: { uri: string; version: number | null }; edits: TextEdit[] }[]).map(
          (c) => [c.textDocument.uri, c],
        ),
      );
      expect([...changes.keys()].sort()).toEqual([A, LOOKS, uriOf("other.lace")].sort());
      expect(changes.get(A)?.textDocument.version).toBe(1);
      expect(changes.get(LOOKS)?.textDocument.version).toBeNull();
      expect(applied(looks.text, changes.get(LOOKS)!.edits)).toBe(looks.text.replaceAll("scholar", "reader"));
      expect(applied(user.text, changes.get(A)!.edits)).toBe(user.text.replaceAll("scholar", "reader"));
    }));

  test("leaves contextual keywords alone", () =>
    withClient({}, async (client) => {
      const text = `${HEAD}input se§ed: number = 2\nsample s from avatar { where hat  seed seed }\nsave s to "{seed}.png" as grid\n`;
      const edit = await askAt<WorkspaceEdit>(client, "textDocument/rename", text, { newName: "start" });
      const [change] = edit.documentChanges as { edits: TextEdit[] }[];
      expect(applied(marked(text).text, change!.edits)).toBe(
        `${HEAD}input start: number = 2\nsample s from avatar { where hat  seed start }\nsave s to "{seed}.png" as grid\n`,
      );
    }));

  test.each([
    ["not", "cannot be a name"],
    ["two words", "cannot be a name"],
    ["1st", "cannot be a name"],
    ["other", "declared already"],
    ["smile", "attribute of the model"],
  ])("to `%s` is refused", (newName, why) =>
    withClient({}, async (client) => {
      const text = `${HEAD}let other = 1\nlet lo§w = 0.2\nsample s from avatar { where light > low + other }\n`;
      await expect(askAt(client, "textDocument/rename", text, { newName })).rejects.toThrow(why);
    }),
  );

  test("of an attribute, a class or a keyword is refused before it begins", () =>
    withClient({ capabilities: asks }, async (client) => {
      const prepare = (text: string) => askAt<Range | null>(client, "textDocument/prepareRename", text);
      await expect(prepare(`${HEAD}attribute ha§t: binary\nsample s from avatar { where hat }\n`)).rejects.toThrow(
        "model",
      );
      await expect(prepare(`${HEAD}sample s from avatar { where ha§t }\n`)).rejects.toThrow("model");
      expect(await prepare(`${HEAD}sample s from avatar { wh§ere hat }\n`)).toBeNull();
      const text = `${HEAD}let ⟦lo§w⟧ = 0.2\n`;
      expect(await prepare(text)).toEqual(rangeAt(marked(text).text, marked(text).ranges[0]!));
    }));
});

test("links lead to imports, models and the pictures of the last run, where they are", () =>
  withClient({ files: { ...FILES, "/w/m.safetensors": "x", "/w/out/s.png": "x" } }, async (client) => {
    const { ranges } = await openMarked(
      client,
      'lace 1\nimport ⟦"lib/looks.lace"⟧\nmodel m from ⟦"m.safetensors"⟧\nmodel n from "none.safetensors"\nsample s from m { where hat }\nsave s to ⟦"out/s.png"⟧ as grid\n',
    );
    const found = await client.request<DocumentLink[]>("textDocument/documentLink", { textDocument: { uri: A } });
    expect(found.map((l) => [l.range, l.target])).toEqual([
      [ranges[0], LOOKS],
      [ranges[1], uriOf("m.safetensors")],
      [ranges[2], uriOf("out/s.png")],
    ]);
  }));
