// lacec label: latents of a generator with labels, for `lacec train`.
import { convertLaceLatents, convertStyleflow, joinData, type Labelled } from "../app/data-files.js";
import { exportImages, label, type LabelOptions } from "../app/label.js";
import { collectLabel, submitLabel } from "../app/many/label-queue.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { command, type CommandContext, type Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";
import {
  machinesOf,
  meetingOfFlags,
  sayMachines,
  saySubmitted,
  type DrawingMachine,
  type MeetingFlags,
} from "./meeting-options.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { tallyLines } from "./tally.js";

interface LabelFlags extends Flags, MeetingFlags, Omit<LabelOptions, "engine"> {
  readonly engine: string;
  readonly export?: string;
  readonly join?: readonly string[];
  readonly fromStyleflow?: string;
  readonly fromLace?: string;
}

/** A data file, and who labelled it where that was not this machine. */
interface LabelledHere extends Labelled {
  readonly machines?: readonly DrawingMachine[];
}

/** `lacec label MODEL` */
export const labelCommand = command(
  { interrupted: "finish" },
  async (context, reference: string | undefined, flags: LabelFlags) => {
    const { platform, watch } = context;
    const { quiet, json, export: folder, join: files, fromStyleflow, fromLace, ...given } = flags;
    const mistake = usageMistake(reference, flags);
    if (mistake !== undefined) throw new UsageError(mistake);
    const meeting = meetingOfFlags(flags);
    const options = { ...given, ...watch, engine: engineChoice(flags.engine) };
    const say = (done: LabelledHere): ExitCode => sayLabelled(done, context, flags);
    if (files !== undefined) return say(await joinData(platform, files, options));
    const converted = { ...options, ...(reference !== undefined && { model: reference }) };
    if (fromStyleflow !== undefined) return say(await convertStyleflow(platform, fromStyleflow, converted));
    if (fromLace !== undefined) return say(await convertLaceLatents(platform, fromLace, converted));
    const model = reference ?? "";
    if (meeting.kind === "submit") {
      const submitted = await submitLabel(platform, model, { ...options, ...meeting });
      return saySubmitted(submitted, `the same without --queue, which writes the data file`, context, flags);
    }
    if (meeting.kind === "collect") {
      const { machines, ...done } = await collectLabel(platform, model, { ...options, store: meeting.store });
      return say({ ...done, machines: machinesOf(machines) });
    }
    if (folder === undefined) return say(await label(platform, model, options));
    const { kept, ...exported } = await exportImages(platform, model, folder, options);
    const { count, table, next } = exported;
    const lines = [`wrote ${count} images to ${folder}`, `${kept ? "kept" : "wrote"} ${table}`, next];
    if (json === true) context.io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, ...exported }, null, 2)}\n`);
    else if (quiet !== true) context.io.out(`${lines.join("\n")}\n`);
    return EXIT.done;
  },
);

function sayLabelled({ warnings, ...done }: LabelledHere, { io }: CommandContext, { quiet, json }: Flags): ExitCode {
  if (json === true) {
    const diagnostics = jsonDiagnostics(warnings, new Map());
    io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics, ...done }, null, 2)}\n`);
    return EXIT.done;
  }
  printDiagnostics(warnings, new Map(), io);
  if (quiet !== true) io.out(`${[...tallyLines(done.tallies, io), `wrote ${done.file}`].join("\n")}\n`);
  if (quiet !== true) sayMachines(done.machines ?? [], io);
  return EXIT.done;
}

function usageMistake(reference: string | undefined, flags: LabelFlags): string | undefined {
  const { labels, labeller, export: folder, count, attributes, shard, join, fromStyleflow, fromLace, output } = flags;
  const isMeeting = (flags.queue ?? flags.store) !== undefined;
  if (isMeeting && (folder ?? join ?? fromStyleflow ?? fromLace) !== undefined)
    return "--queue and --store are for rows that are labelled";
  const making = labels ?? labeller ?? folder ?? attributes ?? count ?? shard;
  if (join !== undefined)
    return (reference ?? making ?? fromStyleflow ?? fromLace) === undefined
      ? undefined
      : "--join joins files that are there: of the other options, -o and --fresh alone go with it";
  if (fromStyleflow !== undefined)
    return (making ?? fromLace) === undefined
      ? undefined
      : "--from-styleflow converts labels that are there: of the other options, -o alone goes with it";
  if (fromLace !== undefined)
    return (labels ?? labeller ?? folder ?? count ?? shard) === undefined
      ? undefined
      : "--from-lace converts labels that are there: of the other options, -o and --attributes alone go with it";
  if (reference === undefined) return "name a model: lacec label builtin:avatar";
  if (folder !== undefined && (labels ?? labeller ?? output ?? shard) !== undefined)
    return "--export writes images for labelling and nothing else: give --labels afterwards, in another run";
  return undefined;
}
