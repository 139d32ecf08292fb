// What the language already says and this version does not run yet: refused before any work, never left out silently.
import type { Plan } from "../../compiler/plan.js";
import type { Diagnostic } from "../../source/diagnostic.js";

/** One L4101 for each save of the plan that cannot be made yet; none: the plan can be executed. */
export function refuseUnsupported(plan: Plan): readonly Diagnostic[] {
  return plan.saves.flatMap(({ form, span }): readonly Diagnostic[] =>
    form.kind !== "animation"
      ? []
      : [
          {
            code: "L4101",
            severity: "error",
            message: `saving as ${form.kind} is not there yet`,
            at: { span, text: "parses and checks, but cannot be run by this version" },
            related: [],
            hints: ["this version saves grids, strips or one file for each image"],
          },
        ],
  );
}
