// How the images of a task stand on a sheet: how many side by side, and what is written above and beside them.
// In: a task and the form it is saved in. Out: options of layoutGrid, for images in the order of rows and parts.
import { axisTexts, type Axis } from "../../compiler/axes.js";
import type { SaveForm, SweepTask, Task } from "../../compiler/plan.js";
import { defaultColumns, type GridOptions } from "../image/grid.js";
import { halfSize, type RgbImage } from "../image/rgb.js";
import { partsOf, rowsOf } from "./places.js";

/** Pixels of images that a sheet keeps: with the sheet itself and its encoding, 400 MB. */
export const MAX_SHEET_PIXELS = 40e6;

/** How many images stand on a sheet. */
export function cellsOf(task: Task, form: Extract<SaveForm, { kind: "grid" | "strip" }>): number {
  const parts = task.kind !== "edit" ? partsOf(task) : form.kind === "strip" ? partsOf(task) + 1 : 1;
  return rowsOf(task) * parts;
}

/** How often the images of a sheet are halved so that all of them can be kept, and their size then. */
export function sheetScale(
  image: Pick<RgbImage, "width" | "height">,
  count: number,
): { readonly halvings: number; readonly size: Pick<RgbImage, "width" | "height"> } {
  let size = image;
  let halvings = 0;
  for (; count * size.width * size.height > MAX_SHEET_PIXELS; halvings++) size = halfSize(size);
  return { halvings, size };
}

/** The layout of a sheet. A sweep's values are its labels; `grid { columns n }` puts images in reading order, without labels. */
export function sheetOf(task: Task, form: Extract<SaveForm, { kind: "grid" | "strip" }>): GridOptions {
  if (form.kind === "strip") return stripOf(task);
  if (form.columns !== undefined) return { columns: form.columns };
  const rows = rowsOf(task);
  switch (task.kind) {
    case "sweep":
      return sweepGrid(task, rows);
    case "traverse":
      return { columns: rows === 1 ? defaultColumns(task.frames) : task.frames };
    default:
      return {};
  }
}

/** A row for each sample, a column for each part; of an edit, what was before it comes first. */
function stripOf(task: Task): GridOptions {
  const columnLabels = partLabels(task);
  const rows = rowsOf(task);
  const rowLabels = rows === 1 ? {} : { rowLabels: Array.from({ length: rows }, (_, i) => String(i)) };
  return { columns: columnLabels.length, columnLabels, ...rowLabels };
}

function partLabels(task: Task): readonly string[] {
  if (task.kind === "sweep") return task.cells.map((_, part) => axisTexts(task.axes, part).join(", "));
  if (task.kind === "edit") return ["before", ...task.steps.map((s) => s.text)];
  return Array.from({ length: partsOf(task) }, (_, i) => String(i));
}

/** The last axis goes from left to right, the others from top to bottom, once for each sample. */
function sweepGrid({ axes }: SweepTask, rows: number): GridOptions {
  const across = axes.slice(-1);
  const down = axes.slice(0, -1);
  const columns = countOf(across);
  const columnLabels = Array.from({ length: columns }, (_, k) => axisTexts(across, k).join(", "));
  if (down.length === 0) return { columns, columnLabels };
  const once = Array.from({ length: countOf(down) }, (_, k) => axisTexts(down, k).join(", "));
  return { columns, columnLabels, rowLabels: Array.from({ length: rows }, () => once).flat() };
}

function countOf(axes: readonly Axis[]): number {
  return axes.reduce((n, axis) => n * axis.values.length, 1);
}
