// lacec check: every mistake of every script named, and nothing else.
import { compileScript } from "../app/compile-script.js";
import { nodeHost } from "../node/host.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { exitCodeOf, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { jsonDiagnostics, printDiagnostics, type JsonDiagnostic } from "./report.js";

export async function checkVerb(
  io: Io,
  files: readonly string[],
  options: { readonly json?: boolean },
): Promise<ExitCode> {
  const host = nodeHost();
  const all: Diagnostic[] = [];
  const json: JsonDiagnostic[] = [];
  for (const file of files) {
    const { diagnostics, sources } = await compileScript(file, host);
    all.push(...diagnostics);
    if (options.json === true) json.push(...jsonDiagnostics(diagnostics, sources));
    else printDiagnostics(diagnostics, sources, io);
  }
  const exitCode = exitCodeOf(all);
  if (options.json === true)
    io.out(`${JSON.stringify({ ok: exitCode === 0, exitCode, diagnostics: json }, null, 2)}\n`);
  else io.err(`${summary(all, files.length, io)}\n`);
  return exitCode;
}

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
