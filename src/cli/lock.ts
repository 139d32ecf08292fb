// lacec lock: brings lace.lock up to date without running anything; with --check, compares only.
import { compileScript } from "../app/compile-script.js";
import { nodeHost } from "../node/host.js";
import { makeLock } from "../runtime/recipe/lock.js";
import { keepLock } from "../runtime/recipe/lock-file.js";
import { lacecVersion, nodeServices } from "../node/services.js";
import { EXIT, exitCodeOf, gravest, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { printDiagnostics, reportThrown } from "./report.js";
import { expandScripts } from "./scripts.js";

export async function lockVerb(
  io: Io,
  words: readonly string[],
  options: { readonly check?: boolean },
): Promise<ExitCode> {
  const named = await expandScripts(words);
  if ("mistake" in named) {
    io.err(`error: ${named.mistake}\n`);
    return EXIT.script;
  }
  const host = nodeHost();
  const services = nodeServices(host, "auto");
  const codes: ExitCode[] = [];
  for (const script of named.scripts) {
    try {
      const { plan, program, diagnostics, sources } = await compileScript(script, host);
      printDiagnostics(diagnostics, sources, io);
      if (plan === undefined || program === undefined) {
        codes.push(exitCodeOf(diagnostics));
        continue;
      }
      const models = await Promise.all(plan.models.map((m) => services.loadModel(m)));
      const lock = await makeLock(host, program, plan, models, lacecVersion());
      printDiagnostics(await keepLock(host, lock, { script, frozen: options.check === true }), sources, io);
    } catch (error) {
      codes.push(reportThrown(error, io));
    }
  }
  return gravest(codes);
}
