// The services of Node: engines by name, packs from disk, labellers on onnxruntime, sharp.
// Invariant: every library is imported when it is first asked for, so that a caller who only checks scripts loads none of them.
import type { World } from "../runtime/services/world.js";
import type { Cache } from "../ports/cache.js";
import type { EngineChoice } from "../app/verb.js";
import type { Host } from "../ports/host.js";
import { checkWritable } from "./folders.js";
import { lockOutputs } from "./output-lock.js";
import { loadDecoder, loadLabeller, loadPack } from "../models/pack/pack.js";
import { readFileSync } from "node:fs";
import process from "node:process";

/** This machine as a world, with the engine that was asked for; `cache`: where results are kept between runs. */
export function nodeServices(host: Host, engine: EngineChoice, cache?: Cache): World {
  const openCodec = async () => (await import("./codec.js")).sharpCodec();
  return {
    host,
    cache,
    openEngine: async () => (await import("./engines/open.js")).openEngine(engine),
    loadModel: async ({ reference, heads }) => {
      const pack = await loadPack(host, reference);
      if (heads.length === 0) return pack;
      return (await import("../learn/labellers/picture-heads.js")).addScriptHeads(host, pack, heads, {
        openCodec,
        openOnnx: async (bytes) => (await import("./engines/open-onnx-model.js")).openOnnxModel(bytes),
        readClip: async (folder, prompts) => (await import("./labellers/clip.js")).readClip(folder, prompts),
      });
    },
    openLabeller: async (model) => {
      if (model.labeller === "faces") return (await import("./labellers/faces.js")).openFaceLabeller();
      const bytes = await loadLabeller(host, model);
      if (bytes === undefined || model.labeller === undefined) return undefined;
      const [{ openPackLabeller }, { openOnnxModel }] = await Promise.all([
        import("../learn/labellers/onnx-labeller.js"),
        import("./engines/open-onnx-model.js"),
      ]);
      return openPackLabeller(await openOnnxModel(bytes), model.labeller, model.info);
    },
    openDecoder: async (model) => {
      const bytes = await loadDecoder(host, model);
      const [{ openDecoder }, { openOnnxModel }] = await Promise.all([
        import("../runtime/services/onnx-decoder.js"),
        import("./engines/open-onnx-model.js"),
      ]);
      return openDecoder(await openOnnxModel(bytes), model.decoder, model.info);
    },
    findFace: async (image) => (await import("./labellers/faces.js")).findLandmarks(image),
    prepareOutput: checkWritable,
    claimOutputs: lockOutputs,
    freeMemory: () => process.availableMemory(),
    openCodec,
  };
}

/** Version of this lacec, from its package.json. */
export function lacecVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
