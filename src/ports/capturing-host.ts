// A host whose writes stay in memory: for runs whose pictures are only looked at.
import type { Host } from "./host.js";

export interface CapturingHost extends Host {
  /** What was written, by resolved path. */
  readonly written: ReadonlyMap<string, Uint8Array>;
}

/** Reads through `real`, writes nothing there. */
export function capturingHost(real: Host): CapturingHost {
  const written = new Map<string, Uint8Array>();
  return {
    ...real,
    written,
    writeAtomic: (path, bytes) => {
      written.set(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
      return Promise.resolve();
    },
  };
}
