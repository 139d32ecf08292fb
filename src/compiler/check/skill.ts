// Warnings about heads that know nothing: a script that asks for what they say gets what they make up.
// In: checked tasks with the tables of their models. Out: L2029, once for each attribute of a model, where a script first asks for it.
import { LEAST_SKILL, type Attribute } from "../attribute.js";
import { formulaParts, type Formula } from "../energy/formula.js";
import { energiesOf, type CheckedTask } from "./checked.js";
import type { Report } from "./report.js";

/** L2029 for attributes whose heads explain less than LEAST_SKILL of their labels, by what their training found on rows held out. */
export function warnIgnorant(
  tasks: readonly { readonly task: CheckedTask; readonly rows: readonly Attribute[] }[],
  report: Report,
): void {
  const said = new Set<Attribute>();
  for (const { task, rows } of tasks) {
    for (const leaf of formulasOf(task).flatMap(leavesOf)) {
      const row = "attribute" in leaf ? rows[leaf.attribute] : undefined;
      if (row?.skill === undefined || row.skill >= LEAST_SKILL || said.has(row)) continue;
      said.add(row);
      report.warning("L2029", leaf.span, `the head of \`${row.name}\` knows nothing: ${skillText(row, row.skill)}`, {
        text: "asked for here",
        hints: ["pictures will not show it; label more rows, or better ones, and train it again"],
      });
    }
  }
}

function skillText({ type }: Attribute, skill: number): string {
  return type === "scalar" ? `R2 is ${skill.toFixed(2)}` : `it explains ${(100 * skill).toFixed(0)}% of the log loss`;
}

/** The cells of a sweep name the same attributes: one is enough. */
function formulasOf(task: CheckedTask): readonly Formula[] {
  return task.kind === "sweep" ? task.cells.slice(0, 1) : energiesOf(task);
}

function leavesOf(formula: Formula): readonly Formula[] {
  return "attribute" in formula ? [formula] : formulaParts(formula).flatMap(leavesOf);
}
