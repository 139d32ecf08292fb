// Tasks that look at pictures while they are solved, and what a script that says nothing of steps gets for them.
// In: a checked task, the table of its model. Out: the task. Invariant: what a script gives is as it gives it. Reports L2033: a sampler that has no
// tau, or does not go so far, where a term joins late.
import type * as ast from "../../parser/ast.js";
import { attributesOf } from "../energy/formula.js";
import { energiesOf, type CheckedTask } from "./checked.js";
import type { KeptIdentity } from "../plan.js";
import type { ModelTable } from "./model-table.js";
import type { Report } from "./report.js";

/** rtol and atol of the solves: networks change their mind from pixel to pixel, and small steps follow that for long, to no better pictures. */
const PICTURE_TOLERANCE = 0.1;
/** The same where identities are kept: what pulls back is stiff, and larger steps jump away from it. */
const IDENTITY_TOLERANCE = 0.02;
/**
 * Nats by which a step may gain other than its slopes say, where identities are kept. What pulls back ends where nothing is like the anchor any more, so that a step that jumps there
 * has no error to be seen by: but it gains what no slope promised.
 */
const IDENTITY_WITHIN = 0.15;

/** The task, with looser steps if it looks at pictures and its script gives no tolerance. */
export function loosened(task: CheckedTask, decl: ast.TaskDecl, table: ModelTable, report: Report): CheckedTask {
  const { sampler } = task;
  checkLate(task, decl, table, report);
  if (sampler.kind !== "ode" || !looks(task, table)) return task;
  const given = decl.settings.flatMap((s) => (s.kind === "SamplerSetting" ? s.options.map((o) => o.key.text) : []));
  const keepsIdentity = identityOf(task) !== undefined;
  const usual = keepsIdentity ? IDENTITY_TOLERANCE : PICTURE_TOLERANCE;
  const own = {
    rtol: given.includes("rtol") ? sampler.rtol : usual,
    atol: given.includes("atol") ? sampler.atol : usual,
    ...(keepsIdentity && sampler.control === "sample" && { within: IDENTITY_WITHIN }),
  };
  return { ...task, sampler: { ...sampler, ...own } };
}

/** Terms that join when a flow has come to their tau need a sampler that follows one, so far. */
function checkLate(task: CheckedTask, decl: ast.TaskDecl, { late }: ModelTable, report: Report): void {
  const { sampler } = task;
  const rows = energiesOf(task).flatMap((energy) => attributesOf(energy).flatMap((a) => late.get(a) ?? []));
  const taus = [...rows, ...[identityOf(task)].flatMap((identity) => identity?.tau ?? [])];
  if (taus.length === 0) return;
  const last = Math.max(...taus);
  const setting = decl.settings.find((s) => s.kind === "SamplerSetting");
  const span = setting?.span ?? decl.name.span;
  const wrong = (what: string, hint: string): void => {
    report.error("L2033", span, what, { text: `a term joins from tau ${last}`, hints: [hint] });
  };
  if (sampler.kind !== "ode")
    wrong(`the sampler \`${sampler.kind}\` follows no flow that a term could join`, "`sampler ode` does");
  else if (sampler.control === "batch")
    wrong("`control batch` integrates in the diffusion's own time, not in tau", "remove `control batch`");
  else if (sampler.tau !== undefined && sampler.tau <= last)
    wrong(
      `the sampler ends at tau ${sampler.tau}, before the term joins`,
      "let the term join earlier, or the sampler go further",
    );
}

function identityOf(task: CheckedTask): KeptIdentity | undefined {
  return task.kind === "edit" ? task.keepIdentity : "keep" in task ? task.keep.identity : undefined;
}

function looks(task: CheckedTask, { pictures }: ModelTable): boolean {
  if (identityOf(task) !== undefined) return true;
  return energiesOf(task).some((energy) => attributesOf(energy).some((a) => pictures.has(a)));
}
