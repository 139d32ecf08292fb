// lacec train: heads for attributes, from labelled latents.
import { train, type TrainOptions } from "../app/train.js";
import { engineChoice } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { reportLines } from "./train-report.js";

interface TrainFlags extends Flags, Omit<TrainOptions, "engine" | "rate"> {
  readonly lr: number;
  readonly engine: string;
}

/** `lacec train DATA...` */
export const trainCommand = command(
  { interrupted: "finish" },
  async ({ io, platform, watch }, files: readonly string[], options: TrainFlags) => {
    const { lr: rate, engine, quiet, json } = options;
    const training = await train(platform, files, { ...options, ...watch, rate, engine: engineChoice(engine) });
    const { warnings, report, ...identity } = training;
    if (json === true) {
      const diagnostics = jsonDiagnostics(warnings, new Map());
      io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics, ...identity, report }, null, 2)}\n`);
      return EXIT.done;
    }
    printDiagnostics(warnings, new Map(), io);
    if (quiet !== true)
      io.out([...reportLines(report, io), "", ...training.files.map((f) => `wrote ${f}`)].join("\n") + "\n");
    return EXIT.done;
  },
);
