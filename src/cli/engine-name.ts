// Engines by name: the value of --engine, and the engine that a recipe or a record names.
import { ENGINE_NAMES, type EngineName } from "../runtime/services/engine.js";
import type { World } from "../runtime/services/world.js";
import type { Host } from "../ports/host.js";
import { nodeServices } from "../node/services.js";
import { LaceError } from "../source/diagnostic.js";
import type { Io } from "./io.js";

/** The engine of that name; undefined, with a message, if there is none. */
export function engineName(text: string, io: Io): EngineName | "auto" | undefined {
  const known = ["auto" as const, ...ENGINE_NAMES].find((name) => name === text);
  if (known === undefined) io.err(`error: there is no engine ${text}; there are auto, ${ENGINE_NAMES.join(", ")}\n`);
  return known;
}

/**
 * Services with the engine that a picture was made on; where that is not usable, with the best of this machine.
 * `recorded` may be the name of an engine that this lacec does not know.
 */
export function servicesAsRecorded(host: Host, recorded: string): World {
  const best = nodeServices(host, "auto");
  const name = ENGINE_NAMES.find((n) => n === recorded);
  if (name === undefined) return best;
  const same = nodeServices(host, name);
  return {
    ...same,
    openEngine: () =>
      same.openEngine().catch((error: unknown) => {
        if (error instanceof LaceError) return best.openEngine();
        throw error;
      }),
  };
}
