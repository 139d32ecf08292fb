// Recipes of a run's images: one text for each image, from the program, its lock and the place of the image in the run.
// Invariant: what does not determine an image's pixels is not in its text; the count is in those of sheets, and of samples whose paths depend
// on their batch (`control batch`).
import type { Program } from "../../compiler/link.js";
import type { Plan, Save } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Host } from "../../ports/host.js";
import type { LockEntry } from "../recipe/lock.js";
import { embedProgram } from "../recipe/embed.js";
import { dependsOnBatch } from "../plan/tiles.js";
import { triesAgain } from "../draw/judges.js";
import type { SampleResult } from "../draw/results.js";
import { selectImage } from "../plan/selection.js";
import { printRecipe, type ImagePlace, type Overridden, type RecipeFile, type RunRecipe } from "../recipe/recipe.js";
import type { RecipeText } from "../show/saves.js";

/** What a run's images are made from. */
export interface RecipeSource {
  readonly program: Program;
  /** What `--seed` and `--count` changed. */
  readonly overrides: Overridden;
}

/** Which attempt each row of a task is, as far as it is drawn. */
export type AttemptsOf = (task: string) => ReadonlyMap<number, number>;

/** The attempts of a task's rows. */
export function attemptsOf(samples: readonly SampleResult[]): ReadonlyMap<number, number> {
  return new Map(samples.map(({ index, attempt = 0 }) => [index, attempt]));
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

  /** Texts of the images that a save of the plan writes. Of a sheet of several tasks they name the first. */
  textsOf(save: Save, attempts: AttemptsOf): RecipeText {
    const { plan, lock } = this;
    const task = plan.tasks[save.tasks[0] ?? 0];
    if (task === undefined) throw new InternalError(`a save of no task: ${save.path}`);
    const { seed, count } = this.source.overrides;
    const whole = save.form.kind !== "each" || dependsOnBatch(task);
    const run: RunRecipe = {
      format: 1,
      lacec: lock.lacec,
      engine: this.engine,
      files: this.files,
      inputs: Object.fromEntries(plan.inputs.map((i) => [i.name, i.value])),
      overrides: {
        ...(seed !== undefined && { seed }),
        ...(count !== undefined && whole && { count }),
      },
      lock,
    };
    const place = {
      task: task.name,
      ...("seed" in task && { seed: task.seed }),
      save: plan.saves.indexOf(save),
    };
    return ({ index, step }) =>
      printRecipe(run, {
        ...place,
        ...(index !== undefined && { index }),
        ...(step !== undefined && { step }),
        ...this.attemptsFor(place.save, { index, step }, attempts),
      });
  }

  /** The attempts that an image is made of, where some are not the first. */
  private attemptsFor(
    save: number,
    { index, step }: { readonly index: number | undefined; readonly step: number | undefined },
    attempts: AttemptsOf,
  ): Pick<ImagePlace, "attempts"> {
    const { tasks } = this.plan;
    if (!tasks.some(triesAgain)) return {};
    const image = { save, ...(index !== undefined && { index }), ...(step !== undefined && { step }) };
    const selection = selectImage(this.plan, image);
    const found = tasks.flatMap((task, at) => {
      if (!triesAgain(task)) return [];
      const known = attempts(task.name);
      const own = selection.rows(at).flatMap((row) => {
        const attempt = known.get(row) ?? 0;
        return attempt === 0 ? [] : [[String(row), attempt] as const];
      });
      return own.length === 0 ? [] : [[task.name, Object.fromEntries(own)] as const];
    });
    return found.length === 0 ? {} : { attempts: Object.fromEntries(found) };
  }
}
