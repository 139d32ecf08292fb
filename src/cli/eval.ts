// lacec eval: what a script's sets and edits are worth, in numbers.
import { evaluateScript, type EvaluateOptions } from "../app/evaluate.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { evaluationLines } from "./eval-table.js";
import { EXIT } from "./exit.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";

interface EvalFlags extends Flags, Omit<EvaluateOptions, "engine" | "inputs"> {
  readonly set?: Readonly<Record<string, number | string>>;
  readonly engine: string;
}

/** `lacec eval SCRIPT` */
export const evalCommand = command(
  { interrupted: "interrupted; an evaluation leaves nothing behind", native: true },
  async ({ io, platform, watch }, target: string | undefined, flags: EvalFlags) => {
    const { set: inputs, engine, quiet, json, ...options } = flags;
    const { evaluation, baseline, files, warnings, sources } = await evaluateScript(platform, target, {
      ...{ ...options, ...watch, engine: engineChoice(engine) },
      ...(inputs !== undefined && { inputs }),
    });
    if (json === true) {
      const diagnostics = jsonDiagnostics(warnings, sources);
      io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics, evaluation }, null, 2)}\n`);
      return EXIT.done;
    }
    if (quiet !== true) printDiagnostics(warnings, sources, io);
    io.out(`${[...evaluationLines(evaluation, baseline, io), ...files.map((f) => `wrote ${f}`)].join("\n")}\n`);
    return EXIT.done;
  },
);
