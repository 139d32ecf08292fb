// lacec cache: what the cache of the working folder holds; lacec cache clean empties it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cache } from "../ports/cache.js";
import { CACHE_BYTES, cacheUse, cleanCache, folderCache } from "../node/cache.js";
import { EXIT, type ExitCode } from "./exit.js";
import type { Io } from "./io.js";

/** The cache of the working folder, of the size that LACEC_CACHE_MB says. Results of another build of lacec are none of ours. */
export function openCache(): Cache {
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

export async function cacheVerb(
  io: Io,
  action: string | undefined,
  options: { readonly json?: boolean },
): Promise<ExitCode> {
  if (action !== undefined && action !== "clean") {
    io.err(`error: there is no lacec cache ${action}; there is lacec cache clean\n`);
    return EXIT.script;
  }
  const { entries, bytes } = action === "clean" ? await cleanCache() : await cacheUse();
  if (options.json === true) io.out(`${JSON.stringify({ entries, bytes, cleaned: action === "clean" }, null, 2)}\n`);
  else {
    const size = `${entries} ${entries === 1 ? "result" : "results"}, ${(bytes / 1e6).toFixed(1)} MB`;
    io.out(action === "clean" ? `deleted ${size}\n` : `${size} in .lace/cache\n`);
  }
  return EXIT.done;
}
