// The end of a submission: the run of the script on this machine, with everything that the machines have drawn taken from the store.
// Invariant: the files are those of a run on one machine of the kind that drew, byte for byte.
import type { Cache } from "../../ports/cache.js";
import type { ObjectStore } from "../../ports/object-store.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { failure } from "../../source/diagnostic.js";
import { compileWhole } from "../compile-script.js";
import type { Platform } from "../platform.js";
import { changed, overridesOf, runCompiled, type Results, type RunOptions } from "../run.js";
import { BUNDLE_BYTES, unpackBundle, type PieceReport } from "./bundle.js";
import { missingPieces, objects, packSubmission, readKind, readPieces, renamed } from "./submission.js";

export interface CollectOptions extends Omit<RunOptions, "shard" | "cache"> {
  readonly store: string;
}

export interface Collected {
  readonly id: string;
  readonly results: Results;
  /** Who drew how many pieces, and the seconds that it took them. */
  readonly machines: ReadonlyMap<string, { readonly pieces: number; readonly seconds: number }>;
}

/** Bundles that are kept unpacked: a run goes through the rows of a task in order. */
const OPEN_BUNDLES = 4;

/**
 * Writes what a script saves, from the results in the store, as `lacec collect`: with the options that it was submitted with.
 *
 * Errors   ScriptError; LaceError L5406 if pieces are missing, L5405 if they are damaged, and those of a run.
 */
export async function collect(platform: Platform, script: string, options: CollectOptions): Promise<Collected> {
  const compiled = await compileWhole(script, platform.host, overridesOf(options));
  const store = await platform.openStore(options.store);
  const { id } = await packSubmission(platform, compiled, changed(options));
  const [pieces, kind] = [await readPieces(store, id), await readKind(store, id)];
  if (pieces === undefined)
    throw failure("L5406", `${store.place} has no submission of this script with these settings`, [
      "submit it first: lacec submit",
      "a script that has changed, other inputs, another seed or count are another submission",
    ]);
  const missing = await missingPieces(store, id, pieces);
  if (missing.length > 0 || kind === undefined)
    throw failure("L5406", `${missing.length} of ${pieces.length} pieces of ${id.slice(0, 12)} are not drawn yet`, [
      "see what became of them: lacec jobs",
      "the same lacec submit again queues what is missing",
    ]);
  const { cache, machines } = await openBundles(store, id, pieces);
  const drawn: Platform = {
    ...platform,
    world: (host, engine) => {
      const world = platform.world(host, engine);
      return { ...world, cache, openEngine: async () => renamed(await world.openEngine(), kind) };
    },
  };
  const results = await runCompiled(drawn, script, compiled, options);
  return { id, results, machines };
}

/** All results of a submission as a cache. Errors: LaceError L5405. */
async function openBundles(
  store: ObjectStore,
  id: string,
  pieces: readonly Piece[],
): Promise<{ readonly cache: Cache; readonly machines: Collected["machines"] }> {
  const places = new Map<string, string>();
  const machines = new Map<string, { pieces: number; seconds: number }>();
  const open = new Map<string, ReadonlyMap<string, Uint8Array>>();
  const load = async (object: string): Promise<{ entries: ReadonlyMap<string, Uint8Array>; report: PieceReport }> => {
    const damaged = (): Error =>
      failure("L5405", `${object} in ${store.place} is damaged, or at another's place`, [
        "delete it, and submit the script again",
      ]);
    const packed = await store.get(object, BUNDLE_BYTES);
    const unpacked = packed && (await unpackBundle(packed, object).catch(() => undefined));
    if (unpacked?.report === undefined) throw damaged();
    const { entries, report } = unpacked;
    if (report.submission !== id || objects.piece(id, report.piece) !== object) throw damaged();
    open.set(object, entries);
    for (const oldest of [...open.keys()].slice(0, -OPEN_BUNDLES)) open.delete(oldest);
    return { entries, report };
  };
  for (const piece of pieces) {
    const object = objects.piece(id, piece);
    const { entries, report } = await load(object);
    for (const key of entries.keys()) places.set(key, object);
    const before = machines.get(report.made) ?? { pieces: 0, seconds: 0 };
    machines.set(report.made, { pieces: before.pieces + 1, seconds: before.seconds + report.seconds });
  }
  const cache: Cache = {
    get: async (key) => {
      const object = places.get(key);
      return object === undefined ? undefined : (open.get(object) ?? (await load(object)).entries).get(key);
    },
    put: () => Promise.resolve(),
    close: () => Promise.resolve(),
    trouble: undefined,
  };
  return { cache, machines };
}
