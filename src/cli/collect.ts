// lacec collect: the files of a script whose pieces many machines have drawn.
import { collect } from "../app/many/collect.js";
import { command, type Flags } from "./command.js";
import { exitCodeOf } from "./exit.js";
import { machinesOf, sayMachines } from "./meeting-options.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { printSummary } from "./summary.js";

interface CollectFlags extends Flags {
  readonly store: string;
  readonly out: string;
  readonly set?: Readonly<Record<string, number | string>>;
  readonly count?: number;
  readonly seed?: number;
  /** `--shard 2/8`. */
  readonly shard?: { readonly number: number; readonly of: number };
}

/** `lacec collect SCRIPT` */
export const collectCommand = command(
  { interrupted: "interrupted; files already finished are whole" },
  async ({ io, platform, watch }, script: string, flags: CollectFlags) => {
    const { store, out, set: inputs = {}, count, seed, shard, json, quiet } = flags;
    const options = { ...watch, store, out, inputs, count, seed, shard };
    const { id, results, machines } = await collect(platform, script, options);
    const exitCode = exitCodeOf(results.diagnostics);
    if (json === true) {
      const diagnostics = jsonDiagnostics(results.diagnostics, new Map());
      const run = { recordFile: results.recordFile, ...results.record };
      io.out(
        `${JSON.stringify({ ok: exitCode === 0, exitCode, diagnostics, submission: id, machines: machinesOf(machines), run }, null, 2)}\n`,
      );
      return exitCode;
    }
    printDiagnostics(results.diagnostics, new Map(), io);
    if (quiet === true) return exitCode;
    printSummary(results, out, io);
    sayMachines(machinesOf(machines), io);
    return exitCode;
  },
);
