// A plan in pieces that many machines share: some rows of a task, with the edits that start from them.
// In: a plan. Out: pieces that cover every row once, and the Selection of each.
// Invariants: pieces are cut at whole tiles; a task whose samples depend on each other is one piece with all that is made from it.
import { sourceOf, type Plan, type Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import { imagePlace, rowsOf } from "./places.js";
import { withSources, type Selection } from "./selection.js";
import { dependsOnBatch, ENERGY_ROWS } from "./tiles.js";

/** Rows `first` to `last` of a task that starts from noise, and what later tasks make from them. */
export interface Piece {
  readonly task: number;
  readonly first: number;
  readonly last: number;
}

/** The rows of a piece, whatever they are rows of. */
export function rowsOfPiece({ first, last }: Piece): { readonly first: number; readonly count: number } {
  return { first, count: last - first + 1 };
}

/** Tasks that start from noise, by index. */
export function rootTasks(plan: Plan): readonly number[] {
  return plan.tasks.flatMap((task, at) => (sourceOf(task) === undefined ? [at] : []));
}

/** Cuts a plan; `rows`: how many rows a piece of each root task has, rounded up to whole tiles. */
export function cutPieces(plan: Plan, rows: (task: number) => number): readonly Piece[] {
  return rootTasks(plan).flatMap((at) => {
    const count = rowsOf(taskAt(plan, at));
    const bound = plan.tasks.some((task, k) => rootOf(plan, k) === at && dependsOnBatch(task));
    const step = bound ? count : Math.max(1, Math.ceil(rows(at) / ENERGY_ROWS)) * ENERGY_ROWS;
    return Array.from({ length: Math.ceil(count / step) }, (_, k) => ({
      task: at,
      first: k * step,
      last: Math.min(count, (k + 1) * step) - 1,
    }));
  });
}

/** What a piece draws and shows. Saves of all its tasks are wanted, though none of them may be whole. */
export function selectPiece(plan: Plan, { task, first, last }: Piece): Selection {
  const own = plan.tasks.map((t, at) =>
    rootOf(plan, at) !== task
      ? []
      : Array.from({ length: rowsOf(t) }, (_, row) => row).filter((row) => {
          const root = rootRow(plan, at, row);
          return root >= first && root <= last;
        }),
  );
  const rows = withSources(plan, own);
  return {
    rows: (at) => rows[at] ?? [],
    hasSave: (save) => save.tasks.some((at) => (own[at] ?? []).length > 0),
    shows: (at, { index }) => own[at]?.includes(index) === true,
    judges: false,
  };
}

function taskAt(plan: Plan, at: number): Task {
  const task = plan.tasks[at];
  if (task === undefined) throw new InternalError(`there is no task ${at}`);
  return task;
}

function rootOf(plan: Plan, at: number): number {
  const source = sourceOf(taskAt(plan, at));
  return source === undefined ? at : rootOf(plan, source.task);
}

/** The row of the root task that a row is made from. */
function rootRow(plan: Plan, at: number, row: number): number {
  const source = sourceOf(taskAt(plan, at));
  if (source === undefined) return row;
  return rootRow(plan, source.task, imagePlace(taskAt(plan, source.task), source.from + row).index);
}
