import { DiagnosticSeverity, DiagnosticTag, type DocumentDiagnosticReport } from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import { CAPABLE, HEAD, marked, positionAt, rangeAt, uriOf, withClient } from "../support/language-client.js";

const A = uriOf("a.lace");

describe("diagnostics that are told", () => {
  test("have code, page, place, hint, related places and the fix", () =>
    withClient({ server: { errorsPage: "file:///docs/errors.md" } }, async (client) => {
      const { text, ranges } = marked(
        `${HEAD}let ⟦tall⟧ = 0.8\nsample s from avatar { where light > ⟦talll⟧ }\nsave s to "s.png" as grid\n`,
      );
      await client.open(A, text);
      const [first, ...more] = await client.diagnostics(A, (p) => p.diagnostics.length > 0);
      expect(more).toEqual([]);
      expect(first).toMatchObject({
        code: "L2001",
        source: "lacec",
        severity: DiagnosticSeverity.Error,
        range: rangeAt(text, ranges[1]!),
        codeDescription: { href: "file:///docs/errors.md#l2001-unknown-name" },
        relatedInformation: [{ location: { uri: A, range: rangeAt(text, ranges[0]!) } }],
        data: { fix: { range: rangeAt(text, ranges[1]!), newText: "tall" } },
      });
      expect(first?.message).toContain("hint: did you mean `tall`?");
    }));

  test("go when the mistake is mended, one key at a time, and are told once", () =>
    withClient({}, async (client) => {
      const text = `${HEAD}sample s from avatar { where glasse }\nsave s to "s.png" as grid\n`;
      await client.open(A, text);
      await client.diagnostics(A, (p) => p.diagnostics.length === 1);
      const at = positionAt(text, text.indexOf("glasse") + 6);
      await client.edit(A, "s", { start: at, end: at });
      expect(await client.diagnostics(A, (p) => p.version === 2)).toEqual([]);
      const told = client.published.filter((p) => p.uri === A).length;
      const end = positionAt(text, text.length);
      await client.edit(A, "// a comment\n", { start: end, end: { line: end.line, character: 0 } });
      await client.request("textDocument/formatting", { textDocument: { uri: A }, options: {} });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(client.published.filter((p) => p.uri === A)).toHaveLength(told);
    }));

  test("what is unused is marked as unnecessary", () =>
    withClient({}, async (client) => {
      await client.open(
        A,
        `${HEAD}let unused = 1\nsample s from avatar { where glasses }\nsave s to "s.png" as grid\n`,
      );
      const [only] = await client.diagnostics(A, (p) => p.diagnostics.length > 0);
      expect(only).toMatchObject({ code: "L2024", severity: 2, tags: [DiagnosticTag.Unnecessary] });
    }));

  test("are told of an import that is not open, and taken back when the script is closed", () =>
    withClient(
      { files: { "/w/lib/looks.lace": "lace 1\nenergy broken = glasses and and smile\n" } },
      async (client) => {
        await client.open(
          A,
          `${HEAD}import "lib/looks.lace"\nsample s from avatar { where broken }\nsave s to "s.png" as grid\n`,
        );
        const looks = uriOf("lib/looks.lace");
        expect((await client.diagnostics(looks, (p) => p.diagnostics.length > 0))[0]?.code).toBe("L1002");
        await client.close(A);
        expect(await client.diagnostics(looks, (p) => p.diagnostics.length === 0)).toEqual([]);
      },
    ));

  test("an import that is open counts as it is in the editor", () =>
    withClient({ files: { "/w/looks.lace": "lace 1\nenergy wise = glasses\n" } }, async (client) => {
      await client.open(
        A,
        `${HEAD}import { wiser } from "looks.lace"\nsample s from avatar { where wiser }\nsave s to "s.png" as grid\n`,
      );
      expect((await client.diagnostics(A, (p) => p.diagnostics.length > 0))[0]?.code).toBe("L2001");
      await client.open(uriOf("looks.lace"), "lace 1\nenergy wiser = glasses\n");
      expect(await client.diagnostics(A, (p) => p.diagnostics.length === 0)).toEqual([]);
    }));

  test("at most two hundred of a file, errors first", () =>
    withClient({}, async (client) => {
      const lines = Array.from({ length: 4000 }, (_, i) => `energy e${i} = unknown${i}`).join("\n");
      const start = performance.now();
      await client.open(A, `${HEAD}${lines}\n`);
      const all = await client.diagnostics(A, (p) => p.diagnostics.length > 0);
      expect(all).toHaveLength(200);
      expect(all.every((d) => d.severity === 1)).toBe(true);
      expect(performance.now() - start).toBeLessThan(20_000);
    }));

  test("without its model a script is judged as far as it can be, and the model's file is noticed when it comes", () =>
    withClient({}, async (client) => {
      await client.open(
        A,
        'lace 1\nmodel m from "m.safetensors"\nsample s from m { where glasses  count 0 }\nsave s to "s.png" as grid\n',
      );
      const codes = async (n: number) =>
        (await client.diagnostics(A, (p) => p.diagnostics.length === n)).map((d) => d.code);
      expect(await codes(2)).toEqual(["L5001", "L2004"]);
      client.host.files.set("/w/m.safetensors", client.host.files.get("builtin:avatar")!);
      await client.connection.sendNotification("workspace/didChangeWatchedFiles", {
        changes: [{ uri: uriOf("m.safetensors"), type: 1 }],
      });
      expect(await codes(1)).toEqual(["L2004"]);
    }));

  test("a file of heads is missed where it is named, and noticed when it comes", () =>
    withClient({}, async (client) => {
      const body =
        'attribute moustache: binary from "h.safetensors"\nsample s from avatar { where moustache  count 0 }\n';
      await client.open(A, `${HEAD}${body}save s to "s.png" as grid\n`);
      const found = await client.diagnostics(A, (p) => p.diagnostics.length === 2);
      expect(found.map((d) => [d.code, d.range.start.line])).toEqual([
        ["L5001", 2],
        ["L2004", 3],
      ]);
      client.host.files.set("/w/h.safetensors", new Uint8Array(16));
      await client.connection.sendNotification("workspace/didChangeWatchedFiles", {
        changes: [{ uri: uriOf("h.safetensors"), type: 1 }],
      });
      const after = await client.diagnostics(A, (p) =>
        p.diagnostics.some((d) => d.code !== "L5001" && d.code !== "L2004"),
      );
      expect(after.map((d) => d.code)).toEqual([expect.stringMatching(/^L510/), "L2004"]);
    }));

  test("of an untitled text, whose imports are relative to the workspace", () =>
    withClient({ files: { "/w/looks.lace": "lace 1\nenergy wise = glasses\n" } }, async (client) => {
      const uri = "untitled:Untitled-1";
      await client.open(
        uri,
        `${HEAD}import "looks.lace"\nsample s from avatar { where wise and nonsense }\nsave s to "s.png" as grid\n`,
      );
      const found = await client.diagnostics(uri, (p) => p.diagnostics.length > 0);
      expect(found.map((d) => [d.code, d.message.split("\n")[0]])).toEqual([["L2001", "unknown name `nonsense`"]]);
    }));
});

describe("diagnostics that are asked for", () => {
  const asking = { ...CAPABLE, textDocument: { ...CAPABLE.textDocument, diagnostic: {} } };
  const ask = { textDocument: { uri: A } };

  test("are given, and told to be the same while nothing changes", () =>
    withClient({ capabilities: asking }, async (client) => {
      await client.open(A, `${HEAD}let x = y\n`);
      const first = await client.request<DocumentDiagnosticReport>("textDocument/diagnostic", ask);
      expect(first).toMatchObject({ kind: "full", items: [{ code: "L2001" }] });
      const again = { ...ask, previousResultId: first.resultId };
      expect(await client.request("textDocument/diagnostic", again)).toEqual({
        kind: "unchanged",
        resultId: first.resultId,
      });
      await client.edit(A, `${HEAD}let x = 1\n`);
      expect(await client.request("textDocument/diagnostic", again)).toMatchObject({ kind: "full", items: [] });
      expect(client.published.filter((p) => p.uri === A)).toEqual([]);
    }));
});

test("an editor that asks is told to ask again when a file that is not open changed", () =>
  withClient(
    {
      files: { "/w/looks.lace": "lace 1\nenergy wise = glasses\n" },
      capabilities: {
        ...CAPABLE,
        workspace: { ...CAPABLE.workspace, diagnostics: { refreshSupport: true } },
        textDocument: { ...CAPABLE.textDocument, diagnostic: {} },
      },
    },
    async (client) => {
      const refreshed = new Promise<void>((resolve) =>
        client.connection.onRequest("workspace/diagnostic/refresh", () => {
          resolve();
          return null;
        }),
      );
      const ask = () =>
        client.request<DocumentDiagnosticReport>("textDocument/diagnostic", { textDocument: { uri: A } });
      await client.open(
        A,
        `${HEAD}import "looks.lace"\nsample s from avatar { where wise }\nsave s to "s.png" as grid\n`,
      );
      expect(await ask()).toMatchObject({ items: [] });
      client.host.files.set("/w/looks.lace", new TextEncoder().encode("lace 1\nenergy wiser = glasses\n"));
      const changes = [{ uri: uriOf("looks.lace"), type: 2 }];
      await client.connection.sendNotification("workspace/didChangeWatchedFiles", { changes });
      await refreshed;
      expect(await ask()).toMatchObject({ items: [{ code: "L2001" }] });
    },
  ));

describe("positions", () => {
  const source = `${HEAD}/* 😀 é */ let a = ⟦ünknown⟧ // 😀\r\nlet b = ⟦other⟧\r\n`;

  test.each(["utf-16", "utf-8"] as const)("are right in %s, with CRLF and characters of four bytes", (encoding) =>
    withClient(
      { capabilities: { ...CAPABLE, general: { positionEncodings: ["utf-32", encoding] } } },
      async (client) => {
        expect(client.initialized.capabilities.positionEncoding).toBe(encoding);
        const { text, ranges } = marked(source);
        const character = (offset: number): number => {
          const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
          return encoding === "utf-16" ? line.length : Buffer.byteLength(line);
        };
        await client.open(A, text);
        const found = await client.diagnostics(A, (p) => p.diagnostics.length > 0);
        expect(found.map(({ range: { start, end } }) => [start.line, start.character, end.character])).toEqual(
          ranges.map((r) => [positionAt(text, r.start).line, character(r.start), character(r.end)]),
        );
        // An edit behind the wide characters: `ünknown` becomes `1`.
        const [first] = found;
        await client.edit(A, "1", first!.range);
        expect((await client.diagnostics(A, (p) => p.version === 2)).map((d) => d.message.split("\n")[0])).toEqual([
          "unknown name `other`",
        ]);
      },
    ),
  );
});

describe("the connection", () => {
  test("a request that the server does not have, and one with nonsense in it, leave it alive", () =>
    withClient({}, async (client) => {
      await client.open(A, `${HEAD}let x = y\n`);
      await expect(client.request("textDocument/nonsense", {})).rejects.toThrow();
      await client.request("textDocument/formatting", { textDocument: { uri: 3 } }).catch(() => undefined);
      await client.request("textDocument/formatting", {}).catch(() => undefined);
      expect((await client.diagnostics(A, (p) => p.diagnostics.length > 0))[0]?.code).toBe("L2001");
    }));

  test.each([
    ["is answered", { lace: { inlayHints: { enabled: false } } }],
    ["is refused", undefined],
  ])("works where workspace/configuration %s", (_, configuration) =>
    withClient(
      { configuration, capabilities: { ...CAPABLE, workspace: { ...CAPABLE.workspace, configuration: true } } },
      async (client) => {
        await client.open(A, `${HEAD}let x = y\n`);
        expect((await client.diagnostics(A, (p) => p.diagnostics.length > 0))[0]?.code).toBe("L2001");
      },
    ),
  );
});
