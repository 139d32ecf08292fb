// Labelling by many machines: `lacec label --queue` cuts the rows into pieces of whole blocks, `lacec label --store` writes the data file of what they gave.
// In: the options of `lacec label`. Out: a submission; or the data file that one machine would have written, byte for byte.
import { memoryPart } from "../../learn/label/memory-part.js";
import { BLOCK } from "../../learn/label/part-file.js";
import { stopIfAborted } from "../../ports/stop.js";
import { rowsOfPiece, type Piece } from "../../runtime/plan/pieces.js";
import { dryWorld } from "../../runtime/services/world.js";
import type { Labelled } from "../data-files.js";
import { writeData } from "../label.js";
import {
  checkLabelOptions,
  clockOf,
  drawOf,
  labelPart,
  openLabelling,
  planData,
  type LabelOptions,
  type Labelling,
} from "../labelling.js";
import type { Platform } from "../platform.js";
import { UsageError } from "../verb.js";
import { damagedBundle, MachineTally, readBundle, wholeSubmission, type Machines } from "./bundles.js";
import { blockKey, unpackRows } from "./label-blocks.js";
import { companionsOf, packJudge, type Packed } from "./pack-files.js";
import { queuePieces, rowsPerPiece, type CutOptions, type Meeting, type Submitted } from "./submit.js";
import { MODEL, jsonBytes, objects, type LabelSubmission, type StoredModel } from "./submission.js";

/** What of `lacec label` goes through a queue: labels by a judge, of all rows. */
export type QueuedLabels = Omit<LabelOptions, "labels" | "attributes" | "shard">;

export interface SubmitLabelOptions extends Meeting, Pick<CutOptions, "rows">, QueuedLabels {}

export interface CollectLabelOptions extends QueuedLabels {
  readonly store: string;
}

/** A data file that many machines have labelled. */
export interface CollectedLabels extends Labelled {
  readonly submission: string;
  readonly machines: Machines;
}

/**
 * Queues the rows that `lacec label` would label, in pieces of whole blocks of 64. The same request again queues what is missing.
 *
 * Errors   UsageError; LaceError L5403, L5404, and those of label before its first image.
 */
export async function submitLabel(
  platform: Platform,
  reference: string,
  options: SubmitLabelOptions,
): Promise<Submitted> {
  refuseHand(options);
  const labelling = await open(platform, reference, options);
  try {
    const packed = await packLabel(platform, reference, labelling, options);
    return await queuePieces(platform, packed, options, () => cutRows(platform, labelling, options));
  } finally {
    await labelling.dispose();
  }
}

/**
 * Writes the data file of a request that was submitted, from the store, with its options. What a part that was interrupted has is not read again.
 *
 * Errors   LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of label.
 */
export async function collectLabel(
  platform: Platform,
  reference: string,
  options: CollectLabelOptions,
): Promise<CollectedLabels> {
  refuseHand(options);
  const clock = clockOf(platform, options);
  const store = await platform.openStore(options.store);
  const labelling = await clock.run("load", {}, () => open(platform, reference, options));
  try {
    const { id } = await packLabel(platform, reference, labelling, options);
    const { pieces } = await wholeSubmission(store, id, "lacec label with --queue");
    const { count } = labelling;
    const plan = planData(platform, labelling, { first: 0, count }, options);
    const machines = new MachineTally();
    return await writeData(platform, labelling, plan, options, async (part) => {
      const resumed = part.rows;
      await clock.run("save", { total: count }, async () => {
        for (const piece of pieces) {
          stopIfAborted(options.signal);
          const { first, count: size } = rowsOfPiece(piece);
          const blocks = part.missing.filter((b) => b.first >= first && b.first < first + size);
          const { entries, report } = await readBundle(platform.host, store, id, piece);
          machines.add(report);
          for (const block of blocks) {
            const bytes = entries.get(blockKey(block.first));
            const rows = bytes && unpackRows(plan.layout, block, bytes);
            if (rows === undefined) throw damagedBundle(store, objects.piece(id, piece));
            await part.write(block.first, rows);
            clock.progress("save", undefined, part.rows, count);
          }
        }
      });
      return { resumed, submission: id, machines: machines.all };
    });
  } finally {
    await labelling.dispose();
  }
}

function refuseHand(options: LabelOptions): void {
  if ((options.labels ?? options.attributes) !== undefined)
    throw new UsageError("labels that are there already need no queue: leave --queue and --store out");
  if (options.shard !== undefined)
    throw new UsageError("--shard and --queue are two ways to many machines: give one of them");
  checkLabelOptions(options);
}

function open(platform: Platform, reference: string, options: LabelOptions): Promise<Labelling> {
  return openLabelling(platform, platform.world(platform.host, options.engine ?? "auto"), reference, options);
}

async function packLabel(
  platform: Platform,
  reference: string,
  { model, about, count }: Labelling,
  options: QueuedLabels,
): Promise<Packed<LabelSubmission>> {
  const { host, version } = platform;
  const { judge, models: judges, files } = await packJudge(platform, options, about);
  const isBuiltin = reference.startsWith("builtin:");
  const models: StoredModel[] = [];
  const all = new Map(files);
  if (!isBuiltin) {
    const beside = companionsOf(model);
    models.push({ name: MODEL, sha256: model.sha256, beside: beside.map(({ name, sha256 }) => ({ name, sha256 })) });
    all.set(model.sha256, () => host.readBytes(host.resolve("x", reference)));
    for (const { path, sha256 } of beside) all.set(sha256, () => host.readBytes(path));
  }
  const { class: index, thumbnails = 0 } = options;
  const submission: LabelSubmission = {
    ...{ format: 1, kind: "label", lacec: version },
    model: { reference: isBuiltin ? reference : "pack", sha256: model.sha256 },
    judge,
    rows: { count, ...drawOf(options), thumbnails, ...(index !== undefined && { class: index }) },
    models: [...models, ...judges],
  };
  return { id: await host.sha256(jsonBytes(submission)), submission, files: all };
}

/** Pieces of whole blocks: `rows` of them, rounded up, or what takes so long as the first block took here. */
async function cutRows(
  platform: Platform,
  labelling: Labelling,
  options: SubmitLabelOptions,
): Promise<readonly Piece[]> {
  const { count } = labelling;
  const rows = options.rows ?? (count <= BLOCK ? BLOCK : await rowsInSeconds(platform, labelling, options));
  const step = Math.ceil(rows / BLOCK) * BLOCK;
  return Array.from({ length: Math.ceil(count / step) }, (_, k) => ({
    task: 0,
    first: k * step,
    last: Math.min(count, (k + 1) * step) - 1,
  }));
}

async function rowsInSeconds(platform: Platform, labelling: Labelling, options: SubmitLabelOptions): Promise<number> {
  const { host } = platform;
  const range = { first: 0, count: BLOCK };
  const plan = planData(platform, labelling, range, options);
  const world = dryWorld(platform.world(host, options.engine ?? "auto"));
  const engine = await world.openEngine();
  try {
    const start = host.now();
    await labelPart(labelling, plan, memoryPart(range), { engine, world }, options);
    return rowsPerPiece(BLOCK, (host.now() - start) / 1000);
  } finally {
    await engine.dispose();
  }
}
