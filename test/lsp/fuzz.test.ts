import { readdirSync, readFileSync } from "node:fs";
import type { CompletionList, Hover, SemanticTokens } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import { CAPABLE, offsetAt, positionAt, uriOf, withClient } from "../support/language-client.js";
import { random, type Random } from "../support/random.js";

const A = uriOf("a.lace");
const EXAMPLES = readdirSync("examples")
  .filter((f) => f.endsWith(".lace"))
  .map((f) => readFileSync(`examples/${f}`, "utf8"));
const BITS = [
  "{",
  "}",
  "(",
  ")",
  '"',
  "'",
  "/*",
  "*/",
  "//",
  "\n",
  "\r\n",
  "\r",
  "😀",
  "é",
  " where ",
  " not ",
  " is ",
  "0..1",
  "}\n}",
  "lace 1\n",
  "\u0000",
  "\ud800",
  "glasses",
  " sampler ode { ",
  "import { ",
];

/** A random edit of a text: what is put in place of what. */
function someEdit(text: string, rng: Random): { start: number; end: number; put: string } {
  const start = rng.below(text.length + 1);
  const end = Math.min(text.length, start + (rng.below(3) === 0 ? rng.below(30) : rng.below(3)));
  const put = rng.below(4) === 0 ? "" : (BITS[rng.below(BITS.length)] ?? "");
  return { start, end, put };
}

/** Moves an offset out of the middle of a line break or of a character: no position of the protocol is there. */
function whole(text: string, offset: number): number {
  const before = text.charCodeAt(offset - 1);
  const at = text.charCodeAt(offset);
  const inBreak = before === 13 && at === 10;
  const inPair = before >= 0xd800 && before < 0xdc00 && at >= 0xdc00 && at < 0xe000;
  return inBreak || inPair ? offset - 1 : offset;
}

describe("random edits", () => {
  test.each([1, 2, 3, 4, 5, 6])(
    "seed %d: the server's text stays the editor's, every request is answered, every range lies in the text",
    (seed) =>
      withClient({ capabilities: CAPABLE }, async (client) => {
        const rng = random(seed);
        let text = EXAMPLES[rng.below(EXAMPLES.length)] ?? "";
        await client.open(A, text);
        for (let i = 0; i < 60; i++) {
          const edit = someEdit(text, rng);
          const [start, end] = [whole(text, edit.start), whole(text, edit.end)];
          await client.edit(A, edit.put, { start: positionAt(text, start), end: positionAt(text, end) });
          text = text.slice(0, start) + edit.put + text.slice(end);
          if (i % 3 !== 0) continue;
          const position = positionAt(text, whole(text, rng.below(text.length + 1)));
          const at = { textDocument: { uri: A }, position };
          const items = (await client.request<CompletionList>("textDocument/completion", at)).items;
          for (const { textEdit } of items)
            if (textEdit !== undefined && "range" in textEdit)
              expect(offsetAt(text, textEdit.range.end)).toBe(offsetAt(text, position));
          const hover = await client.request<Hover | null>("textDocument/hover", at);
          if (hover?.range !== undefined) {
            expect(offsetAt(text, hover.range.start)).toBeLessThanOrEqual(offsetAt(text, position));
            expect(offsetAt(text, hover.range.end)).toBeGreaterThanOrEqual(offsetAt(text, position));
          }
          const { data } = await client.request<SemanticTokens>("textDocument/semanticTokens/full", at);
          const lines = text.split(/\r\n|\r|\n/);
          let [line, character] = [0, 0];
          for (let k = 0; k < data.length; k += 5) {
            const [down = 0, right = 0, length = 0] = data.slice(k, k + 3);
            character = down > 0 ? right : character + right;
            line += down;
            expect(lines[line]?.length).toBeGreaterThanOrEqual(character + length);
          }
          for (const method of ["definition", "references", "documentHighlight", "signatureHelp", "prepareRename"])
            await client
              .request(`textDocument/${method}`, { ...at, context: { includeDeclaration: true } })
              .catch((e: unknown) => {
                // A refusal with its reason is an answer, a crash is none.
                expect(String(e)).toMatch(/model|name/);
              });
          const range = { start: { line: 0, character: 0 }, end: positionAt(text, text.length) };
          for (const method of [
            "documentSymbol",
            "foldingRange",
            "inlayHint",
            "codeLens",
            "documentLink",
            "formatting",
            "codeAction",
          ])
            await client.request(`textDocument/${method}`, {
              textDocument: { uri: A },
              range,
              options: {},
              context: { diagnostics: [] },
            });
        }
        // The text is the same on both sides: a mistake that is put at its end is found there.
        await client.edit(A, `\nlace 1\nmodel avatar from "builtin:avatar"\nenergy e = gla5ses\n`);
        const [found] = (await client.diagnostics(A, (p) => p.version === 62)).filter((d) => d.code === "L2001");
        expect(found?.range).toEqual({ start: { line: 3, character: 11 }, end: { line: 3, character: 18 } });
        expect(client.logged).toEqual([]);
      }),
  );

  test("edits one at a time give the text that they give at once", () =>
    withClient({}, async (client) => {
      const rng = random(9);
      let text = EXAMPLES[0] ?? "";
      await client.open(A, text);
      for (let i = 0; i < 200; i++) {
        const edit = someEdit(text, rng);
        const [start, end] = [whole(text, edit.start), whole(text, edit.end)];
        await client.edit(A, edit.put, { start: positionAt(text, start), end: positionAt(text, end) });
        text = text.slice(0, start) + edit.put + text.slice(end);
      }
      // Asking for what is selected at the end of the text tells how long the server's text is.
      const end = positionAt(text, text.length);
      const selections = await client.request<{ range: { end: object }; parent?: object }[]>(
        "textDocument/selectionRange",
        {
          textDocument: { uri: A },
          positions: [end],
        },
      );
      let outer = selections[0] as { range: { start: object; end: object }; parent?: typeof outer } | undefined;
      while (outer?.parent !== undefined) outer = outer.parent;
      expect(outer?.range).toEqual({ start: { line: 0, character: 0 }, end });
    }));
});
