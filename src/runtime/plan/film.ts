// An animation as it fills up: which frame and which place in it an image takes, and how large the whole will be.
// In: a task, the form it is saved in, images as they come. Out: a Film.
// Invariants: all frames lie in one buffer whose size is known before any image is (MAX_FILM_PIXELS is refused before any work); an image is
// copied there and kept nowhere else; a frame for which there is no image at all is left out.
import type { SaveForm, Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Film } from "../services/codec.js";
import { emptySheet, missingImage, planGrid } from "../image/grid.js";
import { paste, type RgbImage } from "../image/rgb.js";
import { partsOf, rowsOf, type Place } from "./places.js";

/** Up to this many rows stand side by side in a frame. */
const MAX_ABREAST = 4;

export type FilmForm = Extract<SaveForm, { kind: "animation" }>;

/** What a film will be. */
export interface FilmPlan {
  readonly frames: number;
  /** Of a frame. */
  readonly width: number;
  readonly height: number;
  /** The corner of a row's image in its frame. */
  readonly corner: (row: number) => readonly [number, number];
}

/** The film of a task whose images are of this size. A frame for each part, all rows in it; of an edit, what was before it comes first. */
export function planFilm(task: Task, { tween }: FilmForm, size: Pick<RgbImage, "width" | "height">): FilmPlan {
  const rows = rowsOf(task);
  const frames = (partsOf(task) - 1 - firstPart(task)) * (tween + 1) + 1;
  if (rows === 1) return { frames, width: size.width, height: size.height, corner: () => [0, 0] };
  const { width, height, corner } = planGrid(size, rows, rows <= MAX_ABREAST ? { columns: rows } : {});
  return { frames, width, height, corner };
}

/** Collects the images of a film, in any order. */
export class FilmBuilder {
  #plan: FilmPlan | undefined;
  #data = new Uint8Array(0);
  #blank: RgbImage | undefined;
  /** Frames that have an image. */
  readonly #begun = new Set<number>();

  constructor(
    private readonly task: Task,
    private readonly form: FilmForm,
  ) {}

  /** Puts an image in its place. Errors: InternalError if there is no such place, or it has another size than the first. */
  add(image: RgbImage, place: Place): void {
    const plan = (this.#plan ??= planFilm(this.task, this.form, image));
    const frame = Math.round((place.part - firstPart(this.task)) * (this.form.tween + 1));
    if (!(frame >= 0 && frame < plan.frames))
      throw new InternalError(`a film of ${plan.frames} frames has no ${frame}`);
    if (this.#data.length === 0) this.#data = new Uint8Array(plan.frames * plan.width * plan.height * 3);
    if (!this.#begun.has(frame)) this.#begin(frame, plan, image);
    paste(this.#frame(frame, plan), plan.width, image, ...plan.corner(place.index));
  }

  /** The film; undefined if there was no image. */
  finish(): Film | undefined {
    const plan = this.#plan;
    if (plan === undefined) return undefined;
    const begun = [...this.#begun].sort((a, b) => a - b);
    const size = plan.width * plan.height * 3;
    begun.forEach((frame, k) => this.#data.copyWithin(k * size, frame * size, (frame + 1) * size));
    const { width, height } = plan;
    return { width, height, frames: begun.length, data: this.#data.subarray(0, begun.length * size) };
  }

  /** A frame with every place empty. */
  #begin(frame: number, plan: FilmPlan, { width, height }: RgbImage): void {
    this.#begun.add(frame);
    if (this.#blank === undefined) {
      const blank = emptySheet(plan);
      const missing = missingImage(width, height);
      for (let row = 0; row < rowsOf(this.task); row++) paste(blank.data, plan.width, missing, ...plan.corner(row));
      this.#blank = blank;
    }
    this.#frame(frame, plan).set(this.#blank.data);
  }

  #frame(frame: number, { width, height }: FilmPlan): Uint8Array {
    return this.#data.subarray(frame * width * height * 3, (frame + 1) * width * height * 3);
  }
}

/** The first part that a film shows: of an edit, what was before its first step. */
function firstPart(task: Task): number {
  return task.kind === "edit" ? -1 : 0;
}
