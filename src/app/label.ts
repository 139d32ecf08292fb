// Labelling latents of a generator: the data that training learns attributes from; or writing their images for labelling by hand.
// In: a model, who labels. Out: a data file (docs/data.md), or a folder of images.
// Invariants: everything that can be wrong is looked at before the first image; an abort keeps what was done, and the same request goes on.
import type { Attribute } from "../compiler/attribute.js";
import type { DataMetadata } from "../learn/label/data-metadata.js";
import type { RowDrawing } from "../learn/label/draw-rows.js";
import { labelModel, paintRows, type RowLabels } from "../learn/label/label-model.js";
import { extremes, inferAttributes, readLabelTable, tableLabels, type LabelTable } from "../learn/label/label-table.js";
import { layoutData, settingsOf } from "../learn/label/layout.js";
import { shardRows, type PartFile, type RowRange } from "../learn/label/part-file.js";
import { parseAttributeRows } from "../learn/labellers/labeller-spec.js";
import { modelError } from "../models/model-error.js";
import type { Model } from "../models/model.js";
import { PhaseClock } from "../ports/events.js";
import type { Engine } from "../runtime/services/engine.js";
import { identityOf, type LabellerIdentity } from "../runtime/services/labeller-identity.js";
import type { Labeller } from "../runtime/services/services.js";
import type { World } from "../runtime/services/world.js";
import { shortOfMemory } from "../runtime/show/image-batches.js";
import { modelForClass } from "../runtime/show/synthesis-inputs.js";
import { failure } from "../source/diagnostic.js";
import { NOWHERE } from "../source/span.js";
import { labelled, talliesOf, type Labelled } from "./data-files.js";
import { MOST_EXPORTED, MOST_ROWS, MOST_THUMBNAIL } from "./label-limits.js";
import { checkLabellerChoice } from "./labeller-choice.js";
import type { LabellerChoice, Platform } from "./platform.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

export { concerns, type Tally } from "../learn/label/tally.js";
export type { Labelled } from "./data-files.js";

/** Which images there are. */
export interface RowOptions extends VerbOptions {
  /** How many; default: 10000, or as many as `labels` labels. */
  readonly count?: number;
  /** Row i has the latent of sample i of this seed; default: 1. */
  readonly seed?: number;
  /** The class that a conditional generator draws. */
  readonly class?: number;
  /** psi of the rows, drawn evenly from here; default: 0.5 to 1. */
  readonly truncation?: readonly [number, number];
  /** Most noise added to w, in its standard deviations; default: 0.4. */
  readonly jitter?: number;
  /** Part of the rows that go where the flow of the model's heads leads for random wishes; default: 0. */
  readonly follow?: number;
  readonly engine?: EngineChoice;
}

export interface LabelOptions extends RowOptions, LabellerChoice {
  /** The data file; default: data.safetensors, of a shard data.shard-k-of-n.safetensors. */
  readonly output?: string;
  /** Labels by hand or from elsewhere: the path of a .csv or .jsonl file. */
  readonly labels?: string;
  /** What the columns of `labels` are: the path of a JSON file; default: seen from their values. */
  readonly attributes?: string;
  /** Label this part of the rows, counted from 1. */
  readonly shard?: { readonly number: number; readonly of: number };
  /** Edge of a picture that is kept of each row, in pixels; default: 0, none. */
  readonly thumbnails?: number;
  /** Begin anew where an interrupted run left a part. */
  readonly fresh?: boolean;
}

/** Images that were written for labelling by hand. */
export interface ExportedImages {
  readonly folder: string;
  readonly count: number;
  /** The table that labels go into. */
  readonly table: string;
  /** Whether it was there already: it is then left as it is. */
  readonly kept: boolean;
  /** What to do next, as a sentence. */
  readonly next: string;
}

/** Rows of a run that does not say how many. */
const DEFAULT_COUNT = 10_000;

/**
 * Labels latents of a model into a data file.
 *
 * Errors   UsageError; LaceError L5107, L5311 to L5313, L5317 (an empty part), those of models, engines, labellers and the disk; L4106 if
 *          `signal` aborts: the same request then goes on.
 */
export async function label(platform: Platform, model: string, options: LabelOptions = {}): Promise<Labelled> {
  if (options.labels !== undefined && options.labeller !== undefined)
    throw new UsageError("--labels and --labeller are two ways to the labels: give one of them");
  if (options.attributes !== undefined && options.labels === undefined)
    throw new UsageError("--attributes says what the columns of --labels are: it needs --labels");
  refuseMore(options.count, MOST_ROWS, "rows of one data file");
  refuseMore(options.thumbnails, MOST_THUMBNAIL, "pixels of a picture that is kept of each row");
  checkLabellerChoice(options);
  return new LabelJob(platform, model, options).run();
}

/**
 * Writes the images that the same request would label, and a table for their labels.
 *
 * Errors   LaceError as label's; L4106 if `signal` aborts: the images that are there are whole.
 */
export async function exportImages(
  platform: Platform,
  reference: string,
  folder: string,
  options: RowOptions = {},
): Promise<ExportedImages> {
  const { host } = platform;
  refuseMore(options.count, MOST_EXPORTED, "images for labelling by hand");
  const services = platform.world(host, options.engine ?? "auto");
  const clock = clockOf(platform, options);
  await services.prepareOutput(folder);
  const { count = DEFAULT_COUNT, signal } = options;
  const [model, engine, codec] = await clock.run("load", {}, () =>
    Promise.all([loadModel(platform, services, reference, options), services.openEngine(), services.openCodec()]),
  );
  const digits = Math.max(6, `${count - 1}`.length);
  const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(digits, "0")}.png`);
  const draw = drawOf(options);
  try {
    await clock.run("synthesise", { task: model.info.name, total: count }, () =>
      paintRows(
        {
          ...{ model, engine, services, count, draw, signal, onShort: shortNote(options) },
          onProgress: (done) => clock.progress("synthesise", model.info.name, done, count),
        },
        async (image, index) => {
          const text = JSON.stringify({ model: model.sha256, seed: draw.seed, index });
          await host.writeAtomic(`${folder}/${names[index] ?? ""}`, await codec.encode(image, "png", text));
        },
      ),
    );
  } finally {
    await engine.dispose();
  }
  const table = `${folder}/labels.csv`;
  const kept = await host.exists(table);
  if (!kept) await host.writeAtomic(table, `file\n${names.join("\n")}\n`);
  const next = `add a column for each attribute to ${table}, then: lacec label ${reference} -n ${count} --labels ${table} and the same --seed, --truncation, --jitter, --class`;
  return { folder, count, table, kept, next };
}

/** Errors: UsageError for more than the most, and for what is no count. */
function refuseMore(asked: number | undefined, most: number, what: string): void {
  if (asked !== undefined && !(Number.isSafeInteger(asked) && asked >= 0 && asked <= most))
    throw new UsageError(`${asked} are too many: ${most} are the most ${what}`);
}

class LabelJob {
  private readonly clock: PhaseClock;
  private readonly world: World;

  constructor(
    private readonly platform: Platform,
    private readonly reference: string,
    private readonly options: LabelOptions,
  ) {
    this.clock = clockOf(platform, options);
    this.world = platform.world(platform.host, options.engine ?? "auto");
  }

  async run(): Promise<Labelled> {
    const { options, clock, platform, world } = this;
    const { host } = platform;
    const { thumbnails = 0, signal } = options;
    const file = fileOf(options);
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
      const shape = { conditions: true, probabilities: classes, thumbnails };
      const layout = layoutData(metadata, shape);
      const settings = settingsOf(metadata, layout);
      part = await platform.openPart(file, { layout, settings, range }, { fresh: options.fresh === true });
      const opened = part;
      const resumed = opened.rows;
      const total = range.count;
      const seconds = await clock.run(
        "label",
        { task: model.info.name, total },
        async () => {
          const start = host.now();
          await labelModel({
            ...{ model, engine, services: world, labels, shape, part: opened, signal, draw: drawOf(options) },
            onShort: shortNote(options),
            onProgress: (done) => clock.progress("label", model.info.name, done, total),
          });
          return (host.now() - start) / 1000;
        },
        () => (resumed === 0 ? `${total} rows` : `${total} rows, ${resumed} of them from ${file}.part`),
      );
      const tallies = await talliesOf(labels.attributes, opened);
      await opened.finish();
      return { ...labelled(file, metadata, tallies, opened), resumed, seconds };
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

  private async open(): Promise<{
    readonly model: Model;
    readonly engine: Engine;
    readonly labels: Labeller | RowLabels;
    readonly about: LabellerIdentity;
    readonly count: number;
  }> {
    const { options, platform, world } = this;
    const model = await loadModel(platform, world, this.reference, options);
    if (options.labels !== undefined) {
      const { table, sha256 } = await this.readTable(options.labels);
      const count = options.count ?? extremes(table.rows.map((r) => r.index)).max + 1;
      refuseMore(count, MOST_ROWS, `rows of one data file, and ${options.labels} labels the last of them`);
      const attributes = (await this.givenAttributes()) ?? inferAttributes(table);
      const labels = tableLabels(table, attributes, count);
      const about = { name: table.file.replace(/^.*[/\\]/, ""), sha256 };
      return { model, engine: await world.openEngine(), labels, about, count };
    }
    if (drawOf(options).follow > 0 && model.info.attributes.length === 0)
      throw modelError("L5107", this.reference, "it has no heads whose flow could be followed", [
        "label without --follow, train, and name the pack that `lacec train --into` writes",
      ]);
    const labels = await platform.openLabeller(world, model, options);
    const engine = await world.openEngine();
    return { model, engine, labels, about: labels, count: options.count ?? DEFAULT_COUNT };
  }

  private async readTable(file: string): Promise<{ readonly table: LabelTable; readonly sha256: string }> {
    const { host } = this.platform;
    const text = await host.readText(file);
    return { table: readLabelTable(text, file), sha256: await host.sha256(new TextEncoder().encode(text)) };
  }

  private async givenAttributes(): Promise<Attribute[] | undefined> {
    const { attributes: file } = this.options;
    return file === undefined ? undefined : parseAttributeRows(await this.platform.host.readText(file), file);
  }

  private metadata(
    model: Model,
    labels: Labeller | RowLabels,
    about: LabellerIdentity,
    { first, count }: RowRange,
    of: number,
  ): DataMetadata {
    const { class: index, shard } = this.options;
    const { seed, truncation, jitter, follow } = drawOf(this.options);
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
      ...(shard !== undefined && { shard: { first, of } }),
      lacec: this.platform.version,
    };
  }
}

/** Notes that fewer images are made at a time. */
function shortNote({ onEvent }: VerbOptions): (rows: number) => void {
  return (rows) => onEvent?.({ kind: "note", text: shortOfMemory(rows).message });
}

function drawOf({ seed = 1, truncation = [0.5, 1], jitter = 0.4, follow = 0 }: RowOptions): Required<RowDrawing> {
  return { seed, truncation, jitter, follow };
}

function fileOf({ output = "data.safetensors", shard }: LabelOptions): string {
  if (shard === undefined) return output;
  return output.replace(/(\.[^./\\]*)?$/, `.shard-${shard.number}-of-${shard.of}$&`);
}

function clockOf({ host }: Platform, { onEvent }: VerbOptions): PhaseClock {
  return new PhaseClock(() => host.now(), onEvent ?? ((): void => undefined));
}

/** The model, its class fixed if it has classes. Errors LaceError L5107 for a class that it has not. */
async function loadModel(
  { host }: Platform,
  world: World,
  reference: string,
  { class: index }: Pick<RowOptions, "class">,
): Promise<Model> {
  const path = reference.startsWith("builtin:") ? reference : host.resolve("x", reference);
  const model = await world.loadModel({
    ...{ alias: "model", reference: path, heads: [], attributes: [], span: NOWHERE },
  });
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
