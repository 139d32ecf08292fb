// Training heads for attributes on labelled latents.
// In: data files and settings. Out: the heads in a file of their own or in a copy of a pack, and what they are worth.
// Invariants: data, pack, output folders and checkpoint are looked at before the first step; an abort keeps a checkpoint that `resume`
// goes on from; the heads are written before the report, and the checkpoint goes last.
import type { HeadSpace } from "../compiler/weights.js";
import { joinTrainingData, loadTrainingData, type TrainingData } from "../learn/train/data.js";
import { evaluateHeads, type TrainingReport } from "../learn/train/evaluate.js";
import { trainBest } from "../learn/train/choose.js";
import { headConcerns } from "../learn/train/concerns.js";
import { finishHeads } from "../learn/train/head-file.js";
import { mergeHeads, openPack, writeMerged, type OpenPack } from "../learn/train/into-pack.js";
import { reportHtml } from "../learn/train/report-html.js";
import { DEFAULTS, epochsFor, linearSettings, type TrainSettings } from "../learn/train/settings.js";
import { trainHeads, type Trained } from "../learn/train/trainer.js";
import { trainWitnesses, type Witnesses } from "../learn/train/witness.js";
import { modelError } from "../models/model-error.js";
import { type Heads } from "../models/pack/pack.js";
import { writeHeads } from "../models/pack/write-pack.js";
import { widthIn } from "../models/pack/pack-weights.js";
import { PhaseClock } from "../ports/events.js";
import type { Engine } from "../runtime/services/engine.js";
import type { Diagnostic } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

export type { AttributeReport, ClassReport, Correlations, TrainingReport } from "../learn/train/evaluate.js";

export interface TrainOptions extends VerbOptions {
  /** Default: heads.safetensors, with `into` pack.safetensors. */
  readonly output?: string;
  /** Write a copy of this pack with the heads in it. */
  readonly into?: string;
  /** The latent that heads take; default: w. */
  readonly space?: HeadSpace;
  /** Train these only. */
  readonly attributes?: readonly string[];
  /** Widths of the hidden layers, or linear heads; default: networks, linear heads and heads on a layer that all share, and the best of them. */
  readonly hidden?: readonly number[] | "none";
  /** Default: 50, or what makes 500 steps. */
  readonly epochs?: number;
  /** Rows of a minibatch. */
  readonly batch?: number;
  /** Peak learning rate of Adam. */
  readonly rate?: number;
  readonly schedule?: "cosine" | "plateau";
  /** Epochs without an improvement after which training stops; 0: never. */
  readonly patience?: number;
  /** Weight decay of networks. */
  readonly decay?: number;
  /** Most noise added to latents, in their standard deviations. */
  readonly noise?: number;
  /** Part of the rows for choice of epoch and calibration. */
  readonly validation?: number;
  /** Part of the rows for the report. */
  readonly test?: number;
  readonly classWeights?: "none" | "balanced";
  /** Of scalars. */
  readonly loss?: "smooth-l1" | "gaussian";
  /** Learn the labeller's choices, not its probabilities. */
  readonly hard?: boolean;
  readonly seed?: number;
  readonly engine?: EngineChoice;
  /** Go on from the checkpoint of an interrupted training. */
  readonly resume?: boolean;
  /** Write the report as one page with plots. */
  readonly html?: string;
}

/** What a training gave. */
export interface Training {
  readonly data: { readonly file: string; readonly sha256: string };
  readonly engine: string;
  readonly settings: TrainSettings;
  /** Paths of what was written. */
  readonly files: readonly string[];
  readonly report: TrainingReport;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Trains heads on data files and writes them.
 *
 * Errors   UsageError if nothing is left to train on; LaceError L2001, L50xx, L51xx, L532x of data, pack or checkpoint, L52xx of the engine,
 *          L4106 if `signal` aborts.
 */
export async function train(
  platform: Platform,
  dataFiles: readonly string[],
  options: TrainOptions = {},
): Promise<Training> {
  const { validation = DEFAULTS.validation, test = DEFAULTS.test } = options;
  if (validation + test > 0.9)
    throw new UsageError("validation and test leave less than a tenth of the rows to train on");
  return new TrainJob(platform, dataFiles, options).run();
}

class TrainJob {
  private readonly clock: PhaseClock;

  constructor(
    private readonly platform: Platform,
    private readonly dataFiles: readonly string[],
    private readonly options: TrainOptions,
  ) {
    this.clock = new PhaseClock(() => platform.host.now(), options.onEvent ?? (() => undefined));
  }

  async run(): Promise<Training> {
    const { options, clock } = this;
    const { host } = this.platform;
    const { signal } = options;
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
    let witnesses: Witnesses | undefined;
    try {
      trained = await clock.run(
        "train",
        { total: settings.epochs },
        () =>
          train(data, settings, {
            ...{ host, engine, checkpoint, resume: options.resume === true },
            ...(signal !== undefined && { signal }),
            onProgress: ({ epochs, of, loss, validation }) => {
              const held = validation === undefined ? "" : `, validation ${validation.toFixed(4)}`;
              clock.progress("train", undefined, epochs, of, `loss ${loss.toFixed(4)}${held}`);
            },
          }),
        (t) => `${t.epochsDone} epochs, ${t.heads.length} heads`,
      );
      witnesses = await clock.aside("train", () =>
        trainWitnesses(data, asked, { host, engine, ...(signal !== undefined && { signal }) }),
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
    const heads = finishHeads(trained, report, witnesses, data.metadata.labeller);
    const files = await clock.run("save", {}, async () => {
      const written =
        pack === undefined
          ? [await this.writeHeadFile(output, heads, data)]
          : [...(await this.writeInto(pack, output, heads, data, warnings))];
      if (options.html !== undefined) {
        await host.writeAtomic(options.html, reportHtml(report, this.about(data, settings, engine)));
        written.push(options.html);
      }
      await this.platform.removeFile(checkpoint);
      return written;
    });
    const { file, sha256 } = data;
    return { data: { file, sha256 }, engine: engine.name, settings, files, report, warnings };
  }

  private async open(output: string): Promise<{ data: TrainingData; pack: OpenPack | undefined; engine: Engine }> {
    const { options, platform } = this;
    const { host } = platform;
    const { attributes, space: wanted = DEFAULTS.space } = options;
    const parts: TrainingData[] = [];
    for (const file of this.dataFiles)
      parts.push(
        await loadTrainingData(host, file, {
          space: wanted,
          ...(attributes !== undefined && { attributes }),
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
    for (const path of [output, options.html]) if (path !== undefined) await platform.prepareFile(path);
    const engine = await platform.world(host, options.engine ?? "auto").openEngine();
    return { data, pack, engine };
  }

  private async writeHeadFile(output: string, heads: Heads, data: TrainingData): Promise<string> {
    const { wDim, zDim } = data.metadata.model;
    const widths = { wDim, ...(data.space === "z" && { zDim: zDim ?? data.width }) };
    await this.platform.host.writeAtomic(output, writeHeads(heads, widths, "F32", { source: this.source(data) }));
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
    return writeMerged(this.platform.host, pack, merged, output, this.source(data));
  }

  private source(data: TrainingData): string {
    return `lacec ${this.platform.version} train on ${data.rows} rows of '${data.metadata.model.name}', data SHA-256 ${data.sha256}`;
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
        ["lacec", this.platform.version],
      ],
    };
  }
}

function settingsOf(options: TrainOptions, rows: number): TrainSettings {
  const {
    space = DEFAULTS.space,
    batch = DEFAULTS.batch,
    rate = DEFAULTS.rate,
    schedule = DEFAULTS.schedule,
  } = options;
  const { noise = DEFAULTS.noise, validation = DEFAULTS.validation, test = DEFAULTS.test } = options;
  const { seed = DEFAULTS.seed, classWeights = DEFAULTS.classWeights, hidden = DEFAULTS.hidden } = options;
  const given = epochsFor(rows, { batch, validation, test });
  const { epochs = given.epochs, patience = given.patience, decay = DEFAULTS.adam.decay } = options;
  return {
    ...DEFAULTS,
    ...{ space, epochs, batch, schedule, patience, noise, validation, test, seed, classWeights, hidden, rate },
    adam: { ...DEFAULTS.adam, decay },
    scalarLoss: options.loss === "gaussian" ? { kind: "gaussian" } : DEFAULTS.scalarLoss,
    soft: options.hard !== true,
  };
}
