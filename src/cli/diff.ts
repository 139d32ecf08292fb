// lacec diff: what changed in meaning between two scripts, two git revisions of one, or two pictures that carry recipes.
// Exit: 0, also where there are differences (1 with --exit-code); 2 if a script is wrong.
import { diff, sidesOf, type DiffOptions, type PlanDifference } from "../app/diff.js";
import { diffPictures } from "../app/pictures.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

interface DiffFlags extends Flags, Omit<DiffOptions, "engine"> {
  readonly engine: string;
  readonly exitCode?: boolean;
  readonly model?: Readonly<Record<string, string>>;
}

/** `lacec diff FILE`, `lacec diff REVISION FILE`, `lacec diff REVISION REVISION FILE`, `lacec diff A B` (scripts or pictures) */
export const diffCommand = command(
  {},
  async ({ io, platform, watch }, words: readonly string[], options: DiffFlags) => {
    const engine = engineChoice(options.engine);
    const { images } = options;
    const [first, second, ...more] = words;
    if (first !== undefined && second !== undefined && more.length === 0 && [first, second].every(isPicture)) {
      if (images !== undefined)
        throw new UsageError("--images is for scripts: of two pictures there is nothing to draw");
      return tell(await diffPictures(platform, first, second, { models: options.model ?? {} }), options, io);
    }
    const [before, after] = await sidesOf(platform, words);
    const { differences, sheet } = await diff(platform, before, after, {
      ...watch,
      ...(images !== undefined && { images }),
      engine,
    });
    const exitCode = tell(differences, options, io);
    if (sheet?.note !== undefined) io.err(`${sheet.note}\n`);
    if (sheet?.file !== undefined && options.json !== true) io.out(`wrote ${sheet.file}\n`);
    return exitCode;
  },
);

function isPicture(path: string): boolean {
  return /\.(png|webp|jpe?g|avif|gif)$/i.test(path);
}

function tell(differences: readonly PlanDifference[], { json, exitCode }: DiffFlags, io: Io): ExitCode {
  io.out(json === true ? `${JSON.stringify({ differences }, null, 2)}\n` : describeDifferences(differences, io));
  return differences.length > 0 && exitCode === true ? EXIT.missed : EXIT.done;
}

/** Differences as text: what each is about, and its sentences below it. */
export function describeDifferences(differences: readonly PlanDifference[], io: Io): string {
  if (differences.length === 0) return "no difference in meaning\n";
  const c = io.outColors;
  return differences.map((d) => `${c.bold(d.about)}\n${d.sentences.map((s) => `  ${s}\n`).join("")}`).join("");
}
