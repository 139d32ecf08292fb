// `lacec label`: latents of a generator, their images, and what a labeller says of them, row by row into a data file.
// In: a model, an engine, a labeller (or labels that are there already), the part file. Out: all rows, and a tally.
// Invariants: a row depends on its index alone, whatever part of a seed is asked for: the labeller looks at LOOK images at a time, those of rows
// that begin with a multiple of LOOK, filled up where the last are fewer; rows that a part has already are not made again; memory holds two
// blocks at most, one that is looked at and one that is painted meanwhile; a stop is looked for between blocks, so that what was computed is kept.
import { concat } from "../../source/concat.js";
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";
import { failure } from "../../source/diagnostic.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import { onWhite, type RgbImage } from "../../runtime/image/rgb.js";
import { thumbnail } from "../labellers/preprocess.js";
import type { Model } from "../../models/model.js";
import { repeatStyles } from "../../compiler/build/synthesis.js";
import type { DrawnRows, RowDrawing, RowDrawer } from "./draw-rows.js";
import { openDrawer } from "./draw-rows.js";
import { labelRows, type DataShape } from "./layout.js";
import { ahead } from "../../runtime/run/portions.js";
import { openPainter, type Painter } from "../../runtime/show/painter.js";
import type { TileRows } from "../../runtime/show/synthesis-inputs.js";
import type { PartFile } from "./part-file.js";

/** Images that the labeller looks at together; it divides BLOCK. */
const LOOK = 16;

export interface LabelWork {
  readonly model: Model;
  readonly engine: Engine;
  readonly services: Pick<Services, "openDecoder" | "freeMemory">;
  /** What a row's labels come from. */
  readonly labels: Labeller | RowLabels;
  readonly draw: RowDrawing;
  readonly shape: DataShape;
  readonly part: PartFile;
  readonly onProgress: (done: number) => void;
  /** Told of the images that are made at a time from now on, when memory ran short. */
  readonly onShort?: (rows: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Labels that are there without looking at images: columns [n, K] as a Labeller's. */
export interface RowLabels {
  readonly attributes: readonly Attribute[];
  columnsOf(start: number, count: number): Float32Array;
}

/**
 * Labels what is left of a data file.
 *
 * Errors   LaceError L4106 if it was stopped: the part has every block that was done.
 */
export async function labelModel(work: LabelWork): Promise<void> {
  const { model, engine, part, shape, labels } = work;
  const drawer = await openDrawer(model, engine, work.draw);
  const looks = "look" in labels;
  const total = part.missing.reduce((sum, { count }) => sum + count, 0);
  const painter = looks || shape.thumbnails > 0 ? painterOf(work, total) : undefined;
  // What is painted on threads of its own goes on while the labeller looks.
  const painted = ahead(paintBlocks(work, drawer, painter), (painter?.atOnce ?? 1) > 1 ? 1 : 0);
  try {
    work.onProgress(part.rows);
    let thumbnails = new Uint8Array();
    let columns: Float32Array[] = [];
    let done = part.rows;
    for await (const { first, size, rows, from, images } of painted) {
      if (from === 0) {
        done = part.rows;
        thumbnails = new Uint8Array(size * shape.thumbnails ** 2 * 3);
        columns = looks ? [] : [labels.columnsOf(first, size)];
      }
      images.forEach((image, k) => {
        if (shape.thumbnails > 0)
          thumbnails.set(thumbnail(onWhite(image), shape.thumbnails), (from + k) * shape.thumbnails ** 2 * 3);
      });
      if (looks) columns.push(await columnsOf(images, labels));
      if (painter !== undefined) work.onProgress(done + from + images.length);
      if (painter !== undefined && from + images.length < size) continue;
      const { z, w, truncation, jitter } = rows;
      await part.write(
        first,
        new Map<string, Float32Array | Uint8Array>([
          ["w", w],
          ["z", z],
          ["truncation", truncation],
          ["jitter", jitter],
          ...labelRows(concat(columns, Float32Array), labels.attributes, shape),
          ["thumbnails", thumbnails],
        ]),
      );
      work.onProgress(part.rows);
    }
  } finally {
    await painted.return();
    await drawer.dispose();
    await painter?.dispose();
  }
}

/** Images of a block that the labeller looks at together. */
interface PaintedLook {
  /** Of the block: its first row, how many it has, and what was drawn for it. */
  readonly first: number;
  readonly size: number;
  readonly rows: DrawnRows;
  /** Which row of the block the first image is of. */
  readonly from: number;
  readonly images: readonly RgbImage[];
}

/** What is left of a data file, drawn and painted, LOOK rows at a time; without a painter a block at a time. */
async function* paintBlocks(
  { part, draw, model, signal }: LabelWork,
  drawer: RowDrawer,
  painter: Painter | undefined,
): AsyncGenerator<PaintedLook, void> {
  for (const { first, count: size } of part.missing) {
    stopIfAsked(signal);
    const rows = await drawer.draw(first, size);
    if (painter === undefined) {
      yield { first, size, rows, from: 0, images: [] };
      continue;
    }
    for (let from = 0; from < size; from += LOOK) {
      const styles = stylesOf(rows.w, model.info, from, Math.min(LOOK, size - from));
      const images = await painter.paint(styles, rowsOf(draw, first + from, rows.truncation.subarray(from)));
      yield { first, size, rows, from, images };
    }
  }
}

/** As many at a time for every part of a seed: LOOK are asked for at once. */
function painterOf(
  { model, engine, services, onShort }: Pick<LabelWork, "model" | "engine" | "services" | "onShort">,
  total: number,
): Painter {
  return openPainter({ model, engine, services, count: LOOK, total, ...(onShort !== undefined && { onShort }) });
}

/** Rows of a seed from `first` on, as a painter takes them. */
function rowsOf({ seed }: RowDrawing, first: number, truncation: Float32Array): TileRows {
  return Array.from(truncation, (psi, i) => ({ seed, sample: first + i, truncation: psi }));
}

/** What the labeller says of at most LOOK images, looked at as if they were LOOK. */
async function columnsOf(images: readonly RgbImage[], labels: Labeller): Promise<Float32Array> {
  const [last] = images.slice(-1);
  if (last === undefined) return new Float32Array(0);
  const { columns } = await labels.label([...images, ...Array.from({ length: LOOK - images.length }, () => last)]);
  return columns.subarray(0, (columns.length / LOOK) * images.length);
}

/** Images of the first `count` rows of a seed, one by one, for labelling by hand. */
export async function paintRows(
  work: Pick<LabelWork, "model" | "engine" | "services" | "draw" | "onProgress" | "onShort" | "signal"> & {
    readonly count: number;
  },
  accept: (image: RgbImage, index: number) => Promise<void>,
): Promise<void> {
  const { model, engine, count } = work;
  const drawer: RowDrawer = await openDrawer(model, engine, work.draw);
  const painter = painterOf(work, count);
  try {
    for (let start = 0; start < count; start += LOOK) {
      if (work.signal?.aborted === true)
        throw failure("L4106", "the writing of images was interrupted", [
          "those that are there are whole; the same command begins anew",
        ]);
      const size = Math.min(LOOK, count - start);
      const { w, truncation } = await drawer.draw(start, size);
      const images = await painter.paint(stylesOf(w, model.info, 0, size), rowsOf(work.draw, start, truncation));
      for (const [k, image] of images.entries()) await accept(image, start + k);
      work.onProgress(start + size);
    }
  } finally {
    await drawer.dispose();
    await painter.dispose();
  }
}

/** Rows `from` to `from + count` of w as styles, the same in all layers. */
function stylesOf(w: Float32Array, { numWs, wDim }: ModelInfo, from: number, count: number): Float32Array[] {
  return Array.from({ length: count }, (_, k) =>
    repeatStyles(w.subarray((from + k) * wDim, (from + k + 1) * wDim), 1, numWs),
  );
}

/** Errors LaceError L4106 if the labelling was interrupted. */
function stopIfAsked(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw failure("L4106", "labelling was interrupted", ["the same command goes on where it stopped"]);
}
