// lacec lock: brings lace.lock up to date without running anything; with --check, compares only.
import { lock } from "../app/lock.js";
import { command, sayError, type Flags } from "./command.js";
import { exitCodeOf, gravest, type ExitCode } from "./exit.js";
import { printDiagnostics } from "./report.js";
import { expandScripts } from "./scripts.js";

/** `lacec lock SCRIPT...` */
export const lockCommand = command(
  {},
  async ({ io, platform }, words: readonly string[], options: Flags & { readonly check?: boolean }) => {
    const codes: ExitCode[] = [];
    for (const script of await expandScripts(words)) {
      try {
        const { diagnostics, sources } = await lock(platform, script, { check: options.check === true });
        printDiagnostics(diagnostics, sources, io);
        codes.push(exitCodeOf(diagnostics));
      } catch (error) {
        codes.push(sayError(error, io)); // the other scripts have a lock of their own
      }
    }
    return gravest(codes);
  },
);
