// What the studio keeps in the browser: projects with their undo, and runs with their pictures. IndexedDB, nothing else.
// In: values that can be cloned. Out: the same. Invariants: writes of one key come one after the other and the last one wins; a browser without a store (a private window) is
// a studio that forgets, not one that fails.

const DATABASE = "lace-studio";
const VERSION = 1;
/** `projects` by id, `undo` by project and path, `runs` by id, `settings` by name. */
const STORES = ["projects", "undo", "runs", "settings"] as const;
export type StoreName = (typeof STORES)[number];

export class Store {
  private readonly opening: Promise<IDBDatabase | undefined>;
  private readonly waiting = new Map<
    string,
    { readonly store: StoreName; readonly key: string; readonly value: unknown }
  >();
  private flushing: Promise<void> | undefined;

  constructor() {
    this.opening = open().catch(() => undefined);
  }

  /** Whether anything is kept at all. */
  async works(): Promise<boolean> {
    return (await this.opening) !== undefined;
  }

  async get<T>(store: StoreName, key: string): Promise<T | undefined> {
    const waiting = this.waiting.get(`${store} ${key}`);
    if (waiting !== undefined) return waiting.value as T;
    const database = await this.opening;
    if (database === undefined) return undefined;
    return asked(database.transaction(store).objectStore(store).get(key)) as Promise<T | undefined>;
  }

  async all<T>(store: StoreName): Promise<readonly T[]> {
    await this.flushing;
    const database = await this.opening;
    if (database === undefined) return [];
    return asked(database.transaction(store).objectStore(store).getAll()) as Promise<readonly T[]>;
  }

  /** Keeps a value; undefined removes it. Begins at once; what is put meanwhile goes with the next write. */
  put(store: StoreName, key: string, value: unknown): void {
    this.waiting.set(`${store} ${key}`, { store, key, value });
    this.flushing ??= this.flush().finally(() => (this.flushing = undefined));
  }

  /** Resolves when all that was put is kept. */
  async settled(): Promise<void> {
    while (this.flushing !== undefined) await this.flushing;
  }

  private async flush(): Promise<void> {
    const database = await this.opening;
    while (this.waiting.size > 0) {
      const batch = [...this.waiting.values()];
      this.waiting.clear();
      if (database === undefined) continue;
      const transaction = database.transaction(STORES, "readwrite", { durability: "relaxed" });
      for (const { store, key, value } of batch) {
        const place = transaction.objectStore(store);
        if (value === undefined) place.delete(key);
        else place.put(value, key);
      }
      await new Promise<void>((resolve) => {
        transaction.oncomplete = () => resolve();
        // A full disk: what is on the page stays on the page.
        transaction.onabort = () => resolve();
        transaction.onerror = () => resolve();
      });
    }
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => {
    for (const name of STORES)
      if (!request.result.objectStoreNames.contains(name)) request.result.createObjectStore(name);
  };
  return asked(request);
}

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's store refused"));
  });
}
