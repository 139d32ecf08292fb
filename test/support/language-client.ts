// A client of the language server in the same process, over streams as between processes, with files in memory, for texts with marks.
// A mark in a text is `§` where the cursor is, or `⟦` and `⟧` around a range; they are no part of the text.
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { createConnection, ProposedFeatures } from "vscode-languageserver";
import {
  createProtocolConnection,
  type ClientCapabilities,
  type Diagnostic,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type Range,
} from "vscode-languageserver-protocol/node";
import { startServer, type ServerOptions } from "../../src/lsp.js";
import type { EditorFiles } from "../../src/lsp/files.js";
import { memoryHost, type MemoryHost } from "./memory-host.js";

export interface Marked {
  readonly text: string;
  /** Offsets of the cursors. */
  readonly cursors: readonly number[];
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/** A text without its marks, and where they were. */
export function marked(source: string): Marked {
  const cursors: number[] = [];
  const ranges: { start: number; end: number }[] = [];
  const open: number[] = [];
  let text = "";
  for (const c of source) {
    if (c === "§") cursors.push(text.length);
    else if (c === "⟦") open.push(text.length);
    else if (c === "⟧") ranges.push({ start: open.pop()!, end: text.length });
    else text += c;
  }
  return { text, cursors, ranges: ranges.sort((a, b) => a.start - b.start) };
}

/** The position of a UTF-16 offset, worked out apart from the server. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length - 1, character: before.at(-1)!.length };
}

export function rangeAt(text: string, { start, end }: { start: number; end: number }): Range {
  return { start: positionAt(text, start), end: positionAt(text, end) };
}

/** The UTF-16 offset of a position. */
export function offsetAt(text: string, { line, character }: Position): number {
  const lines = text.split(/(?<=\r\n|\n|\r(?!\n))/);
  return lines.slice(0, line).join("").length + character;
}

/** A text after edits, none of which touches another. */
export function applied(text: string, edits: readonly { range: Range; newText: string }[]): string {
  return [...edits]
    .sort((a, b) => offsetAt(text, b.range.start) - offsetAt(text, a.range.start))
    .reduce(
      (t, e) => t.slice(0, offsetAt(text, e.range.start)) + e.newText + t.slice(offsetAt(text, e.range.end)),
      text,
    );
}

export const avatarBytes = (): Uint8Array =>
  readFileSync(fileURLToPath(new URL("../../models/avatar.safetensors", import.meta.url)));

/** Everything that a modern client can do, as far as the server asks. */
export const CAPABLE: ClientCapabilities = {
  workspace: { workspaceFolders: true, workspaceEdit: { documentChanges: true } },
  textDocument: {
    completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown"] } },
    hover: { contentFormat: ["markdown"] },
    publishDiagnostics: { relatedInformation: true, versionSupport: true },
  },
  window: { workDoneProgress: true },
};

export interface ClientOptions {
  /** Files by path; `/w/` is the workspace. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly capabilities?: ClientCapabilities;
  readonly server?: ServerOptions;
  /** What `workspace/configuration` is answered with; without it, it fails. */
  readonly configuration?: unknown;
  /** Folders of the workspace; default: `/w`. */
  readonly folders?: readonly string[];
  /** Without the model that ships. */
  readonly modelless?: boolean;
}

/** This server's messages are plain text. */
export type Told = Diagnostic & { message: string };

/** A client with its server. */
export class LanguageClient {
  readonly published: PublishDiagnosticsParams[] = [];
  readonly logged: string[] = [];
  private readonly versions = new Map<string, number>();
  private readonly waiting: (() => void)[] = [];

  private constructor(
    readonly connection: ProtocolConnection,
    readonly host: MemoryHost,
    readonly initialized: InitializeResult,
  ) {}

  static async start(options: ClientOptions = {}): Promise<LanguageClient> {
    const host = memoryHost({
      ...(options.modelless !== true && { "builtin:avatar": avatarBytes() }),
      ...options.files,
    });
    const files: EditorFiles = { ...host, list: (folder) => Promise.resolve(listed(host, folder)) };
    const [up, down] = [new PassThrough(), new PassThrough()];
    const watchDog = { shutdownReceived: false, initialize: () => undefined, exit: () => undefined };
    const server = createConnection(
      (logger) => createProtocolConnection(up, down, logger),
      watchDog,
      ProposedFeatures.all,
    );
    startServer(server, files, options.server);
    const connection = createProtocolConnection(down, up);
    const published: PublishDiagnosticsParams[] = [];
    const logged: string[] = [];
    const waiting: (() => void)[] = [];
    connection.onNotification("textDocument/publishDiagnostics", (params: PublishDiagnosticsParams) => {
      published.push(params);
      for (const wake of waiting.splice(0)) wake();
    });
    connection.onNotification("window/logMessage", ({ message }: { message: string }) => void logged.push(message));
    connection.onRequest("client/registerCapability", () => null);
    connection.onRequest("window/workDoneProgress/create", () => null);
    connection.onRequest("workspace/configuration", () => {
      if (options.configuration === undefined) throw new Error("no settings here");
      return [options.configuration];
    });
    connection.listen();
    const initialized = await connection.sendRequest<InitializeResult>("initialize", {
      processId: null,
      rootUri: "file:///w",
      capabilities: options.capabilities ?? CAPABLE,
      workspaceFolders: (options.folders ?? ["/w"]).map((path) => ({ uri: `file://${path}`, name: path })),
    });
    await connection.sendNotification("initialized", {});
    const client = new LanguageClient(connection, host, initialized);
    Object.assign(client, { published, logged, waiting });
    return client;
  }

  open(uri: string, text: string): Promise<void> {
    this.versions.set(uri, 1);
    return this.connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "lace", version: 1, text },
    });
  }

  /** Replaces a range, or the whole text. */
  edit(uri: string, text: string, range?: Range): Promise<void> {
    const version = (this.versions.get(uri) ?? 0) + 1;
    this.versions.set(uri, version);
    return this.connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version },
      contentChanges: [range === undefined ? { text } : { range, text }],
    });
  }

  close(uri: string): Promise<void> {
    return this.connection.sendNotification("textDocument/didClose", { textDocument: { uri } });
  }

  request<R>(method: string, params: object): Promise<R> {
    return this.connection.sendRequest<R>(method, params);
  }

  /** What was published last of a file, once something was that `wanted` accepts. */
  async diagnostics(uri: string, wanted: (d: PublishDiagnosticsParams) => boolean = () => true): Promise<Told[]> {
    for (;;) {
      const last = this.published.findLast((p) => p.uri === uri);
      if (last !== undefined && wanted(last)) return last.diagnostics as Told[];
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async stop(): Promise<void> {
    await this.request("shutdown", {});
    await this.connection.sendNotification("exit");
    this.connection.dispose();
  }
}

function listed(host: MemoryHost, folder: string): { name: string; folder: boolean }[] {
  const inside = folder.endsWith("/") ? folder : `${folder}/`;
  const names = new Map<string, boolean>();
  for (const path of host.files.keys()) {
    if (!path.startsWith(inside)) continue;
    const [name = "", ...rest] = path.slice(inside.length).split("/");
    names.set(name, rest.length > 0);
  }
  return [...names].map(([name, isFolder]) => ({ name, folder: isFolder }));
}

/** Runs a test with a client of its own. */
export async function withClient(
  options: ClientOptions,
  body: (client: LanguageClient) => Promise<void>,
): Promise<void> {
  const client = await LanguageClient.start(options);
  try {
    await body(client);
  } finally {
    await client.stop();
  }
}

/** The address of a file of the workspace. */
export const uriOf = (name: string): string => `file:///w/${name}`;

/** What begins most scripts of these tests. */
export const HEAD = 'lace 1\nmodel avatar from "builtin:avatar"\n';

/** Opens a marked text as `a.lace`; gives the text and the positions of its cursors. */
export async function openMarked(
  client: LanguageClient,
  source: string,
  uri = uriOf("a.lace"),
): Promise<{ readonly text: string; readonly positions: readonly Position[]; readonly ranges: readonly Range[] }> {
  const { text, cursors, ranges } = marked(source);
  await client.open(uri, text);
  return { text, positions: cursors.map((c) => positionAt(text, c)), ranges: ranges.map((r) => rangeAt(text, r)) };
}

/** Asks at the cursor of a marked text. */
export async function askAt<R>(
  client: LanguageClient,
  method: string,
  source: string,
  more: object = {},
  uri = uriOf("a.lace"),
): Promise<R> {
  const { positions } = await openMarked(client, source, uri);
  return client.request<R>(method, { textDocument: { uri }, position: positions[0], ...more });
}
