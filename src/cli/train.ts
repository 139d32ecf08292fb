// lacec train: heads for attributes, from labelled latents.
// Invariants: data, pack, output folders and checkpoint are looked at before the first step; Ctrl-C keeps a checkpoint that --resume goes
// on from; the heads are written before the report, and the checkpoint goes last.
import { dirname } from "node:path";
import type { HeadSpace } from "../compiler/weights.js";
import type { Engine } from "../runtime/services/engine.js";
import { checkWritable, removeFile } from "../node/host.js";
import { modelError } from "../models/model-error.js";
import { writeHeads, type Heads } from "../models/pack/pack.js";
import { widthIn } from "../models/pack/pack-weights.js";
import { lacecVersion, nodeServices } from "../node/services.js";
import { joinTrainingData, loadTrainingData, type TrainingData } from "../learn/train/data.js";
import { evaluateHeads, type Report } from "../learn/train/evaluate.js";
import { finishHeads } from "../learn/train/head-file.js";
import { mergeHeads, openPack, writeMerged, type OpenPack } from "../learn/train/into-pack.js";
import { reportHtml } from "../learn/train/report-html.js";
import { trainBest } from "../learn/train/choose.js";
import { headConcerns } from "../learn/train/concerns.js";
import { DEFAULTS, epochsFor, linearSettings, type TrainSettings } from "../learn/train/settings.js";
import { trainHeads, type Trained } from "../learn/train/trainer.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { engineName } from "./engine-name.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { runJob, type Job } from "./job.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { reportLines } from "./train-report.js";

export interface TrainOptions {
  readonly output?: string;
  readonly into?: string;
  readonly space: HeadSpace;
  readonly attributes?: readonly string[];
  readonly hidden?: readonly number[] | "none";
  readonly epochs?: number;
  readonly batch: number;
  readonly lr: number;
  readonly schedule: "cosine" | "plateau";
  readonly patience?: number;
  readonly decay: number;
  readonly noise: number;
  readonly validation: number;
  readonly test: number;
  readonly classWeights: "none" | "balanced";
  readonly loss: "smooth-l1" | "gaussian";
  readonly hard?: boolean;
  readonly seed: number;
  readonly engine: string;
  readonly resume?: boolean;
  readonly html?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export async function trainVerb(io: Io, files: readonly string[], options: TrainOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  if (options.validation + options.test > 0.9) {
    io.err("error: --validation and --test leave less than a tenth of the rows to train on\n");
    return EXIT.script;
  }
  return await runJob(
    io,
    options,
    (job) => new TrainJob(job, () => nodeServices(job.host, engine).openEngine(), files, options).run(),
    (done) => {
      if (options.json === true) io.out(`${JSON.stringify(done.json, null, 2)}\n`);
      else {
        printDiagnostics(done.warnings, new Map(), io);
        if (options.quiet !== true)
          io.out([...reportLines(done.report, io), "", ...done.files.map((f) => `wrote ${f}`)].join("\n") + "\n");
      }
    },
  );
}

interface Done {
  readonly report: Report;
  readonly files: readonly string[];
  readonly warnings: readonly Diagnostic[];
  readonly json: object;
}

class TrainJob {
  constructor(
    private readonly job: Job,
    private readonly openEngine: () => Promise<Engine>,
    private readonly dataFiles: readonly string[],
    private readonly options: TrainOptions,
  ) {}

  async run(): Promise<Done> {
    const { options } = this;
    const { host, clock, signal } = this.job;
    const output = options.output ?? (options.into === undefined ? "heads.safetensors" : "pack.safetensors");
    const checkpoint = `${output}.checkpoint`;
    const { data, pack, engine } = await clock.run(
      "load",
      {},
      () => this.open(output),
      (loaded) => `${loaded.data.rows} rows, ${loaded.engine.name}`,
    );
    const asked = settingsOf(options, data.rows);
    const settings = asked.hidden === "none" ? linearSettings(asked) : asked;
    const train = options.hidden === undefined ? trainBest : trainHeads;
    let trained: Trained;
    try {
      trained = await clock.run(
        "train",
        { total: settings.epochs },
        () =>
          train(data, settings, {
            ...{ host, engine, checkpoint, signal, resume: options.resume === true },
            onProgress: ({ epochs, of, loss, validation }) => {
              const held = validation === undefined ? "" : `, validation ${validation.toFixed(4)}`;
              clock.progress("train", undefined, epochs, of, `loss ${loss.toFixed(4)}${held}`);
            },
          }),
        (t) => `${t.epochsDone} epochs, ${t.heads.length} heads`,
      );
    } finally {
      await engine.dispose();
    }
    const report = evaluateHeads(data, trained);
    const warnings = [...data.warnings];
    for (const concern of headConcerns(data, report))
      warnings.push(
        ...modelError("L5321", data.file, concern).diagnostics.map((d) => ({ ...d, severity: "warning" as const })),
      );
    const heads = finishHeads(trained, report);
    const files = await clock.run("save", {}, async () => {
      const written =
        pack === undefined
          ? [await this.writeHeadFile(output, heads, data)]
          : [...(await this.writeInto(pack, output, heads, data, warnings))];
      if (options.html !== undefined) {
        await host.writeAtomic(options.html, reportHtml(report, this.about(data, settings, engine)));
        written.push(options.html);
      }
      await removeFile(checkpoint);
      return written;
    });
    const diagnostics = jsonDiagnostics(warnings, new Map());
    const identity = { data: { file: data.file, sha256: data.sha256 }, engine: engine.name, settings };
    return { report, files, warnings, json: { ok: true, exitCode: 0, diagnostics, ...identity, files, report } };
  }

  private async open(output: string): Promise<{ data: TrainingData; pack: OpenPack | undefined; engine: Engine }> {
    const { options } = this;
    const { host } = this.job;
    const { attributes } = options;
    const parts: TrainingData[] = [];
    for (const file of this.dataFiles)
      parts.push(
        await loadTrainingData(host, file, {
          space: options.space,
          ...(attributes === undefined ? {} : { attributes }),
        }),
      );
    const data = await joinTrainingData(host, parts);
    const pack = options.into === undefined ? undefined : await openPack(host, options.into);
    const { space, width: has } = data;
    const width = pack === undefined ? has : widthIn(space, pack.model.info);
    if (width !== has)
      throw modelError("L5107", options.into ?? "", `its ${space} has ${width ?? 0} numbers, the data's ${has}`, [
        "label images of this model, or leave out --into",
      ]);
    for (const path of [output, options.html]) if (path !== undefined) await checkWritable(dirname(path));
    return { data, pack, engine: await this.openEngine() };
  }

  private async writeHeadFile(output: string, heads: Heads, data: TrainingData): Promise<string> {
    const { wDim, zDim } = data.metadata.model;
    const widths = { wDim, ...(data.space === "z" && { zDim: zDim ?? data.width }) };
    await this.job.host.writeAtomic(output, writeHeads(heads, widths, "F32", { source: this.source(data) }));
    return output;
  }

  /** The new pack, and beside it the labeller, where there is one that still fits. */
  private async writeInto(
    pack: OpenPack,
    output: string,
    heads: Heads,
    data: TrainingData,
    warnings: Diagnostic[],
  ): Promise<readonly string[]> {
    const merged = mergeHeads(pack.model, heads);
    const warn = (code: "L5107" | "L5110", file: string, what: string): void => {
      const { diagnostics } = modelError(code, file, what);
      warnings.push(...diagnostics.map((d) => ({ ...d, severity: "warning" as const })));
    };
    if (merged.labellerDropped)
      warn("L5110", output, "it has no labeller: that of the pack does not know the new attributes");
    const [of, is] = [data.metadata.model.name, pack.model.info.name];
    if (of !== is) warn("L5107", data.file, `its images are of '${of}', the pack is '${is}'`);
    return writeMerged(this.job.host, pack, merged, output, this.source(data));
  }

  private source(data: TrainingData): string {
    return `lacec ${lacecVersion()} train on ${data.rows} rows of '${data.metadata.model.name}', data SHA-256 ${data.sha256}`;
  }

  private about(data: TrainingData, settings: TrainSettings, engine: Engine): Parameters<typeof reportHtml>[1] {
    return {
      title: `Heads trained on ${data.file}`,
      facts: [
        ["data", `${data.rows} rows of ${data.metadata.model.name}, SHA-256 ${data.sha256}`],
        ["labels", data.metadata.labeller.name],
        ["engine", engine.description],
        [
          "settings",
          `space ${settings.space}, seed ${settings.seed}, batch ${settings.batch}, learning rate ${settings.rate}, noise ${settings.noise}, decay ${settings.adam.decay}, ${settings.schedule}`,
        ],
        ["lacec", lacecVersion()],
      ],
    };
  }
}

function settingsOf(options: TrainOptions, rows: number): TrainSettings {
  const given = epochsFor(rows, options);
  const { epochs = given.epochs, patience = given.patience } = options;
  const { space, batch, schedule, noise, validation, test, seed, classWeights } = options;
  return {
    ...DEFAULTS,
    ...{ space, epochs, batch, schedule, patience, noise, validation, test, seed, classWeights },
    hidden: options.hidden ?? [],
    rate: options.lr,
    adam: { ...DEFAULTS.adam, decay: options.decay },
    scalarLoss: options.loss === "gaussian" ? { kind: "gaussian" } : DEFAULTS.scalarLoss,
    soft: options.hard !== true,
  };
}
