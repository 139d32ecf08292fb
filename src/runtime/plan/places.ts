// What a task makes, as rows and parts: a row for each sample; a part for each cell of a sweep, frame of a traverse, step of an edit.
// In: a task of the plan. Out: sizes, numbers of images and their labels; nothing is computed here.
// Invariants: images are numbered row by row (sample 2, frame 5 of 24 is image 53), so that a larger count renames none; an edit's
// images are its rows: what `{index}` counts are the samples, what `{step}` counts their steps.
import type { Energy } from "../../compiler/energy/energy.js";
import type { Task } from "../../compiler/plan.js";
import { unreachable } from "../../source/internal-error.js";

/** A place in a task's results. */
export interface Place {
  readonly index: number;
  readonly part: number;
}

/** How many rows a task has. */
export function rowsOf(task: Task): number {
  if (task.kind !== "edit") return task.count;
  return task.source.kind === "seed" ? task.source.count : task.source.to - task.source.from + 1;
}

/** How many parts each row has. */
export function partsOf(task: Task): number {
  switch (task.kind) {
    case "sample":
      return 1;
    case "sweep":
      return task.cells.length;
    case "traverse":
      return task.frames;
    case "edit":
      return task.steps.length;
    default:
      return unreachable(task);
  }
}

/** The number of an image in its task: `{index}` of a path, and what `NAME[3]` of an edit means. */
export function imageNumber(task: Task, { index, part }: Place): number {
  return task.kind === "edit" ? index : index * partsOf(task) + part;
}

/** The image that a number means; of an edit, the outcome of its last step. */
export function imagePlace(task: Task, number: number): Place {
  const parts = partsOf(task);
  if (task.kind === "edit") return { index: number, part: parts - 1 };
  return { index: Math.floor(number / parts), part: number % parts };
}

/** Whether an image is one of those that the task is judged by and shown as: all of them, but of an edit those of its last step. */
export function isOutcome(task: Task, place: Place): boolean {
  return isPart(place) && (task.kind !== "edit" || place.part === partsOf(task) - 1);
}

/** What was asked of an image: of an edit, all its goals so far, or the last alone where it lets go of earlier ones. */
export function askedOf(task: Task, { part }: Place): Energy {
  const none: Energy = { kind: "always", span: task.span };
  switch (task.kind) {
    case "sample":
    case "traverse":
      return task.energy;
    case "sweep":
      return task.cells[part] ?? none;
    case "edit": {
      const goals = task.steps.slice(task.goals === "all" ? 0 : part, part + 1).map((step) => step.energy);
      return { kind: "and", parts: goals, span: task.span };
    }
    default:
      return unreachable(task);
  }
}

/** Whether it was solved for: neither what was before an edit nor a picture between two parts. */
export function isPart({ part }: Place): boolean {
  return part >= 0 && Number.isInteger(part);
}

/** A share of the way between two neighbours, in lowest terms. */
export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

export function valueOf({ numerator, denominator }: Share): number {
  return numerator / denominator;
}

/** Where so many pictures between two neighbours lie, for each of the counts, ascending, each once. */
export function sharesOf(tweens: readonly number[]): readonly Share[] {
  const shares = new Map<number, Share>();
  for (const tween of tweens) {
    for (let k = 1; k <= tween; k++) {
      const divisor = greatestDivisor(k, tween + 1);
      const share = { numerator: k / divisor, denominator: (tween + 1) / divisor };
      shares.set(valueOf(share), share);
    }
  }
  return [...shares.values()].sort((a, b) => valueOf(a) - valueOf(b));
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Whether a part is a whole one, or one of `tween` between two neighbours. */
export function isTween(part: number, tween: number): boolean {
  const steps = part * (tween + 1);
  return Math.abs(steps - Math.round(steps)) < 1e-9;
}

/** The part at a share of the way from one part to the next. */
export function partBetween(part: number, share: Share): number {
  return part + valueOf(share);
}

/** The places of rows' pictures, in order: what is before an edit, parts, and what lies between two of them. */
export function placesOf(task: Task, rows: readonly number[], shares: readonly Share[]): readonly Place[] {
  const first = task.kind === "edit" ? -1 : 0;
  const last = partsOf(task) - 1;
  const parts = Array.from({ length: last - first + 1 }, (_, k) => first + k).flatMap((part) =>
    part === last ? [part] : [part, ...shares.map((share) => partBetween(part, share))],
  );
  return rows.flatMap((index) => parts.map((part) => ({ index, part })));
}
