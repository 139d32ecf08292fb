// Data files that are made of what is there: parts of one (`--shard`) joined, and labelled latents of another kind converted.
// In: paths. Out: a data file (docs/data.md), and how its labels are spread.
import type { Attribute } from "../compiler/attribute.js";
import type { DataMetadata } from "../learn/label/data-metadata.js";
import { copyShards, openShards } from "../learn/label/join.js";
import { dataBytes, layoutData } from "../learn/label/layout.js";
import type { PartFile } from "../learn/label/part-file.js";
import { parseAttributeRows } from "../learn/labellers/labeller-spec.js";
import { LABEL_FILES, readLaceLatents, W_FILE, Z_FILE, type LaceLatents } from "../learn/label/lace-latents.js";
import { ATTRIBUTES_FILE, LATENTS_FILE, readStyleflow } from "../learn/label/styleflow.js";
import { concerns, tally, type Tally } from "../learn/label/tally.js";
import { modelError } from "../models/model-error.js";
import { loadPack } from "../models/pack/pack.js";
import { PhaseClock } from "../ports/events.js";
import { baseName } from "../source/public-name.js";
import { failure, type Diagnostic } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";
import type { VerbOptions } from "./verb.js";

/** A data file that was written. */
export interface Labelled {
  readonly file: string;
  readonly count: number;
  /** Of `count`: rows that an interrupted run had left. */
  readonly resumed?: number;
  readonly seconds?: number;
  readonly metadata: DataMetadata;
  /** How the labels are spread. */
  readonly tallies: readonly Tally[];
  /** What to know before training on them. */
  readonly concerns: readonly { readonly attribute: string; readonly text: string }[];
  readonly warnings: readonly Diagnostic[];
}

export interface DataFileOptions extends VerbOptions {
  /** Default: data.safetensors. */
  readonly output?: string;
  /** Begin anew where an interrupted run left a part. */
  readonly fresh?: boolean;
}

/**
 * Joins data files of parts of the rows: the bytes that one run would have written.
 *
 * Errors   LaceError L5317 (they do not fit together), L5102, L5107, L5108 (a damaged file), L5311, L50xx; L4106 if `signal` aborts.
 */
export async function joinData(
  platform: Platform,
  files: readonly string[],
  { output: file = "data.safetensors", fresh = false, onEvent, signal }: DataFileOptions = {},
): Promise<Labelled> {
  const { host } = platform;
  const clock = new PhaseClock(() => host.now(), onEvent ?? ((): void => undefined));
  const joined = await clock.run("load", {}, () => openShards(host, files));
  const { metadata, layout, settings } = joined;
  const { count, attributes } = metadata;
  const part = await platform.openPart(file, { layout, settings }, { fresh });
  try {
    const tallies = await clock.run("save", { total: count }, async () => {
      const onProgress = (done: number): void => clock.progress("save", undefined, done, count);
      await copyShards(host, joined, part, { onProgress, signal });
      const counted = await talliesOf(attributes, part);
      await part.finish();
      return counted;
    });
    return labelled(file, metadata, tallies, part);
  } finally {
    await part.close();
  }
}

export interface ConvertOptions extends DataFileOptions {
  /** One whose w must be as wide. */
  readonly model?: string;
}

/**
 * Converts StyleFlow's data set, all_latents.pickle and att_light.pickle of a folder.
 *
 * Errors   LaceError L5104 to L5107 (pickles), those of the model, L50xx.
 */
export async function convertStyleflow(
  platform: Platform,
  folder: string,
  options: ConvertOptions = {},
): Promise<Labelled> {
  const [latents, table] = await Promise.all([
    pickleIn(platform, folder, LATENTS_FILE),
    pickleIn(platform, folder, ATTRIBUTES_FILE),
  ]);
  return writeConverted(
    platform,
    readStyleflow(latents, table),
    { latents, labels: table, name: "styleflow" },
    options,
  );
}

/**
 * Converts labelled latents of the LACE paper's scripts: ws_latent.pickle, pred.pickle (or pred0.3.pickle and the like), and z_latent.pickle where it is there.
 * `attributes`: a JSON table of what the columns of labels are, in their order; default: as the published ones.
 *
 * Errors   LaceError L5104 to L5107 (pickles), L5108 (the table), those of the model, L50xx.
 */
export async function convertLaceLatents(
  platform: Platform,
  folder: string,
  { attributes, ...options }: ConvertOptions & { readonly attributes?: string } = {},
): Promise<Labelled> {
  const { host } = platform;
  const isThere = async (name: string): Promise<boolean> => host.exists(`${folder}/${name}`);
  const found = await Promise.all(LABEL_FILES.map(isThere));
  const labels = await pickleIn(platform, folder, LABEL_FILES[found.indexOf(true)] ?? "pred.pickle");
  const w = await pickleIn(platform, folder, W_FILE);
  const files = { w, labels, ...((await isThere(Z_FILE)) && { z: await pickleIn(platform, folder, Z_FILE) }) };
  const rows = attributes === undefined ? undefined : parseAttributeRows(await host.readText(attributes), attributes);
  return writeConverted(platform, readLaceLatents(files, rows), { latents: w, labels, name: "lace" }, options);
}

interface PickleFile {
  readonly bytes: Uint8Array;
  readonly file: string;
}

async function pickleIn({ host }: Platform, folder: string, name: string): Promise<PickleFile> {
  const file = `${folder}/${name}`;
  return { bytes: await host.readBytes(file), file };
}

async function writeConverted(
  platform: Platform,
  data: LaceLatents,
  { latents, labels, name }: { readonly latents: PickleFile; readonly labels: PickleFile; readonly name: string },
  { output: file = "data.safetensors", model: reference }: ConvertOptions,
): Promise<Labelled> {
  const { host, version } = platform;
  const model = reference === undefined ? undefined : await identify(platform, reference);
  if (model !== undefined && model.wDim !== data.wDim)
    throw modelError("L5107", latents.file, `its w has ${data.wDim} numbers, that of '${model.name}' ${model.wDim}`);
  const metadata: DataMetadata = {
    count: data.count,
    model: {
      ...{ name: model?.name ?? name, sha256: model?.sha256 ?? null },
      ...{ zDim: data.zDim ?? null, wDim: data.wDim },
    },
    attributes: data.attributes,
    labeller: { name: baseName(labels.file), sha256: await host.sha256(labels.bytes) },
    ...{ seed: null, truncation: null, jitter: null, lacec: version },
  };
  const rows = new Map([["w", data.w]]);
  if (data.z !== undefined) rows.set("z", data.z);
  for (const [attribute, values] of data.labels) rows.set(`labels.${attribute}`, values);
  const layout = layoutData(metadata, { conditions: false, probabilities: [], thumbnails: 0 });
  await host.writeAtomic(file, dataBytes(layout, rows));
  const tallies = data.attributes.map((a) => tally(a, data.labels.get(a.name) ?? new Float32Array(0)));
  return labelled(file, metadata, tallies, undefined);
}

/** How the labels of a part that is whole are spread. */
export async function talliesOf(attributes: readonly Attribute[], part: PartFile): Promise<readonly Tally[]> {
  const tallies: Tally[] = [];
  for (const a of attributes) tallies.push(tally(a, await part.read(`labels.${a.name}`)));
  return tallies;
}

/** What is said of a finished file, of the part that it was made in too. */
export function labelled(
  file: string,
  metadata: DataMetadata,
  tallies: readonly Tally[],
  part: Pick<PartFile, "damaged"> | undefined,
): Labelled {
  const odd = tallies.flatMap((t) => concerns(t).map((text) => ({ attribute: t.name, text })));
  const warnings = damageOf(part?.damaged ?? [], file);
  return { file, count: metadata.count, metadata, tallies, concerns: odd, warnings };
}

/** What is said of blocks that had to be drawn again. */
function damageOf(damaged: PartFile["damaged"], file: string): readonly Diagnostic[] {
  if (damaged.length === 0) return [];
  const rows = damaged.map(({ first, count }) => `${first} to ${first + count - 1}`).join(", ");
  const { diagnostics } = failure("L5318", `rows ${rows} in ${file}.part were damaged; they were made again`);
  return diagnostics.map((d) => ({ ...d, severity: "warning" as const }));
}

async function identify(
  { host }: Platform,
  reference: string,
): Promise<{ readonly name: string; readonly wDim: number; readonly sha256: string }> {
  const path = reference.startsWith("builtin:") ? reference : host.resolve("x", reference);
  const { info, sha256 } = await loadPack(host, path);
  return { name: info.name, wDim: info.wDim, sha256 };
}
