// The Platform of Node: this machine, for the verbs of src/app.
// Invariant: every library is imported when it is first asked for, so that a caller who only checks scripts loads none of them.
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import type { Platform } from "../app/platform.js";
import { buildCache } from "./build-cache.js";
import { cacheUse, cleanCache, folderCache } from "./cache.js";
import { checkWritable } from "./folders.js";
import { builtinNames, filesIn, nodeHost, removeFile } from "./host.js";
import { download, modelsHome, packOf, removeDownloads, removeStored, storedNames } from "./model-store.js";
import { childDrawer } from "./many/piece-child.js";
import { engineInstall, runEngineInstall } from "./native-engine.js";
import { mainFile, processorClass } from "./process.js";
import { lacecVersion, nodeServices } from "./services.js";

/** This machine. It must be closed. */
export function nodePlatform(): Platform {
  const host = nodeHost();
  return {
    version: lacecVersion(),
    host,
    world: nodeServices,
    models: {
      home: modelsHome(),
      names: () => storedNames(modelsHome()),
      builtins: () => builtinNames(),
      packOf: (name) => packOf(modelsHome(), name),
      remove: (name) => removeStored(modelsHome(), name),
      download: (url, options) => download(modelsHome(), url, options),
      removeDownloads: (folder) => removeDownloads(modelsHome(), folder),
    },
    examineDecoder: async (bytes, file, hints) => {
      const [{ examineDecoder }, { openOnnxModel }] = await Promise.all([
        import("../runtime/services/examine-decoder.js"),
        import("./engines/open-onnx-model.js"),
      ]);
      return examineDecoder(await openOnnxModel(bytes), file, hints);
    },
    openCache: (options) => (options?.folder === undefined ? buildCache() : folderCache(options)),
    cacheUse: () => cacheUse(),
    cleanCache: () => cleanCache(),
    probeEngines: async () => (await import("./engines/open.js")).probeEngines(),
    describeMachine: () => ({
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      processor: processorClass(),
    }),
    engineInstall: () => engineInstall(),
    installEngine: runEngineInstall,
    errorPages: () => readFile(new URL("../../docs/errors.md", import.meta.url), "utf8").catch(() => undefined),
    openLabeller: async (services, model, choice) =>
      (await import("./labellers/open-labeller.js")).openLabeller(services, model, choice),
    examineLabeller: async (file) => (await import("./labellers/open-labeller.js")).examineLabeller(host, file),
    openPart: async (file, plan, options) => (await import("./part-file.js")).openPart(file, plan, options),
    readImages: async (folder) => {
      const [{ readRealImages }, { sharpCodec }] = await Promise.all([
        import("./real-images.js"),
        import("./codec.js"),
      ]);
      return readRealImages(folder, host, sharpCodec());
    },
    atRevision: async (revision) => (await import("./git-host.js")).gitHost(host, revision),
    openStore: async (address) => (await import("./many/open.js")).openStore(address),
    openQueue: async (address, options) => (await import("./many/bullmq-queue.js")).bullQueue(address, options),
    openPieceDrawing: (settings) => childDrawer(mainFile(), ["worker", "--child"], settings),
    prepareFile: (path) => checkWritable(dirname(path)),
    filesIn,
    removeFile,
    close: () => host.close(),
  };
}

/** Does the work on this machine, and closes it; but for its engines, which stay open a while for the next call. */
export async function onThisMachine<T>(work: (platform: Platform) => Promise<T>): Promise<T> {
  const machine = nodePlatform();
  const platform: Platform = {
    ...machine,
    world: (host, engine, cache) => ({
      ...machine.world(host, engine, cache),
      openEngine: async () => (await import("./engines/kept.js")).keptEngine(engine),
    }),
  };
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}
