// Contact sheets: images of one size in rows and columns, with a margin between them and, for sweeps, room for labels.
// In: images in order. Out: one image.
import { InternalError } from "../../source/internal-error.js";
import { paste, solidImage, type RgbImage } from "./rgb.js";
import { drawText, labelUnit, measureLines, measureText, wrapText } from "./text.js";

/** A missing cell (a failed sample) is drawn in this grey. */
const MISSING: readonly [number, number, number] = [208, 208, 208];
const BACKGROUND: readonly [number, number, number] = [255, 255, 255];

export interface GridOptions {
  /** Default: the smallest square that holds all images. */
  readonly columns?: number;
  /** Pixels between and around the images. Default: resolution / 32, at least 2. */
  readonly padding?: number;
  /** One label above each column (broken at spaces where the column is narrow) and one left of each row. */
  readonly columnLabels?: readonly string[];
  readonly rowLabels?: readonly string[];
}

/** Columns of a grid of `count` images, when the script does not say: about the square root, never more than there are images. */
export function defaultColumns(count: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}

/**
 * Lays images out in reading order. `undefined` is a sample that gave no image: its cell stays grey.
 *
 * Errors   InternalError if the images differ in size, if there is none at all, or if columns < 1.
 */
export function layoutGrid(images: readonly (RgbImage | undefined)[], options: GridOptions = {}): RgbImage {
  const first = images.find((i) => i !== undefined);
  if (first === undefined) throw new InternalError("a grid without any image");
  const { width, height } = first;
  const columns = Math.min(options.columns ?? defaultColumns(images.length), images.length);
  if (columns < 1) throw new InternalError(`a grid of ${columns} columns`);
  for (const image of images) {
    if (image !== undefined && (image.width !== width || image.height !== height)) {
      throw new InternalError(`a grid of images ${width}x${height} and ${image.width}x${image.height}`);
    }
  }
  const rows = Math.ceil(images.length / columns);
  const padding = options.padding ?? Math.max(2, Math.round(width / 32));
  const unit = labelUnit(width);
  const above = (options.columnLabels ?? []).map((text) => wrapText(text, unit, width));
  const beside = options.rowLabels ?? [];
  const top = above.length === 0 ? 0 : measureLines(Math.max(...above.map((lines) => lines.length)), unit);
  const left = beside.length === 0 ? 0 : Math.max(...beside.map((text) => measureText(text, unit))) + padding;
  const totalWidth = left + padding + columns * (width + padding);
  const totalHeight = top + padding + rows * (height + padding);
  const sheet = solidImage(totalWidth, totalHeight, BACKGROUND);
  const missing = images.includes(undefined) ? solidImage(width, height, MISSING) : first;
  const cellX = (column: number): number => left + padding + column * (width + padding);
  const cellY = (row: number): number => top + padding + row * (height + padding);
  images.forEach((image, k) => {
    paste(sheet.data, totalWidth, image ?? missing, cellX(k % columns), cellY(Math.floor(k / columns)));
  });
  const centred = (text: string, x: number, room: number, y: number): void => {
    drawText(sheet, text, unit, x + Math.floor((room - measureText(text, unit)) / 2), y);
  };
  above.forEach((lines, c) => {
    const start = padding + top - measureLines(lines.length, unit);
    lines.forEach((line, k) => centred(line, cellX(c), width, start + measureLines(k, unit)));
  });
  const middle = Math.floor((height - measureLines(1, unit)) / 2);
  beside.forEach((text, r) => centred(text, padding, left - padding, cellY(r) + middle));
  return sheet;
}
