// Contact sheets: images of one size in rows and columns, with a margin between them and, for sweeps, room for labels.
// In: images in order. Out: one image; or, from sizes alone, how large it is and where each image stands.
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
  /** One label above each image, in reading order. */
  readonly cellLabels?: readonly string[];
}

/** Columns of a grid of `count` images, when the script does not say: about the square root, never more than there are images. */
export function defaultColumns(count: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}

/** The size of a sheet, and where its images stand. */
export interface GridPlan {
  readonly width: number;
  readonly height: number;
  readonly padding: number;
  /** The corner of the cell in a row and a column. */
  x(column: number): number;
  y(row: number): number;
  /** The corner of the `k`th image's cell. */
  readonly corner: (k: number) => readonly [number, number];
}

/** How `count` images of one size stand on a sheet. Errors: InternalError if columns < 1. */
export function planGrid(size: Pick<RgbImage, "width" | "height">, count: number, options: GridOptions): GridPlan {
  const { width, height } = size;
  const columns = Math.min(options.columns ?? defaultColumns(count), count);
  if (columns < 1) throw new InternalError(`a grid of ${columns} columns`);
  const rows = Math.ceil(count / columns);
  const padding = options.padding ?? Math.max(2, Math.round(width / 32));
  const unit = labelUnit(width);
  const beside = options.rowLabels ?? [];
  const top = linesHigh(options.columnLabels, width);
  const band = linesHigh(options.cellLabels, width);
  const left = beside.length === 0 ? 0 : Math.max(...beside.map((text) => measureText(text, unit))) + padding;
  const x = (column: number): number => left + padding + column * (width + padding);
  const y = (row: number): number => top + padding + band + row * (height + padding + band);
  return {
    width: x(columns),
    height: y(rows) - band,
    padding,
    x,
    y,
    corner: (k) => [x(k % columns), y(Math.floor(k / columns))],
  };
}

function wrapLabels(labels: readonly string[] = [], width: number): readonly (readonly string[])[] {
  return labels.map((text) => wrapText(text, labelUnit(width), width));
}

/** Pixels that the highest of some labels takes above an image. */
function linesHigh(labels: readonly string[] | undefined, width: number): number {
  const lines = wrapLabels(labels, width).map((label) => label.length);
  return lines.length === 0 ? 0 : measureLines(Math.max(...lines), labelUnit(width));
}

/** An empty cell: a sample that gave no image. */
export function missingImage(width: number, height: number): RgbImage {
  return solidImage(width, height, MISSING);
}

/** An empty sheet. */
export function emptySheet({ width, height }: Pick<RgbImage, "width" | "height">): RgbImage {
  return solidImage(width, height, BACKGROUND);
}

/**
 * Lays images out in reading order. `undefined` is a sample that gave no image: its cell stays grey.
 *
 * Errors   InternalError if the images differ in size, if there is none at all, or if columns < 1.
 */
export function layoutGrid(images: readonly (RgbImage | undefined)[], options: GridOptions = {}): RgbImage {
  const first = images.find((i) => i !== undefined);
  if (first === undefined) throw new InternalError("a grid without any image");
  const sheet = emptySheet(planGrid(first, images.length, options));
  drawGrid(sheet, 0, images, options);
  return sheet;
}

/**
 * Draws a grid onto a sheet, from `top` on. Errors   as layoutGrid.
 */
export function drawGrid(
  sheet: RgbImage,
  top: number,
  images: readonly (RgbImage | undefined)[],
  options: GridOptions,
): void {
  const first = images.find((i) => i !== undefined);
  if (first === undefined) throw new InternalError("a grid without any image");
  const { width, height } = first;
  for (const image of images) {
    if (image !== undefined && (image.width !== width || image.height !== height)) {
      throw new InternalError(`a grid of images ${width}x${height} and ${image.width}x${image.height}`);
    }
  }
  const plan = planGrid(first, images.length, options);
  const missing = images.includes(undefined) ? missingImage(width, height) : first;
  const cornerOf = (k: number): readonly [number, number] => [plan.corner(k)[0], top + plan.corner(k)[1]];
  images.forEach((image, k) => paste(sheet.data, sheet.width, image ?? missing, ...cornerOf(k)));
  const unit = labelUnit(width);
  const centred = (text: string, x: number, room: number, y: number): void => {
    drawText(sheet, text, unit, x + Math.floor((room - measureText(text, unit)) / 2), y);
  };
  const above = (lines: readonly string[], x: number, y: number): void => {
    const start = y - measureLines(lines.length, unit);
    lines.forEach((line, k) => centred(line, x, width, start + measureLines(k, unit)));
  };
  const band = linesHigh(options.cellLabels, width);
  wrapLabels(options.columnLabels, width).forEach((lines, c) => above(lines, plan.x(c), top + plan.y(0) - band));
  wrapLabels(options.cellLabels, width).forEach((lines, k) => above(lines, ...cornerOf(k)));
  const middle = Math.floor((height - measureLines(1, unit)) / 2);
  (options.rowLabels ?? []).forEach((text, r) => {
    centred(text, plan.padding, plan.x(0) - 2 * plan.padding, top + plan.y(r) + middle);
  });
}
