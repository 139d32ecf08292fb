// Results of a page's runs, in memory: what a change of the script left as it was is not computed again. The least lately used go first.
import type { Cache } from "../../ports/cache.js";

/** A cache of at most so many bytes. */
export function memoryCache(mostBytes: number): Cache {
  const entries = new Map<string, Uint8Array>();
  let size = 0;
  return {
    get: (key) => {
      const found = entries.get(key);
      if (found !== undefined) {
        entries.delete(key);
        entries.set(key, found);
      }
      return Promise.resolve(found);
    },
    put: (key, bytes) => {
      size += bytes.length - (entries.get(key)?.length ?? 0);
      entries.delete(key);
      entries.set(key, bytes);
      for (const [oldest, old] of entries) {
        if (size <= mostBytes) break;
        entries.delete(oldest);
        size -= old.length;
      }
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
    trouble: undefined,
  };
}
