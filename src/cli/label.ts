// lacec label: latents of a generator with labels, for `lacec train`.
import { convertLaceLatents, convertStyleflow, joinData, type Labelled } from "../app/data-files.js";
import { exportImages, label, type LabelOptions } from "../app/label.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { command, type CommandContext, type Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { tallyLines } from "./tally.js";

interface LabelFlags extends Flags, Omit<LabelOptions, "engine"> {
  readonly engine: string;
  readonly export?: string;
  readonly join?: readonly string[];
  readonly fromStyleflow?: string;
  readonly fromLace?: string;
}

/** `lacec label MODEL` */
export const labelCommand = command(
  { interrupted: "finish" },
  async (context, reference: string | undefined, flags: LabelFlags) => {
    const { platform, watch } = context;
    const { quiet, json, export: folder, join: files, fromStyleflow, fromLace, ...given } = flags;
    const mistake = usageMistake(reference, flags);
    if (mistake !== undefined) throw new UsageError(mistake);
    const options = { ...given, ...watch, engine: engineChoice(flags.engine) };
    const say = (done: Labelled): ExitCode => sayLabelled(done, context, flags);
    if (files !== undefined) return say(await joinData(platform, files, options));
    const converted = { ...options, ...(reference !== undefined && { model: reference }) };
    if (fromStyleflow !== undefined) return say(await convertStyleflow(platform, fromStyleflow, converted));
    if (fromLace !== undefined) return say(await convertLaceLatents(platform, fromLace, converted));
    const model = reference ?? "";
    if (folder === undefined) return say(await label(platform, model, options));
    const { kept, ...exported } = await exportImages(platform, model, folder, options);
    const { count, table, next } = exported;
    const lines = [`wrote ${count} images to ${folder}`, `${kept ? "kept" : "wrote"} ${table}`, next];
    if (json === true) context.io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, ...exported }, null, 2)}\n`);
    else if (quiet !== true) context.io.out(`${lines.join("\n")}\n`);
    return EXIT.done;
  },
);

function sayLabelled({ warnings, ...done }: Labelled, { io }: CommandContext, { quiet, json }: Flags): ExitCode {
  if (json === true) {
    const diagnostics = jsonDiagnostics(warnings, new Map());
    io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics, ...done }, null, 2)}\n`);
    return EXIT.done;
  }
  printDiagnostics(warnings, new Map(), io);
  if (quiet !== true) io.out(`${[...tallyLines(done.tallies, io), `wrote ${done.file}`].join("\n")}\n`);
  return EXIT.done;
}

function usageMistake(reference: string | undefined, flags: LabelFlags): string | undefined {
  const { labels, labeller, export: folder, count, attributes, shard, join, fromStyleflow, fromLace, output } = flags;
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
