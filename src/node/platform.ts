// The Platform of Node: this machine, for the verbs of src/app.
// Invariant: every library is imported when it is first asked for, so that a caller who only checks scripts loads none of them.
import { dirname } from "node:path";
import type { Platform } from "../app/platform.js";
import { checkWritable, nodeHost, removeFile } from "./host.js";
import { lacecVersion, nodeServices } from "./services.js";

/** This machine. It must be closed. */
export function nodePlatform(): Platform {
  const host = nodeHost();
  return {
    version: lacecVersion(),
    host,
    world: nodeServices,
    openLabeller: async (services, model, choice) =>
      (await import("./labellers/open-labeller.js")).openLabeller(services, model, choice),
    openPart: async (file, layout, options) => (await import("./part-file.js")).openPart(file, layout, options),
    readImages: async (folder) => {
      const [{ readRealImages }, { sharpCodec }] = await Promise.all([
        import("./real-images.js"),
        import("./codec.js"),
      ]);
      return readRealImages(folder, host, sharpCodec());
    },
    prepareFile: (path) => checkWritable(dirname(path)),
    removeFile,
    close: () => host.close(),
  };
}

/** Does the work on this machine, and closes it. */
export async function onThisMachine<T>(work: (platform: Platform) => Promise<T>): Promise<T> {
  const platform = nodePlatform();
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}
