// The recipe that travels inside an image: enough to know what made it. Full provenance (script text, lock) is issue 5; this is its seam.
// Invariants: one line of JSON; no absolute path, user or host name; the text of one image depends on what determines its pixels
// alone, so that sample 3 of seed 42 is the same file whether 4 or 16 were drawn.
import type { SampleTask } from "../../compiler/plan.js";
import type { Host } from "../host.js";

/** What all images of one task share. */
export interface Recipe {
  readonly lacec: string;
  /** SHA-256 of the model file. */
  readonly model: string;
  /** SHA-256 of the task's meaning: energy, logic, truncation and sampler, without names, places or the count. */
  readonly recipe: string;
  readonly seed: number;
}

/** Makes the recipe of a task. */
export async function taskRecipe(host: Host, lacec: string, modelSha256: string, task: SampleTask): Promise<Recipe> {
  const meaning = { energy: task.energy, logic: task.logic, truncation: task.truncation, sampler: task.sampler };
  const text = JSON.stringify(meaning, (key, value: unknown) => (key === "span" ? undefined : value));
  const recipe = await host.sha256(new TextEncoder().encode(text));
  return { lacec, model: modelSha256, recipe, seed: task.seed };
}

/** Text for one image, or for a sheet of all of them. `scriptSha256` goes into sheets: their layout comes from the script. */
export function recipeText(
  recipe: Recipe,
  part: { readonly index: number } | { readonly count: number; readonly scriptSha256: string },
): string {
  return JSON.stringify({ ...recipe, ...part });
}
