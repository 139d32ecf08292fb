// Recipes of a run's images: one text for each image, from the program, its lock and the place of the image in the run.
// Invariant: what does not determine an image's pixels is not in its text; the count is in those of sheets, and of samples whose paths depend
// on their batch (`control batch`).
import type { Program } from "../../compiler/link.js";
import type { Plan, Save, Task } from "../../compiler/plan.js";
import type { Host } from "../../ports/host.js";
import type { LockEntry } from "../recipe/lock.js";
import { embedProgram } from "../recipe/embed.js";
import { dependsOnBatch } from "../plan/tiles.js";
import { printRecipe, type Overridden, type RecipeFile, type RunRecipe } from "../recipe/recipe.js";
import type { RecipeText } from "../show/saves.js";

/** What a run's images are made from. */
export interface RecipeSource {
  readonly program: Program;
  /** What `--seed` and `--count` changed. */
  readonly overrides: Overridden;
}

export class Recipes {
  private readonly files: readonly RecipeFile[];

  constructor(
    host: Host,
    private readonly plan: Plan,
    private readonly source: RecipeSource,
    private readonly lock: LockEntry,
    private readonly engine: string,
  ) {
    this.files = embedProgram(host, source.program);
  }

  /** Texts of the images that a save of the plan writes. */
  textsOf(save: Save, task: Task): RecipeText {
    const { plan, lock } = this;
    const { seed, count } = this.source.overrides;
    const whole = save.form.kind !== "each" || dependsOnBatch(task);
    const run: RunRecipe = {
      format: 1,
      lacec: lock.lacec,
      engine: this.engine,
      files: this.files,
      inputs: Object.fromEntries(plan.inputs.map((i) => [i.name, i.value])),
      overrides: {
        ...(seed === undefined ? {} : { seed }),
        ...(count === undefined || !whole ? {} : { count }),
      },
      lock,
    };
    const place = {
      task: task.name,
      ...("seed" in task ? { seed: task.seed } : {}),
      save: plan.saves.indexOf(save),
    };
    return ({ index, step }) =>
      printRecipe(run, {
        ...place,
        ...(index === undefined ? {} : { index }),
        ...(step === undefined ? {} : { step }),
      });
  }
}
