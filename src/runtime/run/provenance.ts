// What a run's results depend on, hashed before anything is drawn: the lock, recipes for its images, keys for its cache.
// In: a plan, what is open, a Request. Out: Provenance.
import type { Plan } from "../../compiler/plan.js";
import { labellerFile, type Model } from "../../models/model.js";
import { InternalError } from "../../source/internal-error.js";
import { ResultCache, scopeOf } from "../draw/result-cache.js";
import { makeLock } from "../recipe/lock.js";
import { Recipes } from "../record/recipes.js";
import { identityOf } from "../services/labeller-identity.js";
import type { World } from "../services/world.js";
import type { Request } from "./request.js";
import type { Resources, Say } from "./resources.js";

export interface Provenance {
  /** Absent: images carry no recipe. */
  readonly recipes?: Recipes;
  /** What earlier runs have found out, by model; empty without a cache. */
  readonly resultCaches: ReadonlyMap<Model, ResultCache>;
}

/** Hashes what a run depends on, and asks `onLock` about it. Without the script's source there is nothing to hash. */
export async function openProvenance(
  plan: Plan,
  { host, cache }: World,
  { script, source, provenance = true, onLock }: Request,
  resources: Resources,
  say: Say,
): Promise<Provenance> {
  const resultCaches = new Map<Model, ResultCache>();
  if (source === undefined) return { resultCaches };
  const { engine, models } = resources;
  const lock = await makeLock(host, source.program, plan, models, script.lacec);
  if (onLock !== undefined) say(await onLock(lock));
  const recipes = provenance ? { recipes: new Recipes(host, plan, source, lock, engine.name) } : {};
  if (cache === undefined) return { ...recipes, resultCaches };
  for (const [at, { alias }] of plan.models.entries()) {
    const [model, locked] = [models[at], lock.models[alias]];
    if (model === undefined || locked === undefined) throw new InternalError(`the model ${alias} is not locked`);
    const heads = Object.entries(locked.heads).map(([name, { sha256 }]) => [name, sha256] as const);
    const judge = resources.openedLabeller(model);
    const other = judge === undefined || judge.sha256 === labellerFile(model)?.sha256 ? [] : [identityOf(judge)];
    const scope = scopeOf({ lacec: lock.lacec, engine }, locked.sha256, heads, other);
    resultCaches.set(model, new ResultCache(cache, host, scope));
  }
  return { ...recipes, resultCaches };
}
