// The cache of the working folder, for this build of lacec: results of another build are none of ours.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Cache } from "../ports/cache.js";
import { CACHE_BYTES, folderCache } from "./cache.js";

/** Opens it, of the size that LACEC_CACHE_MB says. */
export function buildCache(): Cache {
  const cache = folderCache({ maxBytes: cacheBytes(process.env["LACEC_CACHE_MB"]) });
  const build = createHash("sha256").update(readFileSync(process.argv[1] ?? fileURLToPath(import.meta.url)));
  const name = (key: string): string => build.copy().update(key).digest("hex");
  return {
    get trouble() {
      return cache.trouble;
    },
    get: (key) => cache.get(name(key)),
    put: (key, bytes) => cache.put(name(key), bytes),
    close: () => cache.close(),
  };
}

function cacheBytes(megabytes: string | undefined): number {
  const value = Number(megabytes);
  return megabytes !== undefined && megabytes !== "" && value >= 0 ? value * 1e6 : CACHE_BYTES;
}
