// lacec train: heads for attributes, from labelled latents; with --encoder, an encoder of a model's pictures, from its samples.
import { train, type TrainOptions } from "../app/train.js";
import { trainEncoder } from "../app/train-encoder.js";
import { engineChoice, UsageError } from "../app/verb.js";
import { command, type CommandContext, type Flags } from "./command.js";
import { EXIT, type ExitCode } from "./exit.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { reportLines } from "./train-report.js";

interface TrainFlags extends Flags, Omit<TrainOptions, "engine" | "rate"> {
  readonly lr: number;
  readonly engine: string;
  /** Train an encoder of a model's pictures. */
  readonly encoder?: boolean;
  /** Samples that an encoder learns from. */
  readonly count?: number;
}

/** `lacec train DATA...` */
export const trainCommand = command(
  { interrupted: "finish" },
  async (context, files: readonly string[], options: TrainFlags) => {
    const { io, platform, watch } = context;
    if (options.encoder === true) return trainOnSamples(context, files, options);
    if (options.count !== undefined)
      throw new UsageError("--count goes with --encoder: heads learn from all rows of the data");
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

/** `lacec train MODEL --encoder` */
async function trainOnSamples(
  { io, platform, watch }: CommandContext,
  [model, ...others]: readonly string[],
  { output, count, epochs, hidden, seed, engine, quiet, json }: TrainFlags,
): Promise<ExitCode> {
  if (model === undefined || others.length > 0) throw new UsageError("--encoder takes one model, and no data");
  if (hidden === "none") throw new UsageError("an encoder has hidden layers: --hidden takes their widths");
  const trained = await trainEncoder(platform, model, {
    ...watch,
    ...(output !== undefined && { output }),
    ...(count !== undefined && { count }),
    ...(epochs !== undefined && { epochs }),
    ...(hidden !== undefined && { hidden }),
    ...(seed !== undefined && { seed }),
    engine: engineChoice(engine),
  });
  if (json === true)
    io.out(`${JSON.stringify({ ok: true, exitCode: EXIT.done, diagnostics: [], ...trained }, null, 2)}\n`);
  else if (quiet !== true) {
    const { w, z } = trained.explained;
    const share = (x: number): string => `${(100 * x).toFixed(0)}%`;
    io.out(
      `of samples it has not seen it explains ${share(w)} of the variance of w, ${share(z)} of that of z\n\n` +
        trained.files.map((f) => `wrote ${f}\n`).join(""),
    );
  }
  return EXIT.done;
}
