// What the language already says and this version does not run yet: refused before any work, never left out silently.
import type { Plan, Save, Task } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import type { Span } from "../../source/span.js";

/** One L4101 for each task, sampler and save of the plan that cannot be run yet; none: the plan can be executed. */
export function refuseUnsupported(plan: Plan): readonly Diagnostic[] {
  return [...plan.tasks.flatMap(refuseTask), ...plan.saves.flatMap(refuseSave)];
}

function refuseTask(task: Task): readonly Diagnostic[] {
  const { sampler } = task;
  if (sampler.kind === "ode") return [];
  return [
    notYet(task.span, `\`${task.name}\` asks for the sampler \`${sampler.kind}\`: running that is not there yet`),
  ];
}

function refuseSave(save: Save): readonly Diagnostic[] {
  const { kind } = save.form;
  if (kind !== "animation") return [];
  return [notYet(save.span, `saving as ${kind} is not there yet`)];
}

function notYet(span: Span, message: string): Diagnostic {
  return {
    code: "L4101",
    severity: "error",
    message,
    at: { span, text: "parses and checks, but cannot be run by this version" },
    related: [],
    hints: ["this version runs the sampler `ode`, and saves grids, strips or one file for each image"],
  };
}
