// lace.lock, brought up to date without running anything.
import { makeLock } from "../runtime/recipe/lock.js";
import { keepLock } from "../runtime/recipe/lock-file.js";
import type { Diagnostic } from "../source/diagnostic.js";
import { compileWhole, type Compilation } from "./compile-script.js";
import type { Platform } from "./platform.js";

/** What there is to say of a script and its lock. */
export interface Locked {
  readonly diagnostics: readonly Diagnostic[];
  /** Texts to show them with. */
  readonly sources: Compilation["sources"];
}

/**
 * Writes the hashes of all that a script depends on into the lace.lock beside it; with `check`, only compares.
 *
 * Errors   ScriptError for a script that does not compile; LaceError L5305 if `check` finds a difference, L5306 for a damaged lock,
 *          L50xx and L51xx for models that cannot be read.
 */
export async function lock(
  platform: Platform,
  script: string,
  options: { readonly check?: boolean } = {},
): Promise<Locked> {
  const { host, version } = platform;
  const { program, plan, diagnostics, sources } = await compileWhole(script, host);
  const world = platform.world(host, "auto");
  const models = await Promise.all(plan.models.map((m) => world.loadModel(m)));
  const entry = await makeLock(host, program, plan, models, version);
  const said = await keepLock(host, entry, { script, frozen: options.check === true });
  return { diagnostics: [...diagnostics, ...said], sources };
}
