// lacec cache: what the cache of the working folder holds; lacec cache clean empties it.
import { cache } from "../app/cache.js";
import { UsageError } from "../app/verb.js";
import { command, type Flags } from "./command.js";
import { EXIT } from "./exit.js";

/** `lacec cache [clean]` */
export const cacheCommand = command({}, async ({ io, platform }, action: string | undefined, options: Flags) => {
  if (action !== undefined && action !== "clean")
    throw new UsageError(`there is no lacec cache ${action}; there is lacec cache clean`);
  const cleaned = action === "clean";
  const { entries, bytes } = await cache(platform, { clean: cleaned });
  const size = `${entries} ${entries === 1 ? "result" : "results"}, ${(bytes / 1e6).toFixed(1)} MB`;
  if (options.json === true) io.out(`${JSON.stringify({ entries, bytes, cleaned }, null, 2)}\n`);
  else io.out(cleaned ? `deleted ${size}\n` : `${size} in .lace/cache\n`);
  return EXIT.done;
});
