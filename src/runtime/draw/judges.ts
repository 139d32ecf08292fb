// Whether there is somebody to judge the attempts of a task, asked before anything is drawn.
// In: a task whose slots try again, its model and labeller. Out: nothing, or a LaceError.
import { attributesNamed } from "../../compiler/energy/energy.js";
import type { Accept, SampleTask, SweepTask, Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { LaceError } from "../../source/diagnostic.js";
import type { Labeller } from "../services/services.js";
import { translate } from "../services/translation.js";

/** A task whose slots try again. */
export type TryingTask = (SampleTask | SweepTask) & { readonly accept: Accept };

export function triesAgain(task: Task): task is TryingTask {
  return "accept" in task;
}

/**
 * Makes sure that the judge of a task knows all that it asks for. `labeller` is the model's, if it has one.
 * Errors   LaceError L5319 if there is no judge, or one that does not know an attribute.
 */
export function requireJudge(task: TryingTask, model: Model, labeller: Labeller | undefined): void {
  const energies = task.kind === "sample" ? [task.energy] : task.cells;
  const named = new Set(energies.flatMap((e) => [...attributesNamed(e)]));
  const { attributes, name } = model.info;
  const refuse = (what: string, hint: string): never => {
    throw new LaceError([
      {
        code: "L5319",
        severity: "error",
        message: `\`${task.name}\` cannot be accepted by ${task.accept.by === "heads" ? "heads" : "a labeller"}: ${what}`,
        at: { span: task.span, text: "asked for here" },
        related: [],
        hints: [hint],
      },
    ]);
  };
  const listed = (unknown: readonly number[]): string =>
    unknown.map((a) => `'${attributes[a]?.name ?? ""}'`).join(", ");
  if (task.accept.by === "heads") {
    const alone = [...named].filter((a) => model.weights.witnesses?.[a] === undefined);
    if (alone.length > 0)
      refuse(`there is no second head for ${listed(alone)}`, "`lacec train` keeps one beside each head that it trains");
    return;
  }
  if (labeller === undefined)
    return refuse(
      `the model '${name}' has none`,
      "docs/labellers.md says how a model gets one; `accept by heads` needs none",
    );
  const translation = translate(labeller.attributes, attributes);
  const unknown = [...named].filter((a) => translation.place(a) === undefined);
  if (unknown.length > 0)
    refuse(`${labeller.name} does not know ${listed(unknown)}`, "it knows its own attributes alone");
}
