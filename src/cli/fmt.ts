// lacec fmt: scripts in their canonical layout, in place; `-` from standard input to standard output.
import { formatFile } from "../app/format-files.js";
import { command, type Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";
import { printDiagnostics } from "./report.js";
import { STDIN_NAME, withStdin } from "./scripts.js";

/** `lacec fmt SCRIPT...` */
export const fmtCommand = command(
  {},
  async ({ io, platform }, files: readonly string[], options: Flags & { readonly check?: boolean }) => {
    let exitCode: ExitCode = EXIT.done;
    for (const word of files) {
      const stdin = word === "-";
      const machine = stdin ? { ...platform, host: await withStdin(platform.host) } : platform;
      const write = !stdin && options.check !== true;
      const { file, before, after, diagnostics } = await formatFile(machine, stdin ? STDIN_NAME : word, { write });
      if (after === undefined) {
        printDiagnostics(diagnostics, new Map([[file, before]]), io);
        exitCode = EXIT.script;
      } else if (options.check === true) {
        if (after === before) continue;
        io.err(`${word} is not formatted; lacec fmt ${word} mends it\n`);
        if (exitCode === EXIT.done) exitCode = EXIT.missed;
      } else if (stdin) io.file(after);
      else if (after !== before) io.err(`formatted ${file}\n`);
    }
    return exitCode;
  },
);
