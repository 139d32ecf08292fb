// How many pictures of one painter the tasks of a run ask for: what is opened for them serves all of these tasks.
// In: a plan, what is asked of the run. Out: counts. Invariant: nothing depends on them but speed and memory.
import type { Plan } from "../../compiler/plan.js";
import { partsOf } from "../plan/places.js";
import type { Selection } from "../plan/selection.js";
import type { Request } from "./request.js";

/** Pictures of the tasks that share a painter. */
export interface AskedPictures {
  /** Of the task that has the most. */
  readonly most: number;
  /** Of all of them. */
  readonly total: number;
}

interface Asking {
  readonly plan: Plan;
  readonly request: Pick<Request, "watch" | "follow">;
  readonly selection: Selection;
}

/** Whether somebody wants to see pictures of a task. */
export function hasPictures(index: number, { plan, request }: Omit<Asking, "selection">): boolean {
  return (
    request.watch !== undefined ||
    request.follow !== undefined ||
    plan.saves.some((s) => s.tasks.includes(index)) ||
    plan.expects.some((e) => e.task === index)
  );
}

/** Of task `index`, which asks for `count`, and of those whose model, class and noise are the same. */
export function askedPictures(index: number, count: number, { plan, selection, request }: Asking): AskedPictures {
  const own = plan.tasks[index];
  const counts = plan.tasks.flatMap((task, at) => {
    if (at === index) return [count];
    const isAlike = task.model === own?.model && task.class === own.class && task.noise === own.noise;
    if (!isAlike || !hasPictures(at, { plan, request })) return [];
    const isLooked = selection.judges || plan.saves.some((s) => s.tasks.includes(at) && selection.hasSave(s));
    const rows = selection.rows(at).filter((index) => isLooked && selection.shows(at, { index, part: 0 }));
    return [rows.length * partsOf(task)];
  });
  return { most: Math.max(...counts), total: counts.reduce((sum, n) => sum + n, 0) };
}
