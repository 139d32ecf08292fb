// What a step of an edit asks for: the targets so far as one energy, and what it holds while it moves (docs/language.md, edits).
// In: an edit of the plan. Out: an Energy and a Keep for each step.
import type { Attribute } from "../attribute.js";
import type { EditTask, Keep } from "../plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Energy } from "../energy/energy.js";

type Goals = Pick<EditTask, "goals" | "reweight" | "steps">;

/** With `reweight`, earlier goals count this much, and a current one over scalars alone that much. */
const EARLIER = 0.1;
const CURRENT_SCALAR = 10;

/** The targets that step `at` follows, each with its weight; of one target alone, that target. */
export function goalOf({ goals, reweight, steps }: Goals, at: number, attributes: readonly Attribute[]): Energy {
  const first = goals === "all" ? 0 : at;
  const parts = steps.slice(first, at + 1).map(({ energy, weight, names }, k): Energy => {
    const isCurrent = first + k === at;
    const isScalar = names.length > 0 && names.every((n) => attributes[n]?.type === "scalar");
    const factor = !reweight || goals === "last" ? 1 : !isCurrent ? EARLIER : isScalar ? CURRENT_SCALAR : 1;
    const total = weight * factor;
    return total === 1 ? energy : { kind: "weight", factor: total, part: energy, span: energy.span };
  });
  const [only] = parts;
  if (only === undefined) throw new InternalError(`no step ${at} in an edit of ${steps.length}`);
  return parts.length === 1 ? only : { kind: "and", parts, span: only.span };
}

/** What step `at` holds. */
export function keepOf(
  task: Pick<EditTask, "keepLatent" | "keepAttributes" | "keepIdentity" | "steps">,
  at: number,
): Keep {
  const held = task.keepAttributes > 0 ? (task.steps[at]?.held ?? []) : [];
  const { keepIdentity: identity } = task;
  return { latent: task.keepLatent, attributes: task.keepAttributes, held, ...(identity && { identity }) };
}
