import type { TextEdit } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import { lineHunks } from "../../src/lsp/line-hunks.js";
import { format } from "../../src/parser/format.js";
import { applied, HEAD, positionAt, uriOf, withClient, type LanguageClient } from "../support/language-client.js";
import { random } from "../support/random.js";

const A = uriOf("a.lace");
const UGLY = `${HEAD}let   x=1\nlet y = 2\nsample s from avatar{where glasses   count 3}\nlet   z  =  3\nsave s to "s.png" as grid\n`;

async function edits(client: LanguageClient, method: string, text: string, more: object = {}): Promise<TextEdit[]> {
  await client.open(A, text);
  return client.request<TextEdit[]>(method, {
    textDocument: { uri: A },
    options: { tabSize: 2, insertSpaces: true },
    ...more,
  });
}

describe("formatting", () => {
  test("gives what lacec fmt gives, in edits that leave the other lines alone, and nothing the second time", () =>
    withClient({}, async (client) => {
      const found = await edits(client, "textDocument/formatting", UGLY);
      const formatted = applied(UGLY, found);
      expect(formatted).toBe(format(UGLY, "a.lace").value);
      expect(found.every((e) => e.range.start.line !== 3)).toBe(true);
      expect(await edits(client, "textDocument/formatting", formatted)).toEqual([]);
    }));

  test("keeps CRLF", () =>
    withClient({}, async (client) => {
      const text = UGLY.replaceAll("\n", "\r\n");
      const formatted = applied(text, await edits(client, "textDocument/formatting", text));
      expect(formatted).toBe(format(UGLY, "a.lace").value!.replaceAll("\n", "\r\n"));
      expect(await edits(client, "textDocument/formatting", formatted)).toEqual([]);
    }));

  test("of a range changes its lines alone", () =>
    withClient({}, async (client) => {
      const range = { start: { line: 2, character: 0 }, end: { line: 3, character: 0 } };
      const found = await edits(client, "textDocument/rangeFormatting", UGLY, { range });
      expect(applied(UGLY, found)).toBe(UGLY.replace("let   x=1", "let x = 1"));
    }));

  test("a text with mistakes is left alone", () =>
    withClient({}, async (client) => {
      expect(await edits(client, "textDocument/formatting", `${HEAD}let   x =\n`)).toEqual([]);
    }));

  test("after a line break formats the line before, and leaves the new one", () =>
    withClient({}, async (client) => {
      const text = UGLY.replace("let   x=1\n", "let   x=1\n\n");
      const position = { line: 3, character: 0 };
      const found = await edits(client, "textDocument/onTypeFormatting", text, { position, ch: "\n" });
      expect(applied(text, found)).toBe(text.replace("let   x=1", "let x = 1"));
    }));

  test("after a closing brace formats up to it", () =>
    withClient({}, async (client) => {
      const position = positionAt(UGLY, UGLY.indexOf("}") + 1);
      const found = await edits(client, "textDocument/onTypeFormatting", UGLY, { position, ch: "}" });
      const formatted = applied(UGLY, found);
      expect(formatted).toContain("sample s from avatar { where glasses  count 3 }");
      expect(formatted).toContain("let   z  =  3");
    }));
});

test("hunks of any two texts make one of the other", () => {
  const rng = random(5);
  for (let i = 0; i < 300; i++) {
    const lines = (): string => Array.from({ length: rng.below(12) }, () => "abc"[rng.below(3)] ?? "").join("\n");
    const [a, b] = [lines(), lines()];
    let made = "";
    let at = 0;
    for (const hunk of lineHunks(a, b)) {
      made += a.slice(at, hunk.start) + hunk.text;
      at = hunk.end;
    }
    expect(made + a.slice(at)).toBe(b);
  }
});
