// lacec diff: what changed in meaning between two scripts, or two git revisions of one.
// Exit: 0, also where there are differences (1 with --exit-code); 2 if a script is wrong.
import { diff, sidesOf, type DiffOptions, type PlanDifference } from "../app/diff.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import type { Io } from "./io.js";

interface DiffFlags extends Flags, Omit<DiffOptions, "engine"> {
  readonly engine: string;
  readonly exitCode?: boolean;
}

/** `lacec diff FILE`, `lacec diff REVISION FILE`, `lacec diff REVISION REVISION FILE`, `lacec diff A B` */
export const diffCommand = command(
  {},
  async ({ io, platform, watch }, words: readonly string[], options: DiffFlags) => {
    const engine = engineChoice(options.engine);
    const { images } = options;
    const [before, after] = await sidesOf(platform, words);
    const { differences, sheet } = await diff(platform, before, after, {
      ...watch,
      ...(images !== undefined && { images }),
      engine,
    });
    if (options.json === true) io.out(`${JSON.stringify({ differences }, null, 2)}\n`);
    else io.out(describe(differences, io));
    if (sheet?.note !== undefined) io.err(`${sheet.note}\n`);
    if (sheet?.file !== undefined && options.json !== true) io.out(`wrote ${sheet.file}\n`);
    return differences.length > 0 && options.exitCode === true ? EXIT.missed : EXIT.done;
  },
);

function describe(differences: readonly PlanDifference[], io: Io): string {
  if (differences.length === 0) return "no difference in meaning\n";
  const c = io.outColors;
  return differences.map((d) => `${c.bold(d.about)}\n${d.sentences.map((s) => `  ${s}\n`).join("")}`).join("");
}
