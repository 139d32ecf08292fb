// The language server, on any connection and any Host: in Node over standard input and output, in a browser in a worker.
// In: a connection of vscode-languageserver and the files. Out: nothing; it answers until the connection ends.
// Invariants: nothing is written; a request that fails ends neither the server nor the others; what the client cannot do is not asked of it.
import {
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  TextDocuments,
  TextDocumentSyncKind,
  type ClientCapabilities,
  type Connection,
  type InitializeParams,
  type InitializeResult,
} from "vscode-languageserver";
import { completion } from "./completion.js";
import { diagnosticsFeature } from "./diagnostics.js";
import type { Feature, Site } from "./feature.js";
import type { EditorFiles } from "./files.js";
import { formatting } from "./formatting.js";
import { Frequencies } from "./frequencies.js";
import { hover } from "./hover.js";
import { chooseEncoding } from "./positions.js";
import type { ScriptRuns } from "./runs.js";
import { DEFAULT_SETTINGS, readSettings } from "./settings.js";
import { signatureHelp } from "./signature-help.js";
import { commands } from "./commands.js";
import { inlayHints } from "./inlay-hints.js";
import { lenses } from "./lenses.js";
import { links } from "./links.js";
import { navigation } from "./navigation.js";
import { quickFixes } from "./quick-fixes.js";
import { rename } from "./rename.js";
import { semanticTokens } from "./semantic-tokens.js";
import { structure } from "./structure.js";
import { symbols } from "./symbols.js";
import { pathOf } from "./uris.js";
import { OpenText, Workspace } from "./workspace.js";

export interface ServerOptions {
  readonly version?: string;
  /** The address of the page of errors (docs/errors.md): codes are linked to it. */
  readonly errorsPage?: string;
  readonly runs?: ScriptRuns;
}

/** What may change outside the editor: scripts, models and heads, records of runs. */
const WATCHED = "**/*.{lace,safetensors,onnx,json}";

/** How long settings are waited for, in milliseconds. */
const PATIENCE_MS = 500;

/** How long nothing has changed when work is done that nobody waits for, in milliseconds. */
const IDLE_MS = 2000;

/** Serves a client until its connection ends. */
export function startServer(connection: Connection, files: EditorFiles, options: ServerOptions = {}): void {
  let client: ClientCapabilities = {};
  let settings = DEFAULT_SETTINGS;
  let fetched: Promise<unknown> = Promise.resolve();
  const workspace = new Workspace(files);
  const frequencies = new Frequencies(options.runs, (reference) => workspace.models.hashOf(reference));
  const site: Site = {
    connection,
    workspace,
    frequencies,
    client: () => client,
    settings: async () => {
      await fetched;
      return settings;
    },
    lastSettings: () => settings,
    errorsPage: options.errorsPage,
    runs: options.runs,
  };
  const diagnostics = diagnosticsFeature();
  const features: readonly Feature[] = [
    ...[diagnostics, quickFixes, formatting, completion, hover, signatureHelp, navigation, rename, symbols],
    ...[structure, semanticTokens, inlayHints, lenses, links, commands],
  ];
  const teller = diagnostics.teller(site);

  /** Files changed that the editor does not have open: one that asks for diagnostics has no other way to know that it should. */
  const changedOutside = (): void => {
    teller.changed();
    if (client.workspace?.diagnostics?.refreshSupport !== true) return;
    connection.languages.diagnostics.refresh().catch(() => undefined); // a client that cannot after all
  };

  connection.onInitialize((params: InitializeParams): InitializeResult => {
    client = params.capabilities;
    workspace.encoding = chooseEncoding(client.general?.positionEncodings);
    workspace.roots = rootsOf(params);
    settings = readSettings(params.initializationOptions);
    return {
      serverInfo: { name: "lacec", ...(options.version !== undefined && { version: options.version }) },
      capabilities: Object.assign(
        {
          positionEncoding: workspace.encoding,
          textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
          workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
        },
        ...features.map((f) => f.capabilities(client)),
      ) as InitializeResult["capabilities"],
    };
  });

  const refetch = async (): Promise<void> => {
    if (client.workspace?.configuration !== true) return;
    try {
      settings = readSettings(await connection.workspace.getConfiguration("lace"));
    } catch {
      // A client that says it has settings and then has none: what there was stays.
    }
  };

  connection.onInitialized(() => {
    if (client.workspace?.didChangeWatchedFiles?.dynamicRegistration === true)
      void register(connection, DidChangeWatchedFilesNotification.type, { watchers: [{ globPattern: WATCHED }] });
    if (client.workspace?.didChangeConfiguration?.dynamicRegistration === true)
      void register(connection, DidChangeConfigurationNotification.type, { section: "lace" });
    if (client.workspace?.workspaceFolders === true)
      connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
        const gone = new Set(removed.map((f) => pathOf(f.uri)));
        workspace.roots = [...workspace.roots.filter((r) => !gone.has(r)), ...added.map((f) => pathOf(f.uri))];
        changedOutside();
      });
    // What depends on settings waits for them, though not for a client that never answers.
    fetched = Promise.race([refetch(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    teller.changed();
  });
  connection.onDidChangeConfiguration(({ settings: given }) => {
    if (client.workspace?.configuration === true) void refetch();
    else settings = readSettings(given);
  });

  const texts = new TextDocuments<OpenText>({
    create: (uri, _language, version, text) => new OpenText(uri, version, text, workspace.encoding),
    update: (text, changes, version) => text.edited(changes, version),
  });
  let idle: ReturnType<typeof setTimeout> | undefined;
  const countModels = (): void => {
    for (const { path } of workspace.openTexts)
      for (const { reference } of workspace.latest(path)?.models.values() ?? []) frequencies.want(reference);
  };
  texts.onDidChangeContent(({ document }) => {
    workspace.put(document);
    teller.changed();
    clearTimeout(idle);
    idle = setTimeout(countModels, IDLE_MS);
  });
  texts.onDidClose(({ document }) => {
    workspace.remove(document.path);
    teller.closed(document.uri);
  });
  // Without a watcher in the client this is when files and models that changed are noticed.
  texts.onDidSave(() => {
    workspace.touchAll();
    changedOutside();
  });
  connection.onShutdown(() => {
    clearTimeout(idle);
    frequencies.dispose();
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    for (const { uri } of changes) workspace.touch(pathOf(uri));
    if (changes.some(({ uri }) => !/\.(lace|json)$/.test(uri))) workspace.touchAll();
    changedOutside();
  });

  for (const feature of features) feature.register(site);
  texts.listen(connection);
  connection.listen();
}

async function register(
  connection: Connection,
  type: typeof DidChangeWatchedFilesNotification.type | typeof DidChangeConfigurationNotification.type,
  options: object,
): Promise<void> {
  try {
    await connection.client.register(type as typeof DidChangeConfigurationNotification.type, options);
  } catch {
    // A client that cannot after all: saving does the same.
  }
}

function rootsOf(params: InitializeParams): readonly string[] {
  const { workspaceFolders } = params;
  if ((workspaceFolders?.length ?? 0) > 0) return (workspaceFolders ?? []).map((f) => pathOf(f.uri));
  // Older clients know one root alone.
  const { rootUri } = params as { readonly rootUri?: string | null };
  return typeof rootUri === "string" ? [pathOf(rootUri)] : [];
}
