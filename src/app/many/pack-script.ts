// A compiled script as a submission, with the files that it needs.
// In: a compiled script. Out: Packed. Invariant: no path of this machine is in it.
import { startOf } from "../../compiler/plan.js";
import { isModelName, MODEL_PREFIX } from "../../models/model-name.js";
import { descriptionBeside } from "../../models/pack/files-beside.js";
import { embedProgram } from "../../runtime/recipe/embed.js";
import { makeLock } from "../../runtime/recipe/lock.js";
import type { Overridden, RunRecipe } from "../../runtime/recipe/recipe.js";
import { baseName } from "../../source/public-name.js";
import type { Compiled } from "../compile-script.js";
import type { Platform } from "../platform.js";
import { companionsOf, type Packed } from "./pack-files.js";
import { jsonBytes, type ScriptSubmission, type StoredFile, type StoredModel } from "./submission.js";

/**
 * Packs a compiled script. Errors   LaceError of models that cannot be read.
 *
 * `changed`   what the command line changed besides inputs.
 */
export async function packScript(
  platform: Platform,
  { plan, program }: Compiled,
  changed: Overridden,
): Promise<Packed<ScriptSubmission>> {
  const { host, version } = platform;
  const world = platform.world(host, "auto");
  const models = await Promise.all(plan.models.map((m) => world.loadModel(m)));
  const lock = await makeLock(host, program, plan, models, version);
  const files = new Map<string, () => Promise<Uint8Array>>();
  const stored: StoredModel[] = [];
  for (const [at, { alias, reference, heads }] of plan.models.entries()) {
    const [model, locked] = [models[at], lock.models[alias]];
    if (model === undefined || locked === undefined) continue;
    for (const { attribute, file, on } of heads) {
      if (file === undefined) continue;
      const sha256 = locked.heads[attribute]?.sha256 ?? (await host.sha256(await host.readBytes(file)));
      const beside = on === undefined ? [] : [await companionOf(host, file)];
      stored.push({ name: attribute, sha256, beside: beside.map(({ name, sha256: own }) => ({ name, sha256: own })) });
      files.set(sha256, () => host.readBytes(file));
      for (const { path, sha256: own } of beside) files.set(own, () => host.readBytes(path));
    }
    if (reference.startsWith("builtin:")) continue;
    const path = isModelName(reference) ? host.resolve("", `${MODEL_PREFIX}${reference}`) : reference;
    const beside = companionsOf(model);
    stored.push({ name: alias, sha256: locked.sha256, beside: beside.map(({ name, sha256 }) => ({ name, sha256 })) });
    files.set(locked.sha256, () => host.readBytes(path));
    for (const { path: companion, sha256 } of beside) files.set(sha256, () => host.readBytes(companion));
  }
  for (const task of plan.tasks) {
    const start = startOf(task);
    if (start === undefined) continue;
    const bytes = await host.readBytes(start.file);
    const sha256 = await host.sha256(bytes);
    stored.push({ name: task.name, sha256, beside: [] });
    files.set(sha256, () => Promise.resolve(bytes));
  }
  const recipe: RunRecipe = {
    format: 1,
    lacec: version,
    engine: "any",
    files: embedProgram(host, program),
    inputs: Object.fromEntries(plan.inputs.map((i) => [i.name, i.value])),
    overrides: changed,
    lock,
  };
  const submission: ScriptSubmission = { format: 1, kind: "script", recipe, models: stored };
  const id = await host.sha256(jsonBytes(submission));
  return { id, submission, files };
}

/** The JSON beside a classifier of pictures. */
async function companionOf(host: Platform["host"], file: string): Promise<StoredFile & { readonly path: string }> {
  const path = descriptionBeside(host, file);
  return { name: baseName(path), sha256: await host.sha256(await host.readBytes(path)), path };
}
