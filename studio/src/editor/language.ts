// The language server in a worker, and the client that the editor asks.
// In: a way to read the project's files. Out: an LSPClient whose transport is the worker. Invariants: requests of the server (files, settings) are answered here, the rest goes to
// the client; of a model the server gets the header alone.
import { LSPClient, serverCompletion, hoverTooltips, signatureHelp } from "@codemirror/lsp-client";
import LanguageWorker from "../../../src/lsp-worker.js?worker";
import { pathOf, ROOT } from "./addresses.js";
import { mistakes } from "./mistakes.js";
import { StudioWorkspace, type FilesOfProject } from "./workspace.js";

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: {
    readonly uri?: string;
    readonly items?: readonly unknown[];
    readonly capabilities?: { readonly textDocument?: { diagnostic?: unknown } };
  };
}

/** Starts the server. `models`: the address that models that ship with lacec lie below. */
export function startLanguage(files: FilesOfProject, models: string): LSPClient {
  const worker = new LanguageWorker({ name: "language" });
  const handlers = new Set<(message: string) => void>();
  const headers = new Map<string, Promise<Uint8Array | undefined>>();
  const headerOf = (name: string): Promise<Uint8Array | undefined> => {
    const known = headers.get(name) ?? fetchHeader(`${models}${name}.safetensors`);
    headers.set(name, known);
    known.catch(() => headers.delete(name));
    return known;
  };
  const answer = async ({ method, params }: Message): Promise<unknown> => {
    switch (method) {
      case "lace/read": {
        const uri = params?.uri ?? "";
        const name = /^builtin:([a-z0-9][a-z0-9._-]*)$/i.exec(uri)?.[1];
        if (name !== undefined) return inBase64(await headerOf(name));
        const path = pathOf(uri);
        return inBase64(path === undefined ? undefined : files.read(path));
      }
      case "lace/list": {
        const folder = pathOf(`${params?.uri ?? ""}/`.replace(/\/+$/, "/")) ?? "";
        return entriesOf(files.paths(), folder);
      }
      case "workspace/configuration":
        return (params?.items ?? []).map(() => null);
      default:
        return null;
    }
  };
  worker.onmessage = ({ data }: MessageEvent<Message>) => {
    const { id, method } = data;
    if (id !== undefined && method !== undefined) {
      void answer(data)
        .catch(() => null)
        .then((result) => worker.postMessage({ jsonrpc: "2.0", id, result }));
      return;
    }
    const text = JSON.stringify(data);
    for (const handler of handlers) handler(text);
  };
  const client = new LSPClient({
    rootUri: ROOT,
    timeout: 60_000,
    workspace: (c) => new StudioWorkspace(c, files),
    extensions: [mistakes(), serverCompletion(), hoverTooltips({ hoverTime: 350 }), signatureHelp()],
  });
  return client.connect({
    send: (message) => worker.postMessage(asTold(JSON.parse(message) as Message)),
    subscribe: (handler) => void handlers.add(handler),
    unsubscribe: (handler) => void handlers.delete(handler),
  });
}

/** A client that said it asks for diagnostics would be told none: this one says so, and does not ask (lsp-client 6.3). */
function asTold(message: Message): Message {
  if (message.method === "initialize") delete message.params?.capabilities?.textDocument?.diagnostic;
  return message;
}

/** The header of a pack, without the weights behind it. Source: the safetensors format: 8 bytes of length, then as much JSON. */
async function fetchHeader(url: string): Promise<Uint8Array | undefined> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) return undefined;
  const reader = response.body.getReader();
  let bytes = new Uint8Array(0);
  const wanted = (): number =>
    bytes.length < 8 ? 8 : 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  for (;;) {
    if (bytes.length >= wanted()) break;
    const { done, value } = await reader.read();
    if (done) break;
    const longer = new Uint8Array(bytes.length + value.length);
    longer.set(bytes);
    longer.set(value, bytes.length);
    bytes = longer;
  }
  await reader.cancel().catch(() => undefined);
  return bytes.subarray(0, wanted());
}

function inBase64(content: string | Uint8Array | undefined): { readonly data: string } | null {
  if (content === undefined) return null;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return { data: btoa(text) };
}

/** What lies in a folder of the project, by the paths of all files. `folder`: with a slash at its end, or empty. */
function entriesOf(paths: readonly string[], folder: string): { readonly name: string; readonly folder: boolean }[] {
  const below = paths.filter((p) => p.startsWith(folder)).map((p) => p.slice(folder.length).split("/"));
  return [...new Map(below.map(([name = "", ...rest]) => [name, { name, folder: rest.length > 0 }])).values()];
}
