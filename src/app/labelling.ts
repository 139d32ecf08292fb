// What a labelling consists of, opened and looked at before anything is drawn: a model, who labels, which rows, and the data file that they make.
// In: options. Out: Labelling; its rows, drawn into a part of that file.
// Invariants: nothing here asks where rows are drawn, so that a run on one machine and pieces on many agree on every number.
import type { Attribute } from "../compiler/attribute.js";
import type { DataMetadata } from "../learn/label/data-metadata.js";
import type { RowDrawing } from "../learn/label/draw-rows.js";
import { labelModel, type RowLabels } from "../learn/label/label-model.js";
import { extremes, inferAttributes, readLabelTable, tableLabels, type LabelTable } from "../learn/label/label-table.js";
import { layoutData, settingsOf, type DataShape } from "../learn/label/layout.js";
import type { PartFile, PartPlan, RowRange } from "../learn/label/part-file.js";
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
import { NOWHERE } from "../source/span.js";
import { MOST_ROWS, MOST_THUMBNAIL } from "./label-limits.js";
import { checkLabellerChoice } from "./labeller-choice.js";
import type { LabellerChoice, Platform } from "./platform.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

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

/** Rows of a run that does not say how many. */
export const DEFAULT_COUNT = 10_000;

/** What is labelled, by whom, and how many rows. Owns its labeller until it is disposed. */
export interface Labelling {
  readonly model: Model;
  readonly labels: Labeller | RowLabels;
  readonly about: LabellerIdentity;
  readonly count: number;
  dispose(): Promise<void>;
}

/** The data file of some rows: what it says of itself, and what a part of it needs. */
export interface DataPlan extends PartPlan {
  readonly metadata: DataMetadata;
  readonly shape: DataShape;
  readonly range: RowRange;
}

/** Refuses options that do not go together. Errors: UsageError. */
export function checkLabelOptions(options: LabelOptions): void {
  if (options.labels !== undefined && options.labeller !== undefined)
    throw new UsageError("--labels and --labeller are two ways to the labels: give one of them");
  if (options.attributes !== undefined && options.labels === undefined)
    throw new UsageError("--attributes says what the columns of --labels are: it needs --labels");
  refuseMore(options.count, MOST_ROWS, "rows of one data file");
  refuseMore(options.thumbnails, MOST_THUMBNAIL, "pixels of a picture that is kept of each row");
  checkLabellerChoice(options);
}

/** Opens the model and who labels. Errors: UsageError; LaceError L5107, L5312, L5313, and those of models, labellers and files. */
export async function openLabelling(
  platform: Platform,
  world: World,
  reference: string,
  options: LabelOptions,
): Promise<Labelling> {
  const model = await loadModel(platform, world, reference, options);
  if (options.labels !== undefined) {
    const { table, sha256 } = await readTable(platform, options.labels);
    const count = options.count ?? extremes(table.rows.map((r) => r.index)).max + 1;
    refuseMore(count, MOST_ROWS, `rows of one data file, and ${options.labels} labels the last of them`);
    const attributes = (await givenAttributes(platform, options)) ?? inferAttributes(table);
    const labels = tableLabels(table, attributes, count);
    const about = { name: table.file.replace(/^.*[/\\]/, ""), sha256 };
    return { model, labels, about, count, dispose: () => Promise.resolve() };
  }
  if (drawOf(options).follow > 0 && model.info.attributes.length === 0)
    throw modelError("L5107", reference, "it has no heads whose flow could be followed", [
      "label without --follow, train, and name the pack that `lacec train --into` writes",
    ]);
  const labels = await platform.openLabeller(world, model, options);
  return { model, labels, about: labels, count: options.count ?? DEFAULT_COUNT, dispose: () => labels.dispose() };
}

/** The data file of some of the rows of a labelling. */
export function planData(
  { version }: Platform,
  { model, labels, about, count: of }: Labelling,
  range: RowRange,
  options: LabelOptions,
): DataPlan {
  const { class: index, shard, thumbnails = 0 } = options;
  const { seed, truncation, jitter, follow } = drawOf(options);
  const { name, zDim, wDim } = model.info;
  const metadata: DataMetadata = {
    count: range.count,
    model: { name, sha256: model.sha256, zDim, wDim },
    attributes: labels.attributes,
    labeller: identityOf(about),
    seed,
    truncation,
    jitter,
    ...(index !== undefined && { class: index }),
    ...(follow > 0 && { follow }),
    ...(shard !== undefined && { shard: { first: range.first, of } }),
    lacec: version,
  };
  const classes = "look" in labels ? labels.attributes.filter((a) => a.type !== "scalar").map((a) => a.name) : [];
  const shape = { conditions: true, probabilities: classes, thumbnails };
  const layout = layoutData(metadata, shape);
  return { metadata, shape, layout, settings: settingsOf(metadata, layout), range };
}

/** Draws and labels what a part is missing. Errors: LaceError L4106 if `signal` aborts; the part has every block that was done. */
export async function labelPart(
  labelling: Labelling,
  { shape }: Pick<DataPlan, "shape">,
  part: PartFile,
  { engine, world, onProgress = () => undefined }: LabelTools,
  options: LabelOptions,
): Promise<void> {
  const { model, labels } = labelling;
  await labelModel({
    ...{ model, engine, services: world, labels, shape, part, signal: options.signal, draw: drawOf(options) },
    onShort: shortNote(options),
    onProgress,
  });
}

export interface LabelTools {
  readonly engine: Engine;
  readonly world: World;
  readonly onProgress?: (done: number) => void;
}

/** Errors: UsageError for more than the most, and for what is no count. */
export function refuseMore(asked: number | undefined, most: number, what: string): void {
  if (asked !== undefined && !(Number.isSafeInteger(asked) && asked >= 0 && asked <= most))
    throw new UsageError(`${asked} are too many: ${most} are the most ${what}`);
}

/** Notes that fewer images are made at a time. */
export function shortNote({ onEvent }: VerbOptions): (rows: number) => void {
  return (rows) => onEvent?.({ kind: "note", text: shortOfMemory(rows).message });
}

/** How rows are drawn, with what is not said. */
export function drawOf({
  seed = 1,
  truncation = [0.5, 1],
  jitter = 0.4,
  follow = 0,
}: RowOptions): Required<RowDrawing> {
  return { seed, truncation, jitter, follow };
}

/** A clock that tells of the phases. */
export function clockOf({ host }: Platform, { onEvent }: VerbOptions): PhaseClock {
  return new PhaseClock(() => host.now(), onEvent ?? ((): void => undefined));
}

/** The model, its class fixed if it has classes. Errors LaceError L5107 for a class that it has not. */
export async function loadModel(
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

async function readTable(
  { host }: Platform,
  file: string,
): Promise<{ readonly table: LabelTable; readonly sha256: string }> {
  const text = await host.readText(file);
  return { table: readLabelTable(text, file), sha256: await host.sha256(new TextEncoder().encode(text)) };
}

async function givenAttributes(
  { host }: Platform,
  { attributes: file }: LabelOptions,
): Promise<Attribute[] | undefined> {
  return file === undefined ? undefined : parseAttributeRows(await host.readText(file), file);
}
