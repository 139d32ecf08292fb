// Tasks that look at pictures while they are solved, and what a script that says nothing of steps gets for them.
// In: a checked task, the table of its model. Out: the task. Invariant: what a script gives is as it gives it.
import type * as ast from "../../parser/ast.js";
import { attributesOf } from "../energy/formula.js";
import { energiesOf, type CheckedTask } from "./checked.js";
import type { ModelTable } from "./model-table.js";

/** rtol and atol of the solves: networks change their mind from pixel to pixel, and small steps follow that for long, to no better pictures. */
const PICTURE_TOLERANCE = 0.1;

/** The task, with looser steps if it looks at pictures and its script gives no tolerance. */
export function loosened(task: CheckedTask, decl: ast.TaskDecl, table: ModelTable): CheckedTask {
  const { sampler } = task;
  if (sampler.kind !== "ode" || !looks(task, table)) return task;
  const given = decl.settings.flatMap((s) => (s.kind === "SamplerSetting" ? s.options.map((o) => o.key.text) : []));
  const own = {
    rtol: given.includes("rtol") ? sampler.rtol : PICTURE_TOLERANCE,
    atol: given.includes("atol") ? sampler.atol : PICTURE_TOLERANCE,
  };
  return { ...task, sampler: { ...sampler, ...own } };
}

function looks(task: CheckedTask, { pictures }: ModelTable): boolean {
  const keep = task.kind === "edit" ? { identity: task.keepIdentity } : "keep" in task ? task.keep : undefined;
  if (keep?.identity !== undefined) return true;
  return energiesOf(task).some((energy) => attributesOf(energy).some((a) => pictures.has(a)));
}
