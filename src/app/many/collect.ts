// The end of a submission: the run of the script on this machine, with everything that the machines have drawn taken from the store.
// Invariant: the files are those of a run on one machine of the kind that drew, byte for byte.
import { compileWhole } from "../compile-script.js";
import type { Platform } from "../platform.js";
import { changed, overridesOf, runCompiled, type Results, type RunOptions } from "../run.js";
import { openBundles, wholeSubmission, type Machines } from "./bundles.js";
import { machineRecords } from "./machine-records.js";
import { packScript } from "./pack-script.js";
import { renamed } from "./submission.js";

export interface CollectOptions extends Omit<RunOptions, "shard" | "cache"> {
  readonly store: string;
}

export interface Collected {
  readonly id: string;
  readonly results: Results;
  readonly machines: Machines;
}

/**
 * Writes what a script saves, from the results in the store, as `lacec collect`: with the options that it was submitted with.
 *
 * Errors   ScriptError; LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of a run.
 */
export async function collect(platform: Platform, script: string, options: CollectOptions): Promise<Collected> {
  const compiled = await compileWhole(script, platform.host, overridesOf(options));
  const store = await platform.openStore(options.store);
  const { id } = await packScript(platform, compiled, changed(options));
  const { pieces, kind } = await wholeSubmission(store, id, "lacec submit");
  const { cache, machines } = await openBundles(platform.host, store, id, pieces);
  const drawn: Platform = {
    ...platform,
    world: (host, engine) => {
      const world = platform.world(host, engine);
      return { ...world, cache, openEngine: async () => renamed(await world.openEngine(), kind) };
    },
  };
  const results = await runCompiled(drawn, script, compiled, options, {
    machines: machineRecords(machines, compiled.plan),
  });
  return { id, results, machines };
}
