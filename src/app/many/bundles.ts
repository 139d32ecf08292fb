// All results of a submission, out of the store, piece by piece.
// In: a submission whose pieces are drawn. Out: its results by key, as a cache; who drew them. Invariant: what is at another's place is found out.
import type { Cache } from "../../ports/cache.js";
import type { Host } from "../../ports/host.js";
import type { ObjectStore } from "../../ports/object-store.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import { failure } from "../../source/diagnostic.js";
import { BUNDLE_BYTES, unpackBundle, type PieceReport } from "./bundle.js";
import { missingPieces, objects, readKind, readPieces, type Kind } from "./submission.js";

/** Who drew which pieces, and the seconds that it took them. */
export type Machines = ReadonlyMap<string, { readonly pieces: readonly Piece[]; readonly seconds: number }>;

/** Bundles that are kept unpacked: a run goes through the rows of a task in order. */
const OPEN_BUNDLES = 4;

/** The pieces of a submission that is drawn to the last of them, and the kind of machine that drew. Errors: LaceError L5406. */
export async function wholeSubmission(
  store: ObjectStore,
  id: string,
  how: string,
): Promise<{ readonly pieces: readonly Piece[]; readonly kind: Kind }> {
  const [pieces, kind] = [await readPieces(store, id), await readKind(store, id)];
  if (pieces === undefined)
    throw failure("L5406", `${store.place} has no submission of this with these settings`, [
      `submit it first: ${how}`,
      "a script that has changed, another model, other inputs, another seed or count are another submission",
    ]);
  const missing = await missingPieces(store, id, pieces);
  if (missing.length > 0 || kind === undefined)
    throw failure("L5406", `${missing.length} of ${pieces.length} pieces of ${id.slice(0, 12)} are not drawn yet`, [
      "see what became of them: lacec jobs",
      `the same ${how} again queues what is missing`,
    ]);
  return { pieces, kind };
}

/** What a piece gave, and who drew it. Errors: LaceError L5405. */
export async function readBundle(
  host: Host,
  store: ObjectStore,
  id: string,
  piece: Piece,
): Promise<{ readonly entries: ReadonlyMap<string, Uint8Array>; readonly report: PieceReport }> {
  const object = objects.piece(id, piece);
  const packed = await store.get(object, BUNDLE_BYTES);
  const unpacked = packed && (await unpackBundle(host, packed, object).catch(() => undefined));
  if (unpacked?.report === undefined) throw damagedBundle(store, object);
  const { entries, report } = unpacked;
  if (report.submission !== id || objects.piece(id, report.piece) !== object) throw damagedBundle(store, object);
  return { entries, report };
}

/** Errors: the LaceError L5405 of an object that cannot be read. */
export function damagedBundle(store: ObjectStore, object: string): Error {
  return failure("L5405", `${object} in ${store.place} is damaged, or at another's place`, [
    "delete it, and submit again",
  ]);
}

/** Counts who drew. */
export class MachineTally {
  private readonly machines = new Map<string, { readonly pieces: Piece[]; seconds: number }>();

  get all(): Machines {
    return this.machines;
  }

  add({ made, seconds, piece }: PieceReport): void {
    const own = this.machines.get(made) ?? { pieces: [], seconds: 0 };
    own.pieces.push(piece);
    own.seconds += seconds;
    this.machines.set(made, own);
  }
}

/** All results of a submission as a cache. Errors: LaceError L5405. */
export async function openBundles(
  host: Host,
  store: ObjectStore,
  id: string,
  pieces: readonly Piece[],
): Promise<{ readonly cache: Cache; readonly machines: Machines }> {
  const places = new Map<string, Piece>();
  const machines = new MachineTally();
  const open = new Map<Piece, ReadonlyMap<string, Uint8Array>>();
  const load = async (piece: Piece): Promise<{ entries: ReadonlyMap<string, Uint8Array>; report: PieceReport }> => {
    const read = await readBundle(host, store, id, piece);
    open.set(piece, read.entries);
    for (const oldest of [...open.keys()].slice(0, -OPEN_BUNDLES)) open.delete(oldest);
    return read;
  };
  for (const piece of pieces) {
    const { entries, report } = await load(piece);
    for (const key of entries.keys()) places.set(key, piece);
    machines.add(report);
  }
  const cache: Cache = {
    get: async (key) => {
      const piece = places.get(key);
      return piece === undefined ? undefined : (open.get(piece) ?? (await load(piece)).entries).get(key);
    },
    put: () => Promise.resolve(),
    close: () => Promise.resolve(),
    trouble: undefined,
  };
  return { cache, machines: machines.all };
}
