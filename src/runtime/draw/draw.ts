// One task up to its latents: its results some rows at a time, from first attempts or from those that a judge accepts.
// In: a task and what is open. Out: a SampleResult for every row and part, and for the places between parts that are asked for.
import type { Energy } from "../../compiler/energy/energy.js";
import type { SweepTask, Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import { isPart } from "../plan/places.js";
import { dependsOnBatch } from "../plan/tiles.js";
import { describeUnsatisfied, drawAccepted, type Accepted } from "./accept.js";
import type { DrawContext } from "./batch.js";
import { drawEditInParts } from "./edit.js";
import { describeBetween, describeFailures, describeNothing, describeUnlike } from "./failures.js";
import type { AttemptCount, Drawing, SampleResult } from "./results.js";
import { MOST_FOLLOWED, Solves, type RowTask } from "./solves.js";

/** What some rows of a task came to. */
export type Portion = Pick<Drawing, "samples" | "before" | "between" | "seen">;

/** What a task's drawing tells when all of its rows are there. */
export type DrawSummary = Pick<Drawing, "attempts" | "diagnostics">;

/** Whether rows of a task can be drawn some at a time: each by itself. */
export function drawsInParts(task: Task): boolean {
  return !dependsOnBatch(task);
}

/**
 * Draws the samples of a task, some rows at a time: `cx.rows`, cut into `parts`. A sample that fails has its status; the others go on. What comes does not
 * depend on the parts; a task that does not `drawsInParts` has one.
 */
export async function* drawTask(
  task: Task,
  cx: DrawContext,
  parts: readonly (readonly number[])[] = [cx.rows],
): AsyncGenerator<Portion, DrawSummary> {
  if (task.kind === "edit") {
    return { diagnostics: yield* drawEditInParts(task, cx, parts) };
  }
  const energyOf = ({ part }: SampleResult) => (task.kind === "sweep" ? cellOf(task, Math.round(part)) : task.energy);
  const solves = new Solves(task, cx, parts.length > 1 ? MOST_FOLLOWED : 1);
  try {
    const all: SampleResult[] = [];
    let count: AttemptCount | undefined;
    for (const rows of parts) {
      const drawn = await drawRows(task, solves, energyOf, { ...cx, rows });
      all.push(...drawn.samples);
      count = together(count, drawn.count);
      yield {
        samples: drawn.samples.filter(isPart),
        between: drawn.samples.filter((s) => !isPart(s)),
        ...(drawn.seen && { seen: drawn.seen }),
      };
    }
    const own = all.filter(isPart);
    const diagnostics = [
      ...(await describeFailures(task, own, energyOf, cx.program, cx.engine)),
      ...describeUnlike(task, own),
      ...describeBetween(
        task,
        all.filter((s) => !isPart(s)),
      ),
      ...describeNothing(task, own),
      ...(count === undefined || task.kind === "traverse" ? [] : describeUnsatisfied(task, count)),
    ];
    return { diagnostics, ...(count && { attempts: count }) };
  } finally {
    await solves.dispose();
  }
}

function together(a: AttemptCount | undefined, b: AttemptCount | undefined): AttemptCount | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    ...a,
    attempts: a.attempts + b.attempts,
    satisfied: a.satisfied + b.satisfied,
    slots: a.slots + b.slots,
  };
}

/** The samples of all rows in order: their first attempts, those that are known to be wanted, or those that a judge accepts. */
async function drawRows(
  task: RowTask,
  solves: Solves,
  energyOf: (sample: SampleResult) => Energy,
  { rows, judge, attempts }: DrawContext,
): Promise<Partial<Omit<Accepted, "samples">> & Pick<Accepted, "samples">> {
  const sorted = (samples: readonly SampleResult[]): readonly SampleResult[] =>
    [...samples].sort((a, b) => a.index - b.index || a.part - b.part);
  const accept = task.kind === "traverse" ? undefined : task.accept;
  if (task.kind === "traverse" || accept === undefined) return { samples: sorted(await solves.draw(rows)) };
  const draw = (some: readonly number[], attempt: number): Promise<readonly SampleResult[]> =>
    solves.draw(some, attempt);
  if (attempts !== undefined) {
    const samples: SampleResult[] = [];
    for (const attempt of new Set(rows.map((row) => attempts.get(row) ?? 0))) {
      const some = rows.filter((row) => (attempts.get(row) ?? 0) === attempt);
      samples.push(...(await draw(some, attempt)).map((s) => ({ ...s, attempt })));
    }
    return { samples: sorted(samples) };
  }
  if (judge === undefined) throw new InternalError(`nobody judges the attempts of ${task.name}`);
  const { samples, count, seen } = await drawAccepted({ rows, accept, logic: task.logic, judge, energyOf, draw });
  return { samples: sorted(samples), count, seen };
}

function cellOf({ name, cells }: SweepTask, part: number): Energy {
  const cell = cells[part];
  if (cell === undefined) throw new InternalError(`the sweep ${name} has no cell ${part}`);
  return cell;
}
