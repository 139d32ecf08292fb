// Contact sheets: images of one size in rows and columns, with a margin between them and, for sweeps, room for labels.
// In: images in order. Out: one image. Labels are drawn by the codec (a font is no business of bytes): `drawLabels` of ImageCodec.
import { InternalError } from "../../source/internal-error.js";
import { paste, solidImage, type RgbImage } from "./rgb.js";

/** A missing cell (a failed sample) is drawn in this grey. */
const MISSING: readonly [number, number, number] = [208, 208, 208];
const BACKGROUND: readonly [number, number, number] = [255, 255, 255];

/** A line of text centred in a box, for the codec to draw. Pixels from the top left. */
export interface TextBox {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface GridOptions {
  /** Default: the smallest square that holds all images. */
  readonly columns?: number;
  /** Pixels between and around the images. Default: resolution / 32, at least 2. */
  readonly padding?: number;
  /** One label above each column and one left of each row (sweeps). */
  readonly columnLabels?: readonly string[];
  readonly rowLabels?: readonly string[];
}

/** A grid and the labels still to be drawn on it. */
export interface Grid {
  readonly image: RgbImage;
  readonly labels: readonly TextBox[];
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
export function layoutGrid(images: readonly (RgbImage | undefined)[], options: GridOptions = {}): Grid {
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
  const labelHeight = Math.max(14, Math.round(height / 8));
  const top = options.columnLabels === undefined ? 0 : labelHeight;
  const left = options.rowLabels === undefined ? 0 : Math.max(48, Math.round(width / 2));
  const totalWidth = left + padding + columns * (width + padding);
  const totalHeight = top + padding + rows * (height + padding);
  const sheet = solidImage(totalWidth, totalHeight, BACKGROUND);
  const missing = images.includes(undefined) ? solidImage(width, height, MISSING) : first;
  const cellX = (column: number): number => left + padding + column * (width + padding);
  const cellY = (row: number): number => top + padding + row * (height + padding);
  images.forEach((image, k) => {
    paste(sheet.data, totalWidth, image ?? missing, cellX(k % columns), cellY(Math.floor(k / columns)));
  });
  const labels = [
    ...(options.columnLabels ?? []).map((text, c) => ({ text, x: cellX(c), y: padding, width, height: top })),
    ...(options.rowLabels ?? []).map((text, r) => ({ text, x: padding, y: cellY(r), width: left - padding, height })),
  ];
  return { image: sheet, labels };
}
