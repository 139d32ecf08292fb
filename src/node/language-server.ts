// The language server over two streams, as editors start it: `lacec lsp --stdio`.
// In: streams. Out: the exit code that the protocol wants. Invariants: nothing but the protocol is written; the end of the input, `exit`, and the
// end of the editor's process each end the server.
import { readdir } from "node:fs/promises";
import process from "node:process";
import { createConnection, ProposedFeatures } from "vscode-languageserver";
import { createProtocolConnection } from "vscode-languageserver-protocol/node";
import type { EditorFiles } from "../lsp/files.js";
import { startServer } from "../lsp/server.js";
import { nodeHost } from "./host.js";
import { processExists } from "./process.js";
import { childRuns } from "./script-runs.js";
import { lacecVersion } from "./services.js";

/** How often the editor's process is looked for, in milliseconds. */
const PARENT_EVERY_MS = 3000;

/** The files of this machine for an editor: those of a Host, and what is in folders. */
function editorFiles(): EditorFiles {
  return {
    ...nodeHost(),
    list: async (folder) => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      return entries.map((e) => ({ name: e.name, folder: e.isDirectory() }));
    },
  };
}

/**
 * Serves an editor. Resolves to 0 after `shutdown` and `exit`, to 1 where the connection ended without them.
 * `command` is the lacec that runs scripts; without it nothing is run.
 */
function serveStreams(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, command?: string): Promise<0 | 1> {
  return new Promise((resolve) => {
    let parent: ReturnType<typeof setInterval> | undefined;
    const watchDog = {
      shutdownReceived: false,
      initialize: ({ processId }: { readonly processId: number | null }) => {
        if (processId === null) return;
        parent = setInterval(() => {
          if (!processExists(processId)) end();
        }, PARENT_EVERY_MS);
        parent.unref();
      },
      exit: (code: number) => end(code),
    };
    const end = (code = watchDog.shutdownReceived ? 0 : 1): void => {
      clearInterval(parent);
      resolve(code === 0 ? 0 : 1);
    };
    input.on("end", () => end());
    input.on("close", () => end());
    output.on("error", () => end());
    const connection = createConnection(
      (logger) => createProtocolConnection(input, output, logger),
      watchDog,
      ProposedFeatures.all,
    );
    startServer(connection, editorFiles(), {
      version: lacecVersion(),
      errorsPage: new URL("../../docs/errors.md", import.meta.url).href,
      // Each run is this command again, in a process of its own.
      ...(command !== undefined && { runs: childRuns(command, ["lsp", "--run"]) }),
    });
  });
}

/** Serves an editor over standard input and output. */
export function serveStdio(): Promise<0 | 1> {
  return serveStreams(process.stdin, process.stdout, process.argv[1]);
}
