// Every mistake of scripts, and nothing else.
import { imageSizeOf } from "../compiler/attribute.js";
import type { Diagnostic } from "../source/diagnostic.js";
import type { Plan, Task } from "../compiler/plan.js";
import { compileScript, type Compilation } from "./compile-script.js";
import type { Platform } from "./platform.js";

/** What is wrong with a script. */
export interface Checked {
  readonly file: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: Compilation["sources"];
}

/** Checks scripts without running them. Errors: LaceError for a script that cannot be read. */
export async function check(platform: Platform, files: readonly string[]): Promise<readonly Checked[]> {
  const found: Checked[] = [];
  for (const file of files) {
    const { plan, models, diagnostics, sources } = await compileScript(file, platform.host);
    const tooLarge = plan === undefined ? [] : await sizesOf(plan, models);
    found.push({ file, diagnostics: [...diagnostics, ...tooLarge], sources });
  }
  return found;
}

/** Outputs that no file or memory holds, as a run refuses them. Those of a model that could not be read are not judged. */
async function sizesOf({ tasks, saves, models }: Plan, known: Compilation["models"]): Promise<readonly Diagnostic[]> {
  const { sizeMistakes } = await import("../runtime/plan/sizes.js"); // a script with mistakes needs no layout of sheets
  const image = (task: Task): ReturnType<typeof imageSizeOf> =>
    imageSizeOf(known?.get(models[task.model]?.alias ?? "") ?? { resolution: 0 });
  return sizeMistakes(
    saves.flatMap((save) => {
      const shown = save.tasks.flatMap((at) => tasks[at] ?? []);
      return shown.some((task) => image(task).width === 0) ? [] : [{ save, tasks: shown }];
    }),
    image,
  );
}
