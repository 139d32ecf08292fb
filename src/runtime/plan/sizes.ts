// Whether what is to be saved fits into its files and into memory: known before any work is done.
// In: the saves of a run and the sizes of the models' images. Out: mistakes (L5006) that say what to do.
import type { Save, Task } from "../../compiler/plan.js";
import { LaceError, type Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import { MAX_FILM_PIXELS } from "../services/codec.js";
import { planBlocks } from "../image/blocks.js";
import { fileFormat, longestSide } from "./path-template.js";
import { type FileFormat } from "../services/codec.js";
import type { RgbImage } from "../image/rgb.js";
import { planFilm } from "./film.js";
import { blocksOf, cellsOf, MAX_SHEET_PIXELS, sheetScale } from "./sheet.js";

type Size = Pick<RgbImage, "width" | "height">;

/** A task and the size of its images, in pixels. */
export interface SizedTask {
  readonly task: Task;
  readonly image: Size;
}

/** How many times as large as its images may a sheet with a `gap` be. */
const MOST_ON_SHEET = 3;

type Saves = readonly { readonly save: Save; readonly tasks: readonly Task[] }[];

/** Refuses saves that cannot be written. `imageOf` gives the size of a task's images. */
export function checkSizes(saves: Saves, imageOf: (task: Task) => Size): void {
  const diagnostics = sizeMistakes(saves, imageOf);
  if (diagnostics.length > 0) throw new LaceError(diagnostics);
}

/** What is wrong with saves that cannot be written (L5006). */
export function sizeMistakes(saves: Saves, imageOf: (task: Task) => Size): readonly Diagnostic[] {
  return saves.flatMap(({ save, tasks }) => {
    const sized = tasks.map((task) => ({ task, image: imageOf(task) }));
    return [...checkSides(save, sized), ...sized.flatMap(({ task, image }) => checkFilm(save, task, image))];
  });
}

function checkSides(save: Save, tasks: readonly SizedTask[]): readonly Diagnostic[] {
  const format = fileFormat(save.path, save.form);
  if (format === undefined) throw new InternalError(`no format for ${save.path}: the checker let it pass`);
  const { width, height } = sizeOf(save, tasks);
  const most = longestSide(format);
  if (width * height > MOST_ON_SHEET * MAX_SHEET_PIXELS && "gap" in save.form) {
    const message = `${save.path} would be ${width}x${height} pixels, most of them between its images`;
    return [refusal(save, message, "too large", ["a smaller `gap` makes it smaller"])];
  }
  if (Math.max(width, height) <= most) return [];
  const message = `${save.path} would be ${width}x${height} pixels; a file of its format has at most ${most} a side`;
  return [refusal(save, message, "too large for this format", whatFits(save, format))];
}

function checkFilm(save: Save, task: Task, image: Size): readonly Diagnostic[] {
  if (save.form.kind !== "animation") return [];
  const { frames, width, height } = planFilm(task, save.form, image);
  const pixels = frames * width * height;
  if (pixels <= MAX_FILM_PIXELS) return [];
  const memory = ((pixels * 3) / 1e9).toFixed(1);
  const most = Math.floor(MAX_FILM_PIXELS / (width * height));
  const message = `${save.path} would take ${memory} GB of memory: ${frames} frames of ${width}x${height} pixels, and at most ${most} are possible`;
  return [refusal(save, message, "too long", ["a smaller `tween`, fewer frames or fewer samples make it smaller"])];
}

/** Pixels of the file that a save writes, of an animation of each frame. */
export function sizeOf({ form }: Save, tasks: readonly SizedTask[]): Size {
  const [first] = tasks;
  if (first === undefined) throw new InternalError("a save of no task");
  switch (form.kind) {
    case "each":
      return first.image;
    case "animation":
      return planFilm(first.task, form, first.image);
    default: {
      const counts = tasks.map(({ task }) => cellsOf(task, form));
      const total = counts.reduce((a, b) => a + b, 0);
      const forms = blocksOf(
        tasks.map((t) => t.task),
        form,
      );
      const blocks = tasks.flatMap((t, k) => {
        const block = forms[k];
        const { size } = sheetScale(t.image, total);
        return block === undefined ? [] : [{ ...block, size, count: counts[k] ?? 0 }];
      });
      return planBlocks(blocks, form.caption);
    }
  }
}

function whatFits({ form }: Save, format: FileFormat): readonly string[] {
  if (form.kind === "animation") return ["fewer samples make its frames smaller"];
  return [
    ...(format === "png" ? [] : ["save it as .png, which has no such limit"]),
    ...(form.kind === "grid" ? ["or give it another number of `columns`"] : []),
    "or save the images one by one: a path with {index}",
  ];
}

function refusal({ span }: Save, message: string, text: string, hints: readonly string[]): Diagnostic {
  return { code: "L5006", severity: "error", message, at: { span, text }, related: [], hints };
}
