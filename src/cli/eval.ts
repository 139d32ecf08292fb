// lacec eval: what a script's sets and edits are worth, in numbers.
import { evaluateScript, exportForLabels, type EvaluateOptions } from "../app/evaluate.js";
import { collectEvaluation, submitEvaluation } from "../app/many/eval-queue.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { command, type CommandContext, type Flags } from "./command.js";
import { evaluationLines } from "./eval-table.js";
import { EXIT, type ExitCode } from "./exit.js";
import { machinesOf, meetingOfFlags, sayMachines, saySubmitted, type MeetingFlags } from "./meeting-options.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";

interface EvalFlags extends Flags, MeetingFlags, Omit<EvaluateOptions, "engine" | "inputs"> {
  readonly set?: Readonly<Record<string, number | string>>;
  readonly engine: string;
  readonly export?: string;
}

/** `lacec eval SCRIPT` */
export const evalCommand = command(
  { interrupted: "interrupted; an evaluation leaves nothing behind" },
  async ({ io, platform, watch }, target: string | undefined, flags: EvalFlags) => {
    const { set: inputs, engine, quiet, json, export: folder, ...options } = flags;
    const meeting = meetingOfFlags(flags);
    if (folder !== undefined) return exportPictures(folder, target, flags, { io, platform, watch });
    const about = {
      ...{ ...options, ...watch, engine: engineChoice(engine) },
      ...(inputs !== undefined && { inputs }),
    };
    if (meeting.kind === "submit") {
      const submitted = await submitEvaluation(platform, target, { ...about, ...meeting });
      return saySubmitted(submitted, "the same without --queue, which measures", { io }, flags);
    }
    const collected =
      meeting.kind === "collect"
        ? await collectEvaluation(platform, target, { ...about, store: meeting.store })
        : { ...(await evaluateScript(platform, target, about)), machines: new Map() };
    const { evaluation, baseline, files, warnings, sources } = collected;
    const machines = machinesOf(collected.machines);
    if (json === true) {
      const diagnostics = jsonDiagnostics(warnings, sources);
      io.out(
        `${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics, evaluation, ...(machines.length > 0 && { machines }) }, null, 2)}\n`,
      );
      return EXIT.done;
    }
    if (quiet !== true) printDiagnostics(warnings, sources, io);
    io.out(`${[...evaluationLines(evaluation, baseline, io), ...files.map((f) => `wrote ${f}`)].join("\n")}\n`);
    if (quiet !== true) sayMachines(machines, io);
    return EXIT.done;
  },
);

/** `lacec eval SCRIPT --export DIR` */
async function exportPictures(
  folder: string,
  target: string | undefined,
  flags: EvalFlags,
  { io, platform, watch }: Pick<CommandContext, "io" | "platform" | "watch">,
): Promise<ExitCode> {
  const { labels, labeller, compare, real, baseline, html, queue, store } = flags;
  if ((queue ?? store) !== undefined)
    throw new UsageError("--queue and --store are for measures; --export writes pictures here");
  if ((labels ?? labeller ?? compare ?? real ?? baseline ?? html) !== undefined)
    throw new UsageError(
      "--export writes pictures for labelling and measures nothing: give the others with --labels, in another run",
    );
  const { set: inputs, suite, count, seed, engine } = flags;
  const exported = await exportForLabels(platform, target, folder, {
    ...{ ...watch, engine: engineChoice(engine) },
    ...(inputs !== undefined && { inputs }),
    ...(suite !== undefined && { suite }),
    ...(count !== undefined && { count }),
    ...(seed !== undefined && { seed }),
  });
  const { count: written, table, kept } = exported;
  const next = `fill in ${table} (yes or no, a class, a number; ? for what is unclear), then: lacec eval ${target ?? ""} --labels ${table} and the same --set, --count, --seed`;
  if (flags.json === true) io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, ...exported, next }, null, 2)}\n`);
  else if (flags.quiet !== true)
    io.out(`${[`wrote ${written} pictures to ${folder}`, `${kept ? "kept" : "wrote"} ${table}`, next].join("\n")}\n`);
  return EXIT.done;
}
