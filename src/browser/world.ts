// A browser as a world for runs: one engine that stays open, models that are read once, labellers as graphs on that engine, our codec.
// In: a host, an opened engine. Out: a World whose runs open and close nothing that the next run needs.
// Invariants: a run's writes go to its own host; the engine belongs to whoever opened it.
import { openPackLabeller } from "../learn/labellers/onnx-labeller.js";
import { addScriptHeads } from "../learn/labellers/picture-heads.js";
import { labellerFile, type LabellerFile, type Model } from "../models/model.js";
import { loadDecoder, loadLabeller, loadPack } from "../models/pack/pack.js";
import type { Cache } from "../ports/cache.js";
import type { Host } from "../ports/host.js";
import type { Engine } from "../runtime/services/engine.js";
import { openOnnxAsGraph } from "../runtime/services/onnx-graph-model.js";
import type { Labeller } from "../runtime/services/services.js";
import type { World } from "../runtime/services/world.js";
import { openDecoder } from "../runtime/services/onnx-decoder.js";
import { browserCodec } from "./codec.js";

/** Packs that were read: those that ship with lacec stay, which needs no engine. */
export class PackCache {
  private readonly packs = new Map<string, Promise<Model>>();

  /** The pack of a name that ships with lacec, read once; others are read anew, for the project's files may change. */
  pack(host: Host, reference: string): Promise<Model> {
    if (!reference.startsWith("builtin:")) return loadPack(host, reference);
    const known = this.packs.get(reference) ?? loadPack(host, reference);
    this.packs.set(reference, known);
    known.catch(() => this.packs.delete(reference));
    return known;
  }
}

/** What stays from one run to the next. */
export class BrowserServices {
  readonly engine: Engine;
  private readonly labellers = new Map<string, Promise<Labeller | undefined>>();

  /** Owns     nothing: the engine is its opener's. */
  constructor(
    engine: Engine,
    readonly packs = new PackCache(),
  ) {
    this.engine = { ...engine, dispose: () => Promise.resolve() };
  }

  /** The labeller of a model, opened once for each file; its runs do not close it. The one for faces needs Node. */
  async labeller(host: Host, model: Model): Promise<Labeller | undefined> {
    const own = labellerFile(model);
    if (own === undefined) return undefined;
    const known = this.labellers.get(own.sha256) ?? this.open(host, model, own);
    this.labellers.set(own.sha256, known);
    known.catch(() => this.labellers.delete(own.sha256));
    return known;
  }

  private async open(host: Host, model: Model, own: LabellerFile): Promise<Labeller | undefined> {
    const bytes = await loadLabeller(host, model);
    if (bytes === undefined) return undefined;
    const labeller = await openPackLabeller(await openOnnxAsGraph(bytes, this.engine), own, model.info);
    return { ...labeller, dispose: () => Promise.resolve() };
  }
}

/** A world for one run. `cache`: where results are kept between runs. */
export function browserWorld(host: Host, services: BrowserServices, cache?: Cache): World {
  return {
    host,
    cache,
    openEngine: () => Promise.resolve(services.engine),
    loadModel: async ({ reference, heads }) =>
      addScriptHeads(host, await services.packs.pack(host, reference), heads, {
        openCodec: () => Promise.resolve(browserCodec()),
        openOnnx: (bytes) => openOnnxAsGraph(bytes, services.engine),
      }),
    openLabeller: (model) => services.labeller(host, model),
    openDecoder: async (model) => {
      const onnx = await openOnnxAsGraph(await loadDecoder(host, model), services.engine);
      return openDecoder(onnx, model.decoder, model.info);
    },
    openCodec: () => Promise.resolve(browserCodec()),
    freeMemory: () => FREE_MEMORY,
    prepareOutput: () => Promise.resolve(),
    claimOutputs: () => Promise.resolve(() => Promise.resolve()),
  };
}

/** Browsers do not say what is free: what a page can hope for. */
const FREE_MEMORY = 512 * 1024 * 1024;
