// A piece of a script: what goes into the store is what a run of the whole would have kept in its cache.
// In: a submission out of the store, trusted in nothing. Out: results by key. Invariant: the submission's scripts are the only ones that are read.
import type { Program } from "../../compiler/link.js";
import type { Plan } from "../../compiler/plan.js";
import type { Cache } from "../../ports/cache.js";
import type { Host } from "../../ports/host.js";
import { HopelessJob } from "../../ports/job-queue.js";
import { execute } from "../../runtime/execute.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { lockDifferences, type LockEntry } from "../../runtime/recipe/lock.js";
import type { RunRecipe } from "../../runtime/recipe/recipe.js";
import { recipeHost } from "../../runtime/recipe/recipe-host.js";
import { dryWorld } from "../../runtime/services/world.js";
import { LaceError, type Diagnostic } from "../../source/diagnostic.js";
import { compileRecipe } from "../reproduce.js";
import type { Kind, ScriptSubmission } from "./submission.js";
import type { OpenedSubmission, Workshop } from "./workshop.js";

/** Compiles a submitted script. Errors: HopelessJob; those of files. */
export async function openScript(workshop: Workshop, submission: ScriptSubmission): Promise<OpenedSubmission> {
  const { platform, onEvent, signal } = workshop;
  const { recipe } = submission;
  const { host, plan, program } = await openRecipe(workshop, submission);
  const draw = async (piece: Piece, kind: Kind): Promise<ReadonlyMap<string, Uint8Array>> => {
    const entries = new Map<string, Uint8Array>();
    const engine = await workshop.openEngine(kind);
    const world = {
      ...dryWorld(platform.world(host, workshop.choice)),
      cache: mapCache(entries),
      openEngine: () => Promise.resolve(engine),
    };
    await execute(plan, world, {
      out: "",
      script: { lacec: platform.version, script: { file: program.entry.path, sha256: "" }, imports: [] },
      source: { program, overrides: recipe.overrides },
      piece,
      onLock: sameLock(recipe),
      ...(onEvent !== undefined && { onEvent }),
      ...(signal !== undefined && { signal }),
    });
    return entries;
  };
  return { lacec: recipe.lock.lacec, draw, close: () => Promise.resolve() };
}

/** The script of a submission, with its files here. Errors: HopelessJob; LaceError of a script that does not compile, and of files. */
export async function openRecipe(
  workshop: Workshop,
  { recipe, models }: Pick<ScriptSubmission, "recipe" | "models">,
): Promise<{ readonly host: Host; readonly plan: Plan; readonly program: Program }> {
  const files = new Map<string, string>();
  for (const model of models) files.set(model.name, await workshop.fetch(model));
  const host = recipeHost(workshop.platform.host, recipe, files);
  const { plan, program, diagnostics } = await compileRecipe(host, recipe, recipe.overrides.count);
  if (plan === undefined || program === undefined) throw new LaceError(diagnostics);
  return { host, plan, program };
}

/** Refuses a run that depends on anything else than what was submitted. */
export function sameLock(recipe: RunRecipe): (lock: LockEntry) => Promise<readonly Diagnostic[]> {
  return (lock) => {
    const differences = lockDifferences(recipe.lock, lock);
    if (differences.length > 0) throw new HopelessJob(differences.join("; "));
    return Promise.resolve([]);
  };
}

/** A cache that is gone with its entries. */
export function mapCache(entries: Map<string, Uint8Array>): Cache {
  return {
    get: (key) => Promise.resolve(entries.get(key)),
    put: (key, bytes) => Promise.resolve(void entries.set(key, bytes)),
    close: () => Promise.resolve(),
    trouble: undefined,
  };
}
