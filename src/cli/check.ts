// lacec check: every mistake of every script named, and nothing else.
import { check } from "../app/check.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { command, type Flags } from "./command.js";
import { EXIT, exitCodeOf } from "./exit.js";
import type { Io } from "./io.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { sarifLog, type FoundIn } from "./sarif.js";
import { troubleOf } from "./trouble.js";

/** `lacec check SCRIPT...` */
export const checkCommand = command(
  {},
  async ({ io, platform }, files: readonly string[], options: Flags & { readonly sarif?: boolean }) => {
    const sarif = options.sarif === true;
    const all: Diagnostic[] = [];
    const checked: FoundIn[] = [];
    for (const file of files) {
      // One by one: what is wrong with the first scripts is told even if a later one cannot be read.
      const [found] = await check(platform, [file]).catch((error: unknown): readonly FoundIn[] => {
        const trouble = sarif ? troubleOf(error) : undefined; // a log is one document, whatever happens
        if (trouble === undefined) throw error;
        return [{ file, diagnostics: trouble.diagnostics, sources: new Map() }];
      });
      if (found === undefined) continue;
      checked.push(found);
      for (const d of found.diagnostics) all.push(d);
      if (options.json !== true && !sarif) printDiagnostics(found.diagnostics, found.sources, io);
    }
    const exitCode = exitCodeOf(all);
    if (sarif) io.out(`${JSON.stringify(sarifLog(checked, platform.version, exitCode), null, 2)}\n`);
    else if (options.json === true) {
      const diagnostics = checked.flatMap((c) => jsonDiagnostics(c.diagnostics, c.sources));
      io.out(`${JSON.stringify({ ok: exitCode === EXIT.done, exitCode, diagnostics }, null, 2)}\n`);
    } else io.err(`${summary(all, files.length, io)}\n`);
    return exitCode;
  },
);

/** `2 files: 1 error, 3 warnings`. */
function summary(diagnostics: readonly Diagnostic[], files: number, io: Io): string {
  const c = io.errColors;
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  const warnings = diagnostics.length - errors;
  const what = [
    ...(errors > 0 ? [c.red(counted(errors, "error"))] : []),
    ...(warnings > 0 ? [c.yellow(counted(warnings, "warning"))] : []),
  ];
  return `${counted(files, "file")}: ${what.length === 0 ? c.green("no mistakes") : what.join(", ")}`;
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
