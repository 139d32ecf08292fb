// Data files that are made of what is there: parts of one (`--shard`) joined, and labelled latents of another kind converted.
// In: paths. Out: a data file (docs/data.md), and how its labels are spread.
import type { Attribute } from "../compiler/attribute.js";
import type { DataMetadata } from "../learn/label/data-metadata.js";
import { copyShards, openShards } from "../learn/label/join.js";
import { dataBytes, layoutData } from "../learn/label/layout.js";
import type { PartFile } from "../learn/label/part-file.js";
import { ATTRIBUTES_FILE, LATENTS_FILE, readStyleflow } from "../learn/label/styleflow.js";
import { concerns, tally, type Tally } from "../learn/label/tally.js";
import { modelError } from "../models/model-error.js";
import { loadPack } from "../models/pack/pack.js";
import { PhaseClock } from "../ports/events.js";
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

/**
 * Converts StyleFlow's data set, all_latents.pickle and att_light.pickle of a folder. `model`: one whose w must be as wide.
 *
 * Errors   LaceError L5104 to L5107 (pickles), those of the model, L50xx.
 */
export async function convertStyleflow(
  platform: Platform,
  folder: string,
  { output: file = "data.safetensors", model: reference }: DataFileOptions & { readonly model?: string } = {},
): Promise<Labelled> {
  const { host, version } = platform;
  const read = async (name: string): Promise<{ readonly bytes: Uint8Array; readonly file: string }> => {
    const path = `${folder}/${name}`;
    return { bytes: await host.readBytes(path), file: path };
  };
  const [latents, table] = await Promise.all([read(LATENTS_FILE), read(ATTRIBUTES_FILE)]);
  const data = readStyleflow(latents, table);
  const model = reference === undefined ? undefined : await identify(platform, reference);
  if (model !== undefined && model.wDim !== data.wDim)
    throw modelError("L5107", latents.file, `its w has ${data.wDim} numbers, that of '${model.name}' ${model.wDim}`);
  const metadata: DataMetadata = {
    count: data.count,
    model: { name: model?.name ?? "styleflow", sha256: model?.sha256 ?? null, zDim: null, wDim: data.wDim },
    attributes: data.attributes,
    labeller: { name: ATTRIBUTES_FILE, sha256: await host.sha256(table.bytes) },
    ...{ seed: null, truncation: null, jitter: null, lacec: version },
  };
  const rows = new Map([["w", data.w]]);
  for (const [name, labels] of data.labels) rows.set(`labels.${name}`, labels);
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
