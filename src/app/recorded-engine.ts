// The engine that a picture or a record was made on.
import type { Host } from "../ports/host.js";
import { ENGINE_NAMES } from "../runtime/services/engine.js";
import type { World } from "../runtime/services/world.js";
import { LaceError } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";

/**
 * A world with the engine that a picture was made on; where that is not usable, with the best of this machine.
 * `recorded` may be the name of an engine that this lacec does not know.
 */
export function worldAsRecorded(platform: Platform, host: Host, recorded: string): World {
  const best = platform.world(host, "auto");
  const name = ENGINE_NAMES.find((n) => n === recorded);
  if (name === undefined) return best;
  const same = platform.world(host, name);
  return {
    ...same,
    openEngine: () =>
      same.openEngine().catch((error: unknown) => {
        if (error instanceof LaceError) return best.openEngine();
        throw error;
      }),
  };
}
