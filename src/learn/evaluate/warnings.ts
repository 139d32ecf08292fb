// What an evaluation warns of: judges that are no others than what was followed, and comparisons that could not be made.
// In: measured sets, tasks, who judges. Out: warnings.
import type { Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { byHeadsAlone, byTheFollowed } from "../../runtime/record/expectations.js";
import { isNetworkOf } from "../../runtime/services/labeller-identity.js";
import type { Labeller } from "../../runtime/services/services.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { namedBy } from "./by-hand.js";
import { picturesNamed } from "./compare.js";
import type { SetMeasure } from "./evaluation.js";

/** A model and who judges its pictures. */
interface Judging {
  readonly model: Model;
  readonly labeller: Labeller | undefined;
}

/** The warning of a set of which the heads that were followed say all, or something, themselves. */
export function unjudged({ name, clauses }: SetMeasure): readonly Diagnostic[] {
  const alone = clauses.filter((c) => c.labeller === null && c.hand === null).map((c) => `\`${c.text}\``);
  return alone.length === 0 ? [] : [byHeadsAlone(name, alone)];
}

/** The warning that the judge is a network that the task followed. */
export function followed(task: Task, { model, labeller }: Judging): readonly Diagnostic[] {
  const { attributes } = model.info;
  const names = namedBy(task)
    .filter((a) => isNetworkOf(labeller, model, a))
    .map((a) => `\`${attributes[a]?.name ?? ""}\``);
  return names.length === 0 ? [] : [byTheFollowed(task.name, names, task.span)];
}

/** L4112 for a task whose pictures alone tell what is compared. */
export function unread(task: Task, { model }: Judging, compare: boolean | undefined): readonly Diagnostic[] {
  if (compare !== true || !picturesNamed(task, model)) return [];
  return [
    {
      code: "L4112",
      severity: "warning",
      message: `\`${task.name}\` is not compared with rejection by the heads and linear directions: a network over pictures tells nothing of latents`,
      at: { span: task.span, text: "names an attribute `on image`" },
      related: [],
      hints: ["compare a task that names heads on latents alone"],
    },
  ];
}
