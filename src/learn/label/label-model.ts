// `lacec label`: latents of a generator, their images, and what a labeller says of them, row by row into a data file.
// In: a model, an engine, a labeller (or labels that are there already), the part file. Out: all rows, and a tally.
// Invariants: rows that a part has already are not made again; memory holds one piece of PIECE rows; a stop is looked for between pieces,
// so that what was computed is kept.
import { concat } from "../../source/concat.js";
import type { Attribute, ModelInfo } from "../../compiler/attribute.js";
import { failure } from "../../source/diagnostic.js";
import type { Engine } from "../../runtime/services/engine.js";
import type { Labeller, Services } from "../../runtime/services/services.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { thumbnail } from "../labellers/preprocess.js";
import type { Model } from "../../models/model.js";
import { repeatStyles } from "../../compiler/build/synthesis.js";
import type { DrawOptions, RowDrawer } from "./draw-rows.js";
import { openDrawer } from "./draw-rows.js";
import { labelRows, type DataShape } from "./layout.js";
import { openPainter } from "../../runtime/show/painter.js";
import type { PartFile } from "./part-file.js";

/** Rows between two checkpoints. */
const PIECE = 64;
/** Images that the labeller looks at together. */
const LOOK = 16;

export interface LabelWork {
  readonly model: Model;
  readonly engine: Engine;
  readonly services: Pick<Services, "openDecoder">;
  /** What a row's labels come from. */
  readonly labels: Labeller | RowLabels;
  readonly draw: DrawOptions;
  readonly count: number;
  readonly shape: DataShape;
  readonly part: PartFile;
  readonly onProgress: (done: number) => void;
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
 * Errors   LaceError L4106 if it was stopped: the part has every piece that was done.
 */
export async function labelModel(work: LabelWork): Promise<void> {
  const { model, engine, part, count, shape, labels } = work;
  const drawer = await openDrawer(model, engine, work.draw);
  const looks = "look" in labels;
  const painter = looks || shape.thumbnails > 0 ? await openPainter(model, engine, work.services) : undefined;
  try {
    work.onProgress(part.rows);
    while (part.rows < count) {
      stopIfAsked(work.signal);
      const start = part.rows;
      const size = Math.min(PIECE, count - start);
      const { z, w, truncation, jitter } = await drawer.draw(start, size);
      const thumbnails = new Uint8Array(size * shape.thumbnails ** 2 * 3);
      const columns: Float32Array[] = looks ? [] : [labels.columnsOf(start, size)];
      for (let from = 0; painter !== undefined && from < size; from += LOOK) {
        const images = await painter.paint(stylesOf(w, model.info, from, Math.min(LOOK, size - from)));
        images.forEach((image, k) => {
          if (shape.thumbnails > 0)
            thumbnails.set(thumbnail(image, shape.thumbnails), (from + k) * shape.thumbnails ** 2 * 3);
        });
        if (looks) columns.push((await labels.label(images)).columns);
        work.onProgress(start + from + images.length);
      }
      await part.write(
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
    await drawer.dispose();
    await painter?.dispose();
  }
}

/** Images of the rows of a seed, one by one, for labelling by hand. */
export async function paintRows(
  work: Pick<LabelWork, "model" | "engine" | "services" | "draw" | "count" | "onProgress" | "signal">,
  accept: (image: RgbImage, index: number) => Promise<void>,
): Promise<void> {
  const { model, engine, count } = work;
  const drawer: RowDrawer = await openDrawer(model, engine, work.draw);
  const painter = await openPainter(model, engine, work.services);
  try {
    for (let start = 0; start < count; start += LOOK) {
      if (work.signal?.aborted === true)
        throw failure("L4106", "the writing of images was interrupted", [
          "those that are there are whole; the same command begins anew",
        ]);
      const size = Math.min(LOOK, count - start);
      const { w } = await drawer.draw(start, size);
      const images = await painter.paint(stylesOf(w, model.info, 0, size));
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
