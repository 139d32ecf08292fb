// Several folders in one workspace: each with its own scripts, models and lock.
import type { SymbolInformation } from "vscode-languageserver-protocol/node";
import { expect, test } from "vitest";
import type { RunRequest, ScriptRuns } from "../../src/lsp.js";
import { avatarBytes, withClient, type ClientOptions } from "../support/language-client.js";

/** The model that ships, its attribute `glasses` called by another name of as many letters. */
function renamed(name: string): Uint8Array {
  const bytes = Buffer.from(avatarBytes());
  const end = 8 + Number(bytes.readBigUInt64LE());
  bytes.write(bytes.toString("latin1", 0, end).replaceAll("glasses", name), 0, "latin1");
  return bytes;
}

const script = (task: string, where: string): string =>
  `lace 1\nmodel m from "models/m.safetensors"\nimport "looks.lace"\nsample ${task} from m { where ${where} and keen }\nsave ${task} to "s.png" as grid\n`;
const FILES = {
  "/one/models/m.safetensors": avatarBytes(),
  "/one/looks.lace": "lace 1\nenergy keen = smile\n",
  "/one/a.lace": script("first", "glasses"),
  "/two/models/m.safetensors": renamed("eyewear"),
  "/two/looks.lace": "lace 1\nenergy keen = hat\n",
  "/two/a.lace": script("second", "eyewear and glasses"),
};
const TWO: ClientOptions = { files: FILES, folders: ["/one", "/two"] };
const uri = (root: string): string => `file:///${root}/a.lace`;

test("a script knows the models and the imports of its own folder", () =>
  withClient(TWO, async (client) => {
    await client.open(uri("two"), FILES["/two/a.lace"]);
    await client.open(uri("one"), FILES["/one/a.lace"]);
    const found = await client.diagnostics(uri("two"), (p) => p.diagnostics.length > 0);
    expect(found.map((d) => [d.code, d.message.split("\n")[0]])).toEqual([["L2001", "unknown name `glasses`"]]);
    // Of a file without mistakes nothing is told; hover waits for its analysis.
    const hover = (root: string) =>
      client.request<{ contents: { value: string } }>("textDocument/hover", {
        textDocument: { uri: uri(root) },
        position: {
          line: 3,
          character: FILES[`/${root}/a.lace` as keyof typeof FILES].toString().split("\n")[3]!.indexOf("keen"),
        },
      });
    expect((await hover("one")).contents.value).toContain("log p(smile)");
    expect((await hover("two")).contents.value).toContain("log p(hat)");
    expect(client.published.filter((p) => p.uri === uri("one") && p.diagnostics.length > 0)).toEqual([]);
  }));

test("symbols are those of all folders that are open at the time", () =>
  withClient(TWO, async (client) => {
    const names = async (): Promise<readonly string[]> => {
      const found = await client.request<SymbolInformation[]>("workspace/symbol", { query: "" });
      return found.map((s) => s.name).filter((n) => ["first", "second"].includes(n));
    };
    expect(await names()).toEqual(["first", "second"]);
    const change = (added: string[], removed: string[]): Promise<void> => {
      const folder = (name: string) => ({ uri: `file:///${name}`, name });
      return client.connection.sendNotification("workspace/didChangeWorkspaceFolders", {
        event: { added: added.map(folder), removed: removed.map(folder) },
      });
    };
    await change([], ["two"]);
    expect(await names()).toEqual(["first"]);
    await change(["two"], ["one"]);
    expect(await names()).toEqual(["second"]);
  }));

test("a run and a lock are of the script that is named, and write to its folder", async () => {
  const asked: RunRequest[] = [];
  const runs: ScriptRuns = {
    run: (request) => {
      asked.push(request);
      return Promise.resolve({ ok: true, message: "done", outputs: [] });
    },
  };
  const files = { ...FILES, "/two/a.lace": script("second", "eyewear") };
  await withClient({ ...TWO, files, server: { runs } }, async (client) => {
    for (const root of ["one", "two"])
      for (const command of ["lace.run", "lace.lock"])
        await client.request("workspace/executeCommand", { command, arguments: [uri(root)] });
  });
  expect(asked.map(({ script: file, out, lockOnly = false }) => [file, out, lockOnly])).toEqual([
    ["/one/a.lace", "/one", false],
    ["/one/a.lace", "/one", true],
    ["/two/a.lace", "/two", false],
    ["/two/a.lace", "/two", true],
  ]);
});
