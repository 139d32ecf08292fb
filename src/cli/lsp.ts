// lacec lsp: the language server, for editors (docs/editor.md). Standard output belongs to the protocol: whatever else is said goes to standard error.
import { Console } from "node:console";
import process from "node:process";
import { serveStdio } from "../node/language-server.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

export async function lspVerb(_: Io, options: { readonly run?: boolean }): Promise<ExitCode> {
  if (options.run === true) {
    await (await import("../node/editor-run.js")).serveRun();
    return EXIT.done;
  }
  globalThis.console = new Console(process.stderr, process.stderr);
  return (await serveStdio()) === 0 ? EXIT.done : EXIT.missed;
}
