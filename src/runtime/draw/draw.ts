// One task up to its latents: its results row by row, from first attempts or from those that a judge accepts.
// In: a task and what is open. Out: a SampleResult for every row and part, and for the places between parts that are asked for.
import type { Energy } from "../../compiler/energy/energy.js";
import type { SweepTask, Task } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import { isPart } from "../plan/places.js";
import { describeUnsatisfied, drawAccepted, type Accepted } from "./accept.js";
import type { DrawContext } from "./batch.js";
import { drawEdit } from "./edit.js";
import { describeBetween, describeFailures, describeNothing, describeUnlike } from "./failures.js";
import type { Drawing, SampleResult } from "./results.js";
import { Solves, type RowTask } from "./solves.js";

/** Draws all samples of a task. One that fails has its status; the others go on. */
export async function drawTask(task: Task, cx: DrawContext): Promise<Drawing> {
  if (task.kind === "edit") return drawEdit(task, cx);
  const energyOf = ({ part }: SampleResult) => (task.kind === "sweep" ? cellOf(task, Math.round(part)) : task.energy);
  const solves = new Solves(task, cx);
  try {
    const { samples, count, seen, said } = await drawRows(task, solves, energyOf, cx);
    const between = samples.filter((s) => !isPart(s));
    const own = samples.filter(isPart);
    const failures = await describeFailures(task, own, energyOf, cx.program, cx.engine);
    const unlike = describeUnlike(task, own);
    const diagnostics = [
      ...failures,
      ...unlike,
      ...describeBetween(task, between),
      ...describeNothing(task, own),
      ...said,
    ];
    return { samples: own, between, diagnostics, ...(count && { attempts: count }), ...(seen && { seen }) };
  } finally {
    await solves.dispose();
  }
}

/** The samples of all rows in order: their first attempts, those that are known to be wanted, or those that a judge accepts. */
async function drawRows(
  task: RowTask,
  solves: Solves,
  energyOf: (sample: SampleResult) => Energy,
  { rows, judge, attempts }: DrawContext,
): Promise<Partial<Omit<Accepted, "samples">> & Pick<Accepted, "samples"> & { readonly said: readonly Diagnostic[] }> {
  const sorted = (samples: readonly SampleResult[]): readonly SampleResult[] =>
    [...samples].sort((a, b) => a.index - b.index || a.part - b.part);
  const accept = task.kind === "traverse" ? undefined : task.accept;
  if (task.kind === "traverse" || accept === undefined) return { samples: sorted(await solves.draw(rows)), said: [] };
  const draw = (some: readonly number[], attempt: number): Promise<readonly SampleResult[]> =>
    solves.draw(some, attempt);
  if (attempts !== undefined) {
    const samples: SampleResult[] = [];
    for (const attempt of new Set(rows.map((row) => attempts.get(row) ?? 0))) {
      const some = rows.filter((row) => (attempts.get(row) ?? 0) === attempt);
      samples.push(...(await draw(some, attempt)).map((s) => ({ ...s, attempt })));
    }
    return { samples: sorted(samples), said: [] };
  }
  if (judge === undefined) throw new InternalError(`nobody judges the attempts of ${task.name}`);
  const { samples, count, seen } = await drawAccepted({ rows, accept, logic: task.logic, judge, energyOf, draw });
  return { samples: sorted(samples), count, seen, said: describeUnsatisfied(task, count) };
}

function cellOf({ name, cells }: SweepTask, part: number): Energy {
  const cell = cells[part];
  if (cell === undefined) throw new InternalError(`the sweep ${name} has no cell ${part}`);
  return cell;
}
