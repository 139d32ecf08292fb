// A store of objects by name, which many machines share: a folder, or a bucket of S3.
// Invariants of every implementation: an object appears whole or not at all, and an object that is there is never changed.

export interface ObjectStore {
  /** Where it is, for messages: without passwords. */
  readonly place: string;
  /** The object; undefined if there is none. Errors: LaceError L5403 for a store that cannot be read, or an object beyond `maxBytes`. */
  get(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Whether there is an object of that name. Errors: LaceError L5403. */
  has(name: string): Promise<boolean>;
  /** Puts an object, unless one of that name is there; gives whether it was put. Errors: LaceError L5403. */
  put(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Names of the objects that begin with `prefix`, in no order. Errors: LaceError L5403. */
  list(prefix: string): AsyncIterable<string>;
}

/** Parts of an object's name: nothing that a file system or an address takes for something else. */
const NAME = /^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)*$/;

/** Whether a name can be that of an object. */
export function isObjectName(name: string): boolean {
  return name.length <= 512 && NAME.test(name);
}
