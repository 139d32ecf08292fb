// What surrounds a run: services, and where results are kept between runs. The dry world is the one way to run a plan and write nothing.
// In: a World. Out: one whose writes stay in memory.
import { capturingHost, type CapturingHost } from "../../ports/capturing-host.js";
import type { Cache } from "../../ports/cache.js";
import type { Services } from "./services.js";

export interface World extends Services {
  /** Where results are kept between runs. It needs the request's `source`. */
  readonly cache?: Cache | undefined;
}

export interface DryWorld extends World {
  readonly host: CapturingHost;
}

/** The same world for a run that only looks: its writes are captured, no output is claimed, no folder locked, and nothing comes from a cache. */
export function dryWorld(world: World): DryWorld {
  return {
    ...world,
    host: capturingHost(world.host),
    cache: undefined,
    prepareOutput: () => Promise.resolve(),
    claimOutputs: () => Promise.resolve(() => Promise.resolve()),
  };
}
