// The end of a submission: the run of the script on this machine, with everything that the machines have drawn taken from the store; or of a part of it,
// where several machines write into one folder, and the whole then takes the files that are there.
// Invariant: the files are those of a run on one machine of the kind that drew, byte for byte.
import { compileWhole } from "../compile-script.js";
import type { Host } from "../../ports/host.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { selectShard, type Selection } from "../../runtime/plan/selection.js";
import { outputPath, type WrittenFile } from "../../runtime/show/saves.js";
import type { Platform } from "../platform.js";
import { changed, overridesOf, runCompiled, type Results, type RunOptions } from "../run.js";
import { openBundles, wholeSubmission, type Machines } from "./bundles.js";
import { machineRecords } from "./machine-records.js";
import { packScript } from "./pack-script.js";
import { jsonBytes, objects, readCollected, renamed, type CollectedFile } from "./submission.js";

export interface CollectOptions extends Omit<RunOptions, "cache"> {
  readonly store: string;
}

export interface Collected {
  readonly id: string;
  readonly results: Results;
  readonly machines: Machines;
}

/**
 * Writes what a script saves, from the results in the store, as `lacec collect`: with the options that it was submitted with. With `shard` the files of one
 * picture of that part of the samples; without, files that parts have written are taken as they are where their hashes are right.
 *
 * Errors   ScriptError; LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of a run.
 */
export async function collect(platform: Platform, script: string, options: CollectOptions): Promise<Collected> {
  const compiled = await compileWhole(script, platform.host, overridesOf(options));
  const store = await platform.openStore(options.store);
  const { id } = await packScript(platform, compiled, changed(options));
  const { pieces: all, kind } = await wholeSubmission(store, id, "lacec submit");
  const { shard, out = "." } = options;
  const pieces = shard === undefined ? all : piecesOf(all, selectShard(compiled.plan, shard));
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
    ...(shard === undefined && { written: filesThere(platform.host, out, await readCollected(store, id)) }),
  });
  if (shard !== undefined) {
    const files = results.outputs.map(({ file, sha256, bytes }) => ({ file, sha256, bytes }));
    await store.put(objects.collected(id, shard), jsonBytes(files));
  }
  return { id, results, machines };
}

/** Pieces that hold rows of a selection, or what these are made from. */
function piecesOf(pieces: readonly Piece[], selection: Selection): readonly Piece[] {
  return pieces.filter(({ task, first, last }) => selection.rows(task).some((row) => row >= first && row <= last));
}

/** Of files in the output folder: those that a part has written, and that are still so. Names come from the run, never from a list. */
function filesThere(host: Host, out: string, listed: ReadonlyMap<string, CollectedFile>): WrittenFile {
  return async (file) => {
    const known = listed.get(file);
    const path = outputPath(host, out, file);
    if (known === undefined || !(await host.exists(path))) return undefined;
    const bytes = await host.readBytes(path);
    const { sha256 } = known;
    return (await host.sha256(bytes)) === sha256 ? { bytes: bytes.length, sha256 } : undefined;
  };
}
