// Labelling latents of a generator: the data that training learns attributes from; or writing their images for labelling by hand.
// In: a model, who labels. Out: a data file (docs/data.md), or a folder of images.
// Invariants: everything that can be wrong is looked at before the first image; an abort keeps what was done, and the same request goes on.
import { paintRows } from "../learn/label/label-model.js";
import { shardRows, type PartFile, type RowRange } from "../learn/label/part-file.js";
import { failure } from "../source/diagnostic.js";
import { labelled, talliesOf, type Labelled } from "./data-files.js";
import { MOST_EXPORTED } from "./label-limits.js";
import {
  checkLabelOptions,
  clockOf,
  DEFAULT_COUNT,
  drawOf,
  labelPart,
  loadModel,
  openLabelling,
  planData,
  refuseMore,
  shortNote,
  type DataPlan,
  type LabelOptions,
  type Labelling,
  type RowOptions,
} from "./labelling.js";
import type { Platform } from "./platform.js";

export { concerns, type Tally } from "../learn/label/tally.js";
export type { Labelled } from "./data-files.js";
export type { LabelOptions, RowOptions } from "./labelling.js";

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

/**
 * Labels latents of a model into a data file.
 *
 * Errors   UsageError; LaceError L5107, L5311 to L5313, L5317 (an empty part), those of models, engines, labellers and the disk; L4106 if
 *          `signal` aborts: the same request then goes on.
 */
export async function label(platform: Platform, model: string, options: LabelOptions = {}): Promise<Labelled> {
  checkLabelOptions(options);
  const clock = clockOf(platform, options);
  const world = platform.world(platform.host, options.engine ?? "auto");
  const { labelling, engine } = await clock.run(
    "load",
    {},
    async () => {
      const opened = await openLabelling(platform, world, model, options);
      return { labelling: opened, engine: await world.openEngine() };
    },
    (o) => o.engine.name,
  );
  try {
    const plan = planData(platform, labelling, rowsOf(labelling.count, options), options);
    const { host } = platform;
    const { range } = plan;
    return await writeData(platform, labelling, plan, options, async (part) => {
      const resumed = part.rows;
      const { name } = labelling.model.info;
      const seconds = await clock.run(
        "label",
        { task: name, total: range.count },
        async () => {
          const start = host.now();
          const onProgress = (done: number): void => clock.progress("label", name, done, range.count);
          await labelPart(labelling, plan, part, { engine, world, onProgress }, options);
          return (host.now() - start) / 1000;
        },
        () =>
          resumed === 0
            ? `${range.count} rows`
            : `${range.count} rows, ${resumed} of them from ${fileOf(options)}.part`,
      );
      return { resumed, seconds };
    });
  } finally {
    await labelling.dispose();
    await engine.dispose();
  }
}

/** Fills the part of a data file, and puts the whole at its place. */
export async function writeData<T extends object>(
  platform: Platform,
  { labels }: Labelling,
  { metadata, ...plan }: DataPlan,
  options: LabelOptions,
  fill: (part: PartFile) => Promise<T>,
): Promise<Labelled & T> {
  const file = fileOf(options);
  const part = await platform.openPart(file, plan, { fresh: options.fresh === true });
  try {
    const filled = await fill(part);
    const tallies = await talliesOf(labels.attributes, part);
    await part.finish();
    return { ...labelled(file, metadata, tallies, part), ...filled };
  } finally {
    await part.close();
  }
}

/** The rows that are labelled. */
function rowsOf(count: number, { shard }: LabelOptions): RowRange {
  if (shard === undefined) return { first: 0, count };
  const range = shardRows(count, shard);
  if (range.count === 0)
    throw failure("L5317", `part ${shard.number} of ${shard.of} of ${count} rows is empty`, [
      "parts are whole blocks of 64 rows: make fewer of them",
    ]);
  return range;
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

function fileOf({ output = "data.safetensors", shard }: LabelOptions): string {
  if (shard === undefined) return output;
  return output.replace(/(\.[^./\\]*)?$/, `.shard-${shard.number}-of-${shard.of}$&`);
}
