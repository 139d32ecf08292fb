// lacec fmt: scripts in their canonical layout, in place; `-` from standard input to standard output.
// Invariant: a script that does not parse is left alone, and a file that is in order already is not written.
import { format } from "../parser/format.js";
import { nodeHost } from "../node/host.js";
import { EXIT, type ExitCode } from "./exit.js";
import { readStdin, type Io } from "./io.js";
import { printDiagnostics } from "./report.js";

export async function fmtVerb(
  io: Io,
  files: readonly string[],
  options: { readonly check?: boolean },
): Promise<ExitCode> {
  const host = nodeHost();
  let exitCode: ExitCode = EXIT.done;
  for (const file of files) {
    const stdin = file === "-";
    const text = stdin ? await readStdin() : await host.readText(file);
    const { value, diagnostics } = format(text, stdin ? "standard input" : file);
    if (value === undefined) {
      printDiagnostics(diagnostics, new Map([[stdin ? "standard input" : file, text]]), io);
      exitCode = EXIT.script;
    } else if (options.check === true) {
      if (value === text) continue;
      io.err(`${file} is not formatted; lacec fmt ${file} mends it\n`);
      if (exitCode === EXIT.done) exitCode = EXIT.missed;
    } else if (stdin) io.out(value);
    else if (value !== text) {
      await host.writeAtomic(file, value);
      io.err(`formatted ${file}\n`);
    }
  }
  return exitCode;
}
