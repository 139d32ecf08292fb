// lacec label: latents of a generator with labels, for `lacec train`.
// Invariants: everything that can be wrong is looked at before the first image; Ctrl-C keeps what was done, and the same command goes on.
import { join, parse } from "node:path";
import type { Attribute } from "../compiler/attribute.js";
import type { DataMetadata } from "../learn/label/data-metadata.js";
import { extremes, inferAttributes, readLabelTable, tableLabels, type LabelTable } from "../learn/label/label-table.js";
import type { DrawOptions } from "../learn/label/draw-rows.js";
import { labelModel, paintRows, type RowLabels } from "../learn/label/label-model.js";
import { copyShards, openShards } from "../learn/label/join.js";
import { dataBytes, layoutData, settingsOf } from "../learn/label/layout.js";
import { openPart, partName } from "../node/part-file.js";
import { shardRows, type PartFile, type RowRange } from "../learn/label/part-file.js";
import { ATTRIBUTES_FILE, LATENTS_FILE, readStyleflow } from "../learn/label/styleflow.js";
import { concerns, tally, type Tally } from "../learn/label/tally.js";
import type { Engine } from "../runtime/services/engine.js";
import { modelForClass } from "../runtime/show/synthesis-inputs.js";
import type { Labeller, Services } from "../runtime/services/services.js";
import { identityOf, type LabellerIdentity } from "../runtime/services/labeller-identity.js";
import { parseAttributeRows } from "../learn/labellers/labeller-spec.js";
import type { LabellerChoice } from "../app/platform.js";
import { openLabeller } from "../node/labellers/open-labeller.js";
import type { Model } from "../models/model.js";
import { modelError } from "../models/model-error.js";
import { lacecVersion, nodeServices } from "../node/services.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { failure } from "../source/diagnostic.js";
import { NOWHERE } from "../source/span.js";
import { engineName } from "./engine-name.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";
import { runJob, type Job } from "./job.js";
import { labellerMistake } from "./labeller-options.js";
import { jsonDiagnostics, printDiagnostics } from "./report.js";
import { tallyLines } from "./tally.js";

export interface LabelOptions extends LabellerChoice {
  readonly count?: number;
  readonly seed: number;
  readonly output?: string;
  readonly labels?: string;
  readonly attributes?: string;
  readonly fromStyleflow?: string;
  readonly export?: string;
  /** `--shard 2/8`. */
  readonly shard?: { readonly number: number; readonly of: number };
  readonly join?: readonly string[];
  readonly class?: number;
  readonly truncation: readonly [number, number];
  readonly jitter: number;
  readonly follow: number;
  readonly thumbnails: number;
  readonly engine: string;
  readonly fresh?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Rows of a run that does not say how many. */
const DEFAULT_COUNT = 10_000;

export async function labelVerb(io: Io, reference: string | undefined, options: LabelOptions): Promise<ExitCode> {
  const engine = engineName(options.engine, io);
  if (engine === undefined) return EXIT.script;
  const mistake = usageMistake(reference, options);
  if (mistake !== undefined) {
    io.err(`error: ${mistake}\n`);
    return EXIT.script;
  }
  return await runJob(
    io,
    options,
    (job) => new LabelJob(job, nodeServices(job.host, engine), reference, options).run(),
    (report) => {
      const { warnings = [], json, text } = report;
      if (options.json === true) {
        const diagnostics = jsonDiagnostics(warnings, new Map());
        io.out(`${JSON.stringify({ ok: true, exitCode: 0, diagnostics, ...json }, null, 2)}\n`);
        return;
      }
      printDiagnostics(warnings, new Map(), io);
      if (options.quiet !== true) io.out(text(io).join("\n") + "\n");
    },
  );
}

/** What is printed at the end, both ways. */
interface Report {
  readonly warnings?: readonly Diagnostic[];
  readonly json: object;
  readonly text: (io: Io) => readonly string[];
}

class LabelJob {
  constructor(
    private readonly job: Job,
    private readonly services: Services,
    private readonly reference: string | undefined,
    private readonly options: LabelOptions,
  ) {}

  run(): Promise<Report> {
    const { export: folder, fromStyleflow, join: files } = this.options;
    if (folder !== undefined) return this.exportImages(folder);
    if (files !== undefined) return this.joinFiles(files);
    return fromStyleflow === undefined ? this.label() : this.convert(fromStyleflow);
  }

  private get draw(): DrawOptions {
    const { seed, truncation, jitter, follow } = this.options;
    return { seed, truncation, jitter, follow };
  }

  private get file(): string {
    const { output = "data.safetensors", shard } = this.options;
    if (shard === undefined) return output;
    const { dir, name, ext } = parse(output);
    return join(dir, `${name}.shard-${shard.number}-of-${shard.of}${ext}`);
  }

  /** Labelled latents that are there already, as a data file. */
  private async convert(folder: string): Promise<Report> {
    const { file } = this;
    const { host, clock } = this.job;
    const read = async (name: string): Promise<{ readonly bytes: Uint8Array; readonly file: string }> => {
      const path = join(folder, name);
      return { bytes: await host.readBytes(path), file: path };
    };
    const { data, model, sha256 } = await clock.run("load", {}, async () => {
      const [latents, table] = await Promise.all([read(LATENTS_FILE), read(ATTRIBUTES_FILE)]);
      return {
        data: readStyleflow(latents, table),
        model: this.reference === undefined ? undefined : await this.loadModel(),
        sha256: await host.sha256(table.bytes),
      };
    });
    if (model !== undefined && model.info.wDim !== data.wDim)
      throw modelError(
        "L5107",
        join(folder, LATENTS_FILE),
        `its w has ${data.wDim} numbers, that of '${model.info.name}' ${model.info.wDim}`,
      );
    const metadata: DataMetadata = {
      count: data.count,
      model: { name: model?.info.name ?? "styleflow", sha256: model?.sha256 ?? null, zDim: null, wDim: data.wDim },
      attributes: data.attributes,
      labeller: { name: ATTRIBUTES_FILE, sha256 },
      ...{ seed: null, truncation: null, jitter: null, lacec: lacecVersion() },
    };
    const layout = layoutData(metadata, { conditions: false, probabilities: [], thumbnails: 0 });
    const rows = new Map([["w", data.w]]);
    for (const [name, labels] of data.labels) rows.set(`labels.${name}`, labels);
    await host.writeAtomic(file, dataBytes(layout, rows));
    const tallies = data.attributes.map((a) => tally(a, data.labels.get(a.name) ?? new Float32Array(0)));
    const json = { file, count: data.count, metadata, tallies, concerns: tallies.flatMap(concernsOf) };
    return { json, text: (io) => [...tallyLines(tallies, io), `wrote ${file}`] };
  }

  private async label(): Promise<Report> {
    const { options, file } = this;
    const { clock, host, signal } = this.job;
    const { model, engine, labels, about, count } = await clock.run(
      "load",
      {},
      () => this.open(),
      ({ engine: e }) => e.name,
    );
    let part: PartFile | undefined;
    try {
      const range = this.rowsOf(count);
      const metadata = this.metadata(model, labels, about, range, count);
      const classes = "look" in labels ? labels.attributes.filter((a) => a.type !== "scalar").map((a) => a.name) : [];
      const shape = { conditions: true, probabilities: classes, thumbnails: options.thumbnails };
      const layout = layoutData(metadata, shape);
      const settings = settingsOf(metadata, layout);
      part = await openPart(file, { layout, settings, range }, { fresh: options.fresh === true });
      const opened = part;
      const begun = opened.rows;
      const total = range.count;
      const seconds = await clock.run(
        "label",
        { task: model.info.name, total },
        async () => {
          const start = host.now();
          await labelModel({
            ...{ model, engine, services: this.services, labels, shape, part: opened, signal },
            draw: this.draw,
            onProgress: (done) => clock.progress("label", model.info.name, done, total),
          });
          return (host.now() - start) / 1000;
        },
        () => (begun === 0 ? `${total} rows` : `${total} rows, ${begun} of them from ${partName(file)}`),
      );
      const tallies = await talliesOf(labels.attributes, opened);
      await opened.finish();
      const json = { file, count: total, resumed: begun, seconds, metadata, tallies };
      return {
        warnings: damageOf(opened, partName(file)),
        json: { ...json, concerns: tallies.flatMap(concernsOf) },
        text: (io) => [...tallyLines(tallies, io), `wrote ${file}`],
      };
    } finally {
      await part?.close();
      if ("look" in labels) await labels.dispose();
      await engine.dispose();
    }
  }

  /** The rows that are labelled. */
  private rowsOf(count: number): RowRange {
    const { shard } = this.options;
    if (shard === undefined) return { first: 0, count };
    const range = shardRows(count, shard);
    if (range.count === 0)
      throw failure("L5317", `part ${shard.number} of ${shard.of} of ${count} rows is empty`, [
        "parts are whole blocks of 64 rows: make fewer of them",
      ]);
    return range;
  }

  /** Parts of the rows as the file that one run would have written. */
  private async joinFiles(files: readonly string[]): Promise<Report> {
    const { file } = this;
    const { clock, host, signal } = this.job;
    const joined = await clock.run("load", {}, () => openShards(host, files));
    const { metadata, layout, settings } = joined;
    const { count, attributes } = metadata;
    const part = await openPart(file, { layout, settings }, { fresh: this.options.fresh === true });
    try {
      const tallies = await clock.run("save", { total: count }, async () => {
        const onProgress = (done: number): void => clock.progress("save", undefined, done, count);
        await copyShards(host, joined, part, { onProgress, signal });
        const counted = await talliesOf(attributes, part);
        await part.finish();
        return counted;
      });
      const json = { file, count, metadata, tallies, concerns: tallies.flatMap(concernsOf) };
      const text = (io: Io): readonly string[] => [...tallyLines(tallies, io), `wrote ${file}`];
      return { warnings: damageOf(part, partName(file)), json, text };
    } finally {
      await part.close();
    }
  }

  /** Writes the images that the same settings would label. */
  private async exportImages(folder: string): Promise<Report> {
    const { options, services } = this;
    const { clock, host, signal } = this.job;
    await services.prepareOutput(folder);
    const count = options.count ?? DEFAULT_COUNT;
    const [model, engine, codec] = await clock.run("load", {}, () =>
      Promise.all([this.loadModel(), services.openEngine(), services.openCodec()]),
    );
    const digits = Math.max(6, `${count - 1}`.length);
    const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(digits, "0")}.png`);
    try {
      await clock.run("synthesise", { task: model.info.name, total: count }, () =>
        paintRows(
          {
            ...{ model, engine, services, count, signal },
            draw: this.draw,
            onProgress: (done) => clock.progress("synthesise", model.info.name, done, count),
          },
          async (image, index) => {
            const text = JSON.stringify({ model: model.sha256, seed: options.seed, index });
            await host.writeAtomic(join(folder, names[index] ?? ""), await codec.encode(image, "png", text));
          },
        ),
      );
      const table = join(folder, "labels.csv");
      const kept = await host.exists(table);
      if (!kept) await host.writeAtomic(table, `file\n${names.join("\n")}\n`);
      const next = `add a column for each attribute to ${table}, then: lacec label ${this.reference ?? ""} -n ${count} --labels ${table} and the same --seed, --truncation, --jitter, --class`;
      return {
        json: { folder, count, table, next },
        text: () => [`wrote ${count} images to ${folder}`, `${kept ? "kept" : "wrote"} ${table}`, next],
      };
    } finally {
      await engine.dispose();
    }
  }

  private async open(): Promise<{
    readonly model: Model;
    readonly engine: Engine;
    readonly labels: Labeller | RowLabels;
    readonly about: LabellerIdentity;
    readonly count: number;
  }> {
    const { options, services } = this;
    const model = await this.loadModel();
    if (options.labels !== undefined) {
      const { table, sha256 } = await this.readTable(options.labels);
      const count = options.count ?? extremes(table.rows.map((r) => r.index)).max + 1;
      const attributes = (await this.givenAttributes()) ?? inferAttributes(table);
      const labels = tableLabels(table, attributes, count);
      const about = { name: table.file.replace(/^.*[/\\]/, ""), sha256 };
      return { model, engine: await services.openEngine(), labels, about, count };
    }
    if (options.follow > 0 && model.info.attributes.length === 0)
      throw modelError("L5107", this.reference ?? "", "it has no heads whose flow could be followed", [
        "label without --follow, train, and name the pack that `lacec train --into` writes",
      ]);
    const labels = await openLabeller(services, model, options);
    const engine = await services.openEngine();
    return { model, engine, labels, about: labels, count: options.count ?? DEFAULT_COUNT };
  }

  /** The model, its class fixed if it has classes. */
  private async loadModel(): Promise<Model> {
    const { reference = "" } = this;
    const path = reference.startsWith("builtin:") ? reference : this.job.host.resolve("x", reference);
    const asked = { alias: "model", reference: path, heads: [], attributes: [], span: NOWHERE };
    const model = await this.services.loadModel(asked);
    const { class: index } = this.options;
    const { classes = 0, name } = model.info;
    if (index === undefined && classes === 0) return model;
    if (index === undefined || index >= classes)
      throw modelError(
        "L5107",
        name,
        classes === 0 ? "the model has no classes" : `the model has classes 0 to ${classes - 1}`,
        [classes === 0 ? "leave --class out" : "say which is drawn with --class N"],
      );
    return modelForClass(model, index);
  }

  private async readTable(file: string): Promise<{ readonly table: LabelTable; readonly sha256: string }> {
    const text = await this.job.host.readText(file);
    return { table: readLabelTable(text, file), sha256: await this.job.host.sha256(new TextEncoder().encode(text)) };
  }

  private async givenAttributes(): Promise<Attribute[] | undefined> {
    const { attributes: file } = this.options;
    return file === undefined ? undefined : parseAttributeRows(await this.job.host.readText(file), file);
  }

  private metadata(
    model: Model,
    labels: Labeller | RowLabels,
    about: LabellerIdentity,
    { first, count }: RowRange,
    of: number,
  ): DataMetadata {
    const { class: index } = this.options;
    const { seed, truncation, jitter, follow = 0 } = this.draw;
    const { name, zDim, wDim } = model.info;
    return {
      count,
      model: { name, sha256: model.sha256, zDim, wDim },
      attributes: labels.attributes,
      labeller: identityOf(about),
      seed,
      truncation,
      jitter,
      ...(index !== undefined && { class: index }),
      ...(follow > 0 && { follow }),
      ...(this.options.shard !== undefined && { shard: { first, of } }),
      lacec: lacecVersion(),
    };
  }
}

function usageMistake(reference: string | undefined, options: LabelOptions): string | undefined {
  if (options.join !== undefined) {
    const { labels, labeller, export: folder, count, attributes, fromStyleflow, shard } = options;
    if ((reference ?? labels ?? labeller ?? folder ?? attributes ?? count ?? fromStyleflow ?? shard) !== undefined)
      return "--join joins files that are there: of the other options, -o and --fresh alone go with it";
    return undefined;
  }
  if (options.fromStyleflow !== undefined) {
    const { labels, labeller, export: folder, count, attributes, shard } = options;
    if ((labels ?? labeller ?? folder ?? attributes ?? count ?? shard) !== undefined)
      return "--from-styleflow converts labels that are there: of the other options, -o alone goes with it";
    return undefined;
  }
  if (reference === undefined) return "name a model: lacec label builtin:avatar";
  if (options.labels !== undefined && options.labeller !== undefined)
    return "--labels and --labeller are two ways to the labels: give one of them";
  if (
    options.export !== undefined &&
    (options.labels ?? options.labeller ?? options.output ?? options.shard) !== undefined
  )
    return "--export writes images for labelling and nothing else: give --labels afterwards, in another run";
  if (options.attributes !== undefined && options.labels === undefined)
    return "--attributes says what the columns of --labels are: it needs --labels";
  return labellerMistake(options);
}

function concernsOf(t: Tally): { readonly attribute: string; readonly text: string }[] {
  return concerns(t).map((text) => ({ attribute: t.name, text }));
}

async function talliesOf(attributes: readonly Attribute[], part: PartFile): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (const a of attributes) tallies.push(tally(a, await part.read(`labels.${a.name}`)));
  return tallies;
}

/** What is said of blocks that had to be drawn again. */
function damageOf({ damaged }: PartFile, part: string): readonly Diagnostic[] {
  if (damaged.length === 0) return [];
  const rows = damaged.map(({ first, count }) => `${first} to ${first + count - 1}`).join(", ");
  return failure("L5318", `rows ${rows} in ${part} were damaged; they were made again`).diagnostics.map((d) => ({
    ...d,
    severity: "warning" as const,
  }));
}
