// Sheets of one block of images or several, below each other: each under its title, with a caption under them all.
// In: blocks, each a grid with its options. Out: one image; or, from sizes alone, how large it is and where each block begins.
// Invariant: one block without title and caption is its grid, pixel for pixel.
import { drawGrid, emptySheet, planGrid, type GridOptions } from "./grid.js";
import type { RgbImage } from "./rgb.js";
import { drawText, labelUnit, measureLines, measureText, wrapText } from "./text.js";

type Size = Pick<RgbImage, "width" | "height">;

/** How a block's images stand, and what is written above it. */
export interface BlockForm {
  readonly options: GridOptions;
  readonly title?: string;
}

/** The least room around titles and captions, in pixels, whatever the margin between images is. */
const LEAST_ROOM = 4;

/** The size of a sheet, and where its blocks and its caption stand. */
export interface BlocksPlan extends Size {
  readonly unit: number;
  readonly left: number;
  /** Tops of the blocks' titles and of their grids. */
  readonly blocks: readonly { readonly title: number; readonly grid: number }[];
  readonly caption: { readonly top: number; readonly lines: readonly string[] };
}

/** How blocks of images stand below each other. */
export function planBlocks(
  blocks: readonly (BlockForm & { readonly size: Size; readonly count: number })[],
  caption?: string,
): BlocksPlan {
  const unit = labelUnit(Math.max(1, ...blocks.map((b) => b.size.width)));
  const plans = blocks.map((b) => planGrid(b.size, b.count, b.options));
  const left = Math.max(LEAST_ROOM, ...plans.map((p) => p.padding));
  const titles = blocks.flatMap((b) => (b.title === undefined ? [] : [measureText(b.title, unit) + 2 * left]));
  const across = Math.max(1, ...plans.map((p) => p.width), ...titles);
  const lines = caption === undefined ? [] : caption.split("\n").flatMap((l) => wrapText(l, unit, across - 2 * left));
  const width = Math.max(across, ...lines.map((line) => measureText(line, unit) + 2 * left));
  let y = 0;
  const tops = blocks.map((b, k) => {
    const title = y + LEAST_ROOM;
    const grid = b.title === undefined ? y : title + measureLines(1, unit);
    y = grid + (plans[k]?.height ?? 0);
    return { title, grid };
  });
  const height = lines.length === 0 ? y : y + measureLines(lines.length, unit) + LEAST_ROOM;
  return { width, height, unit, left, blocks: tops, caption: { top: y, lines } };
}

/** Lays blocks of images out. Errors   InternalError as layoutGrid, for a block without any image too. */
export function layoutBlocks(
  blocks: readonly (BlockForm & { readonly images: readonly (RgbImage | undefined)[] })[],
  caption?: string,
): RgbImage {
  const sized = blocks.map((b) => {
    const size = b.images.find((i) => i !== undefined) ?? { width: 0, height: 0 };
    return { ...b, size, count: b.images.length };
  });
  const plan = planBlocks(sized, caption);
  const sheet = emptySheet(plan);
  blocks.forEach(({ title, images, options }, k) => {
    const top = plan.blocks[k] ?? { title: 0, grid: 0 };
    if (title !== undefined) drawText(sheet, title, plan.unit, plan.left, top.title);
    drawGrid(sheet, top.grid, images, options);
  });
  plan.caption.lines.forEach((line, k) => {
    const x = Math.floor((plan.width - measureText(line, plan.unit)) / 2);
    drawText(sheet, line, plan.unit, x, plan.caption.top + measureLines(k, plan.unit));
  });
  return sheet;
}
