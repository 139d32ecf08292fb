// What can be wrong with the choice of who judges, before anything is opened.
import type { LabellerChoice } from "./platform.js";
import { UsageError } from "./verb.js";

/** Refuses options that do not go together. Errors: UsageError. */
export function checkLabellerChoice(choice: LabellerChoice): void {
  const mistake = labellerMistake(choice);
  if (mistake !== undefined) throw new UsageError(mistake);
}

function labellerMistake({ labeller, findFaces, prompts, clipModel }: LabellerChoice): string | undefined {
  if (findFaces === true && labeller !== "faces") return "--find-faces is for --labeller faces";
  if (labeller !== "clip") {
    if (prompts !== undefined) return "--prompts are for --labeller clip";
    return clipModel === undefined ? undefined : "--clip-model is for --labeller clip";
  }
  if (prompts === undefined)
    return '--labeller clip needs --prompts "glasses: a person wearing glasses | a person without glasses"';
  if (clipModel === undefined)
    return "--labeller clip needs --clip-model DIR, the folder of a CLIP model: docs/labellers.md says how to get one";
  return undefined;
}
