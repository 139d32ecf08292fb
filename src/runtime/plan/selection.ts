// Which part of a plan a run computes: all of it, one shard of the samples, or one image.
// In: a plan. Out: the rows of each task that are drawn, and the pictures that are shown.
// Invariants: a task whose samples depend on each other is drawn as a whole; the shards of a plan share out its rows without overlap; what an edit builds on is drawn with it, shown or not; a sheet needs all
// rows, so it is made only where all are drawn.
import { sourceOf, type Plan, type Save, type Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import { dependsOnBatch, ENERGY_ROWS } from "./tiles.js";
import { imageNumber, imagePlace, rowsOf, type Place } from "./places.js";

/** Part `number` of `of`, counted from 1. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}
/** One image: a save, counted from 0, and of a save of single images which one. */
export interface OneImage {
  readonly save: number;
  readonly index?: number;
  readonly step?: number;
}

export interface Selection {
  /** Rows of a task to draw, ascending; none: the task is left out. */
  rows(task: number): readonly number[];
  hasSave(save: Save): boolean;
  /** Whether a picture of a task goes into a save that the selection has. */
  shows(task: number, picture: Place): boolean;
  /** Whether expectations are judged: on all samples or not at all. */
  readonly judges: boolean;
}

export function selectAll(plan: Plan): Selection {
  const rows = plan.tasks.map(allRows);
  return { rows: (task) => rows[task] ?? [], hasSave: () => true, shows: () => true, judges: true };
}

/** The rows of one shard: neighbours, in whole tiles where there are enough of them. */
export function selectShard(plan: Plan, { number, of }: Shard): Selection {
  const own = plan.tasks.map((task) => {
    const count = rowsOf(task);
    const unit = count >= ENERGY_ROWS * of ? ENERGY_ROWS : 1;
    const units = Math.ceil(count / unit);
    const edge = (k: number): number => Math.min(count, Math.floor((k * units) / of) * unit);
    return allRows(task).slice(edge(number - 1), edge(number));
  });
  return ownRows(plan, own);
}

/** The first `count` rows of every task, or as many as it says of each. */
export function selectFirst(plan: Plan, count: number | ((task: Task) => number)): Selection {
  const own = plan.tasks.map((task) => allRows(task).slice(0, typeof count === "number" ? count : count(task)));
  return ownRows(plan, own);
}

/** Rows of each task that are shown one by one; what they start from is computed with them, and not shown. */
function ownRows(plan: Plan, own: readonly (readonly number[])[]): Selection {
  const rows = withSources(plan, own);
  return {
    rows: (task) => rows[task] ?? [],
    hasSave: (save) => save.form.kind === "each",
    shows: (task, { index }) => own[task]?.includes(index) === true,
    judges: false,
  };
}

/** What one image takes. */
export function selectImage(plan: Plan, image: OneImage): Selection {
  const save = plan.saves[image.save];
  if (save === undefined) throw new InternalError(`there is no save ${image.save}`);
  const { index, step } = image;
  const wanted = (task: Task): readonly number[] =>
    index === undefined ? allRows(task) : [imagePlace(task, index).index];
  const rows = withSources(
    plan,
    plan.tasks.map((t, at) => (save.tasks.includes(at) ? wanted(t) : [])),
  );
  return {
    rows: (at) => rows[at] ?? [],
    hasSave: (s) => s === save,
    shows: (at, picture) =>
      save.tasks.includes(at) &&
      (index === undefined || isImage(plan.tasks[at], picture, index)) &&
      (step === undefined || picture.part === step),
    judges: false,
  };
}

function isImage(task: Task | undefined, picture: Place, number: number): boolean {
  return task !== undefined && imageNumber(task, picture) === number;
}

function allRows(task: Task): readonly number[] {
  return Array.from({ length: rowsOf(task) }, (_, i) => i);
}

/** The rows, and those of earlier tasks that they are made from. */
export function withSources(plan: Plan, rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const needed = rows.map((r) => new Set(r));
  for (const [at, task] of [...plan.tasks.entries()].reverse()) {
    const own = needed[at];
    if (own !== undefined && own.size > 0 && dependsOnBatch(task)) for (const row of allRows(task)) own.add(row);
    const started = sourceOf(task);
    if (started === undefined) continue;
    const { from, task: sourceAt } = started;
    const source = plan.tasks[sourceAt];
    if (source === undefined) throw new InternalError(`${task.name} has no source`);
    for (const row of needed[at] ?? []) needed[sourceAt]?.add(imagePlace(source, from + row).index);
  }
  return needed.map((set) => [...set].sort((a, b) => a - b));
}
