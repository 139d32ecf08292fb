// How the images of a task stand on a sheet: how many side by side, and what is written above and beside them.
// In: a task and the form it is saved in. Out: options of layoutGrid, for images in the order of rows and parts.
import { axisTexts, type Axis } from "../../compiler/axes.js";
import type { SaveForm, SweepTask, Task } from "../../compiler/plan.js";
import type { BlockForm } from "../image/blocks.js";
import { defaultColumns, type GridOptions } from "../image/grid.js";
import { halfSize, type RgbImage } from "../image/rgb.js";
import { imageNumber, partsOf, rowsOf } from "./places.js";

type AnySheet = Extract<SaveForm, { kind: "grid" | "strip" }>;

/** Pixels of images that a sheet keeps: with the sheet itself and its encoding, 400 MB. */
export const MAX_SHEET_PIXELS = 40e6;

/** How many images of a task stand on a sheet. */
export function cellsOf(task: Task, form: AnySheet): number {
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

/** The layout of what a sheet shows, block by block: one for each task, under its name where there are several. */
export function blocksOf(tasks: readonly Task[], form: AnySheet): readonly BlockForm[] {
  return tasks.map((task) => {
    const options = sheetOf(task, form);
    return tasks.length > 1 && form.labels !== false ? { options, title: task.name } : { options };
  });
}

/**
 * The layout of a task's images. A sweep's values, and the parts of a strip, label its rows and columns; `grid { columns n }` puts images in reading
 * order. Where there is nothing to label rows and columns with, `labels on` labels each image.
 */
export function sheetOf(task: Task, form: AnySheet): GridOptions {
  const { columnLabels, rowLabels, ...places } = placesOf(task, form);
  const gap = form.gap === undefined ? {} : { padding: form.gap };
  if (form.labels === false) return { ...places, ...gap };
  if (columnLabels !== undefined || rowLabels !== undefined)
    return { ...places, ...gap, ...(columnLabels && { columnLabels }), ...(rowLabels && { rowLabels }) };
  return { ...places, ...gap, ...(form.labels === true && { cellLabels: cellLabels(task) }) };
}

function placesOf(task: Task, form: AnySheet): GridOptions {
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

/** What each image of a grid is: the values of a sweep's cell, with its row where there are several; else its number. */
function cellLabels(task: Task): readonly string[] {
  const rows = Array.from({ length: rowsOf(task) }, (_, row) => row);
  if (task.kind === "edit") return rows.map(String);
  const parts = Array.from({ length: partsOf(task) }, (_, part) => part);
  return rows.flatMap((index) =>
    parts.map((part) => {
      if (task.kind !== "sweep") return String(imageNumber(task, { index, part }));
      const values = axisTexts(task.axes, part).join(", ");
      return rows.length === 1 ? values : `${index}: ${values}`;
    }),
  );
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
