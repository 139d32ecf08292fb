// Who judges in a run: labellers and second heads, for attempts, expectations and marks.
// In: a plan, what of it is asked for, what is open. Out: open labellers, or an AttemptJudge for a task whose slots try again.
import type { Plan, Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { InternalError } from "../../source/internal-error.js";
import type { AttemptJudge } from "../draw/accept.js";
import { requireJudge, triesAgain } from "../draw/judges.js";
import { witnessJudge } from "../draw/witness.js";
import type { Selection } from "../plan/selection.js";
import type { Labeller } from "../services/services.js";
import type { Request } from "./request.js";
import type { Resources } from "./resources.js";

/** Opens the labellers that are to judge attempts, expectations or marks, before anything is drawn. Errors as requireJudge. */
export async function openJudges(
  plan: Plan,
  selection: Selection,
  { attempts }: Request,
  resources: Resources,
): Promise<void> {
  for (const [index, task] of plan.tasks.entries()) {
    const model = resources.models[task.model];
    if (model === undefined || selection.rows(index).length === 0) continue;
    const expected = selection.judges && plan.expects.some((e) => e.task === index);
    const marked = plan.saves.some(
      (s) => s.tasks.includes(index) && selection.hasSave(s) && "marks" in s.form && s.form.marks,
    );
    if (expected || marked) await resources.labellerOf(model);
    if (attempts !== undefined || !triesAgain(task)) continue;
    requireJudge(task, model, task.accept.by === "labeller" ? await resources.labellerOf(model) : undefined);
  }
}

/** Who judges the attempts of a task, where its slots try again and nobody has judged them before. */
export function attemptJudge(
  task: Task,
  model: Model,
  { attempts }: Request,
  resources: Resources,
  byLabeller: (labeller: Labeller) => AttemptJudge,
): AttemptJudge | undefined {
  if (attempts !== undefined || !triesAgain(task)) return undefined;
  if (task.accept.by === "heads") return witnessJudge(model);
  const labeller = resources.openedLabeller(model);
  if (labeller === undefined) throw new InternalError(`no labeller was opened for ${task.name}`);
  return byLabeller(labeller);
}
