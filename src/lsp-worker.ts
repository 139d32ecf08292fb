// The language server in a web worker: a script to start one with. The page (or a web extension) speaks the protocol over messages, and reads files
// for it: `lace/read` { uri } gives { data } in base64, or null where there is no file; `lace/list` { uri } gives the entries of a folder.
// Invariants: nothing of Node; files are addresses; nothing is written; a file is read once until the server asks anew.
import { createConnection, ProposedFeatures } from "vscode-languageserver";
import { BrowserMessageReader, BrowserMessageWriter } from "vscode-languageserver/browser";
import { createProtocolConnection } from "vscode-languageserver-protocol/browser";
import type { EditorFiles, FolderEntry } from "./lsp/files.js";
import { startServer } from "./lsp/server.js";
import { resolveAddress, uriOf } from "./lsp/uris.js";
import { failure } from "./source/diagnostic.js";

const scope = self as unknown as Worker;
const connection = createConnection(
  (logger) => createProtocolConnection(new BrowserMessageReader(scope), new BrowserMessageWriter(scope), logger),
  { shutdownReceived: false, initialize: () => undefined, exit: () => (self as unknown as { close(): void }).close() },
  ProposedFeatures.all,
);

async function read(path: string): Promise<Uint8Array | undefined> {
  const uri = path.startsWith("builtin:") ? path : uriOf(path);
  const answer = await connection.sendRequest<{ readonly data: string } | null>("lace/read", { uri });
  return answer === null ? undefined : Uint8Array.from(atob(answer.data), (c) => c.charCodeAt(0));
}

async function bytesOf(path: string): Promise<Uint8Array> {
  const bytes = await read(path);
  if (bytes === undefined) throw failure("L5001", `there is no file ${path}`);
  return bytes;
}

const files: EditorFiles = {
  readText: async (path) => new TextDecoder().decode(await bytesOf(path)),
  readBytes: bytesOf,
  readRange: async (path, start, length) => (await bytesOf(path)).subarray(start, start + length),
  exists: async (path) => (await read(path)) !== undefined,
  writeAtomic: () => Promise.reject(failure("L5002", "nothing is written here")),
  resolve: (from, reference) =>
    reference.startsWith("builtin:") ? reference : (resolveAddress(uriOf(from), reference) ?? reference),
  sha256: async (bytes) => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
    return [...hash].map((b) => b.toString(16).padStart(2, "0")).join("");
  },
  now: () => performance.now(),
  list: async (folder) =>
    (await connection.sendRequest<readonly FolderEntry[] | null>("lace/list", { uri: uriOf(folder) })) ?? [],
};

startServer(connection, files);
