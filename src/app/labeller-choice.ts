// The choice of who judges: what can be wrong with it, before anything is opened, and a world with that judge.
import type { World } from "../runtime/services/world.js";
import type { LabellerChoice, Platform } from "./platform.js";
import { UsageError } from "./verb.js";

/** Refuses options that do not go together. Errors: UsageError. */
export function checkLabellerChoice(choice: LabellerChoice): void {
  const mistake = labellerMistake(choice);
  if (mistake !== undefined) throw new UsageError(mistake);
}

/** The same world with the caller's judge in place of its models', where one is named. */
export function judgedBy<W extends World>(world: W, platform: Platform, choice: LabellerChoice): W {
  if (choice.labeller === undefined) return world;
  return {
    ...world,
    openLabeller: (model) => platform.openLabeller(world, model, choice),
    openOwnLabeller: (model) => world.openLabeller(model),
  };
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
