import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";
import { avatarBytes } from "../support/language-client.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => existsSync(p));

async function workerCode(): Promise<{ readonly code: string; readonly modules: readonly string[] }> {
  const bundle = await rolldown({
    input: "src/lsp-worker.ts",
    platform: "browser",
    external: () => false,
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ format: "iife" });
  await bundle.close();
  return { code: output[0].code, modules: output[0].moduleIds };
}

test("the server as a worker bundles without Node, and without engines", async () => {
  const { code, modules } = await workerCode();
  expect(modules.some((id) => /\/src\/(node|cli)\/|onnxruntime|node_modules\/sharp|tensorflow/.test(id))).toBe(false);
  expect(code).not.toMatch(/require\(["']node:|from ["']node:/);
});

/** A page that starts the worker, speaks the protocol with it, and posts the answers. */
function pageWith(worker: string, header: Uint8Array): string {
  const files = {
    "file:///w/looks.lace": "lace 1\nenergy wise = glasses\n",
    "builtin:avatar": header,
  };
  const table = Object.fromEntries(Object.entries(files).map(([k, v]) => [k, Buffer.from(v).toString("base64")]));
  const text =
    'lace 1\nmodel avatar from "builtin:avatar"\nimport "looks.lace"\nsample s from avatar { where wise and hair is purple }\nsave s to "s.png" as grid\n';
  return `<!DOCTYPE html><body><script>
const files = ${JSON.stringify(table)};
const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(worker).replaceAll("</", "<\\/")}])));
const waiting = new Map();
let last = 0;
const send = (m) => worker.postMessage({ jsonrpc: "2.0", ...m });
const ask = (method, params) => new Promise((resolve) => { waiting.set(++last, resolve); send({ id: last, method, params }); });
const uri = "file:///w/a.lace";
worker.onmessage = ({ data }) => {
  if (data.method === "lace/read") send({ id: data.id, result: files[data.params.uri] === undefined ? null : { data: files[data.params.uri] } });
  else if (data.method === "lace/list") send({ id: data.id, result: [] });
  else if (data.method === "textDocument/publishDiagnostics" && data.params.uri === uri) finish(data.params.diagnostics);
  else if (data.id !== undefined && waiting.has(data.id)) waiting.get(data.id)(data.result);
};
async function finish(diagnostics) {
  const hover = await ask("textDocument/hover", { textDocument: { uri }, position: { line: 3, character: 40 } });
  await fetch("/", { method: "POST", body: JSON.stringify({ codes: diagnostics.map((d) => d.code), hover: hover && hover.contents.value }) });
}
(async () => {
  await ask("initialize", { processId: null, rootUri: "file:///w", capabilities: {} });
  send({ method: "initialized", params: {} });
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "lace", version: 1, text: ${JSON.stringify(text)} } } });
})();
</script></body>`;
}

test.skipIf(CHROMIUM === undefined)(
  "the server answers in a worker of Chromium: diagnostics, imports, the model's table, hover",
  async () => {
    const { code } = await workerCode();
    const pack = avatarBytes();
    const header = pack.subarray(0, 8 + Number(new DataView(pack.buffer, pack.byteOffset).getBigUint64(0, true)));
    const folder = mkdtempSync(join(tmpdir(), "lace-worker-"));
    const page = pageWith(code, header);
    let answered: (text: string) => void;
    const answer = new Promise<string>((resolve) => (answered = resolve));
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (t: string) => (body += t));
      request.on("end", () => {
        if (request.method === "POST") answered(body);
        response.setHeader("content-type", "text/html");
        response.end(request.method === "GET" && request.url === "/" ? page : "");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${folder}`,
      `http://127.0.0.1:${port}/`,
    ];
    const child = spawn(CHROMIUM!, args, { stdio: "ignore" });
    const { codes, hover } = JSON.parse(await answer) as { codes: string[]; hover: string };
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.kill();
    await ended;
    server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    expect(codes).toEqual(["L2005"]);
    expect(hover).toContain("category { black, brown, blond, red, gray }");
  },
  120_000,
);
