// What a feature of the server is: a file that tells what it can do and answers for it.
// Invariants: a request that fails is told to the editor's log and answered with nothing: it never ends the server.
import {
  ResponseError,
  type CancellationToken,
  type ClientCapabilities,
  type Connection,
  type ServerCapabilities,
  type TextDocumentIdentifier,
} from "vscode-languageserver";
import type { Frequencies } from "./frequencies.js";
import type { Snapshot, Workspace } from "./workspace.js";
import type { EditorSettings } from "./settings.js";
import { pathOf } from "./uris.js";
import type { ScriptRuns } from "./runs.js";

/** What features share. */
export interface Site {
  readonly connection: Connection;
  readonly workspace: Workspace;
  /** What the client can do; empty until it has said so. */
  readonly client: () => ClientCapabilities;
  /** What the person has set, once the client has said so. */
  readonly settings: () => Promise<EditorSettings>;
  /** The same, as far as it is known now. */
  readonly lastSettings: () => EditorSettings;
  /** The address of the page of errors, if there is one. */
  readonly errorsPage: string | undefined;
  readonly frequencies: Frequencies;
  /** What runs scripts, where there is one. */
  readonly runs: ScriptRuns | undefined;
}

export interface Feature {
  /** What the server says of itself. */
  readonly capabilities: (client: ClientCapabilities) => Partial<ServerCapabilities>;
  /** Answers the feature's requests on the connection. */
  readonly register: (site: Site) => void;
}

/** A handler of requests that answers with `otherwise` where it fails or was cancelled. */
export function guarded<P, R>(
  site: Site,
  what: string,
  otherwise: R,
  handler: (params: P, token: CancellationToken) => Promise<R> | R,
): (params: P, token: CancellationToken) => Promise<R> {
  return async (params, token) => {
    try {
      return token.isCancellationRequested ? otherwise : await handler(params, token);
    } catch (error) {
      if (error instanceof ResponseError) throw error; // a refusal, with its reason
      site.connection.console.error(
        `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      return otherwise;
    }
  };
}

/** A handler of requests on a script: with the analysis of its present text. */
export function onScript<P extends { readonly textDocument: TextDocumentIdentifier }, R>(
  site: Site,
  what: string,
  otherwise: R,
  handler: (snapshot: Snapshot, params: P, token: CancellationToken) => Promise<R> | R,
): (params: P, token: CancellationToken) => Promise<R> {
  return guarded(site, what, otherwise, async (params: P, token) => {
    const snapshot = await site.workspace.snapshot(pathOf(params.textDocument.uri));
    return snapshot === undefined || token.isCancellationRequested ? otherwise : handler(snapshot, params, token);
  });
}
