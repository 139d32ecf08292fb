import { existsSync, readdirSync, readFileSync } from "node:fs";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from "vscode-languageserver-protocol/node";
import { describe, expect, test } from "vitest";
import { mainFile, requireBuild } from "../support/build.js";
import { folderWith } from "../support/lacec.js";

function serve(cwd: string): { child: ChildProcessWithoutNullStreams; ended: Promise<number | null> } {
  requireBuild();
  const child = spawn(process.execPath, [mainFile, "lsp", "--stdio"], { cwd });
  return { child, ended: new Promise((resolve) => child.on("close", resolve)) };
}

function connect(child: ChildProcessWithoutNullStreams): ProtocolConnection {
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  return connection;
}

describe("lacec lsp --stdio", () => {
  test("tells the mistakes of a script with its model and imports, and ends with 0 after shutdown and exit", async () => {
    const folder = folderWith({ "looks.lace": "lace 1\nenergy wise = glasses\n" });
    const { child, ended } = serve(folder.path);
    const connection = connect(child);
    const told = new Promise<PublishDiagnosticsParams>((resolve) =>
      connection.onNotification("textDocument/publishDiagnostics", resolve),
    );
    const { capabilities, serverInfo } = await connection.sendRequest<{ capabilities: object; serverInfo: object }>(
      "initialize",
      { processId: process.pid, rootUri: `file://${folder.path}`, capabilities: {} },
    );
    expect(serverInfo).toMatchObject({ name: "lacec" });
    expect(capabilities).toMatchObject({ positionEncoding: "utf-16", documentFormattingProvider: true });
    await connection.sendNotification("initialized", {});
    const uri = `file://${folder.path}/a.lace`;
    const text = `lace 1\nmodel avatar from "builtin:avatar"\nimport "looks.lace"\nsample s from avatar { where wise and hair is purple }\n`;
    await connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "lace", version: 1, text },
    });
    const { diagnostics } = await told;
    expect(diagnostics.map((d) => d.code)).toEqual(["L2005"]);
    expect(diagnostics[0]?.codeDescription?.href).toMatch(/docs\/errors\.md#l2005-/);
    await connection.sendRequest("shutdown");
    await connection.sendNotification("exit");
    expect(await ended).toBe(0);
    folder.remove();
  });

  test("runs a script in a process of its own: pictures as they are made, and from a picture back to its task", async () => {
    const folder = folderWith({});
    const { child, ended } = serve(folder.path);
    const connection = connect(child);
    const pictures: object[] = [];
    connection.onNotification("lace/picture", (p: object) => void pictures.push(p));
    await connection.sendRequest("initialize", { processId: null, rootUri: `file://${folder.path}`, capabilities: {} });
    await connection.sendNotification("initialized", {});
    // It is not on the disk: what the editor has open is what is run.
    const uri = `file://${folder.path}/a.lace`;
    const text = `lace 1\nmodel avatar from "builtin:avatar"\ninput n: number = 1\nsample faces from avatar { where glasses  count n }\nsave faces to "faces.png" as grid\n`;
    await connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "lace", version: 1, text },
    });
    const picture = `file://${folder.path}/faces.png`;
    const execute = (command: string, ...args: unknown[]) =>
      connection.sendRequest("workspace/executeCommand", { command, arguments: args });
    expect(await execute("lace.run", uri, { inputs: { n: 2 } })).toMatchObject({ ok: true, pictures: [picture] });
    expect(pictures).toEqual([{ script: uri, picture, task: "faces" }]);
    expect(existsSync(`${folder.path}/faces.png`)).toBe(true);
    expect(JSON.parse(readFileSync(`${folder.path}/run.json`, "utf8"))).toMatchObject({ tasks: [{ count: 2 }] });
    expect(await execute("lace.reveal", picture)).toMatchObject({ uri, range: { start: { line: 3, character: 7 } } });
    await connection.sendRequest("shutdown");
    await connection.sendNotification("exit");
    expect(await ended).toBe(0);
    folder.remove();
  });

  test("a run that is cancelled stops and leaves no file, and attributes are counted meanwhile", async () => {
    const folder = folderWith({});
    const { child, ended } = serve(folder.path);
    const connection = connect(child);
    const capabilities = { window: { workDoneProgress: true } };
    await connection.sendRequest("initialize", { processId: null, rootUri: `file://${folder.path}`, capabilities });
    await connection.sendNotification("initialized", {});
    const uri = `file://${folder.path}/a.lace`;
    const text = `lace 1\nmodel avatar from "builtin:avatar"\nsample faces from avatar { where glasses  count 20000 }\nsave faces to "{index}.png"\n`;
    await connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "lace", version: 1, text },
    });
    connection.onRequest("window/workDoneProgress/create", () => null);
    const working = new Promise<string>((resolve) =>
      connection.onNotification("$/progress", ({ token, value }: { token: string; value: { message?: string } }) => {
        if (value.message?.includes("faces") === true) resolve(token);
      }),
    );
    const run = connection.sendRequest<{ ok: boolean }>("workspace/executeCommand", {
      command: "lace.run",
      arguments: [uri],
    });
    const token = await working;
    await connection.sendNotification("window/workDoneProgress/cancel", { token });
    expect(await run).toMatchObject({ ok: false, pictures: [] });
    expect(readdirSync(folder.path).filter((f) => f.endsWith(".png"))).toEqual([]);
    const hover = async (): Promise<string> => {
      const position = { line: 2, character: text.split("\n")[2]!.indexOf("glasses") };
      const said = await connection.sendRequest<{ contents: { value: string } }>("textDocument/hover", {
        textDocument: { uri },
        position,
      });
      return said.contents.value;
    };
    await expect
      .poll(hover, { timeout: 90_000, interval: 500 })
      .toMatch(/of 16,384 unconditional samples \d+% have it, by its head/);
    await connection.sendRequest("shutdown");
    await connection.sendNotification("exit");
    expect(await ended).toBe(0);
    folder.remove();
  }, 150_000);

  test("ends with 1 where the editor goes away without a word", async () => {
    const folder = folderWith({});
    const { child, ended } = serve(folder.path);
    child.stdin.end();
    expect(await ended).toBe(1);
    folder.remove();
  });

  test("writes nothing but messages of the protocol", async () => {
    const folder = folderWith({});
    const { child, ended } = serve(folder.path);
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    const send = (message: object): void => {
      const body = JSON.stringify({ jsonrpc: "2.0", ...message });
      child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    };
    send({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } });
    send({ id: 2, method: "shutdown" });
    send({ method: "exit" });
    expect(await ended).toBe(0);
    for (let rest = out; rest !== "";) {
      const [head = "", length = ""] = /^Content-Length: (\d+)\r\n\r\n/.exec(rest) ?? [];
      expect(head).not.toBe("");
      expect(JSON.parse(rest.slice(head.length, head.length + Number(length)))).toMatchObject({ jsonrpc: "2.0" });
      rest = rest.slice(head.length + Number(length));
    }
    folder.remove();
  });
});
