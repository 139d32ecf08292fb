// A store of results by the hash of all that determines them: what an interrupted run had finished, and what a change left as it was.
// Invariants of every implementation: `get` gives what was `put` under that key or nothing, also where entries were swapped; trouble with the store never ends a run.

export interface Cache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Waits for what is under way and keeps the store within its bounds. */
  close(): Promise<void>;
  /** Why results could not be kept, if so. */
  readonly trouble: string | undefined;
}
