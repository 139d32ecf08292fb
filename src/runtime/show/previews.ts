// Small pictures for whoever looks on while the whole ones are made.
// In: a model, an engine. Out: a Previewer; undefined for models without small pictures. Invariants: nothing is read from them but by eye: no record, no judge, no file; compiled when the
// first is asked for.
import { compilePreview, previewOf } from "../../compiler/build/preview.js";
import { sourceOf } from "../../compiler/build/graph-source.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { Model } from "../../models/model.js";
import { InternalError } from "../../source/internal-error.js";
import { imagesFromTile, type RgbImage } from "../image/rgb.js";
import { compileProgramGraph, type Engine } from "../services/engine.js";

export interface Previewer {
  /** The small picture of styles [numWs, wDim]. */
  paint(ws: Float32Array): Promise<RgbImage>;
  dispose(): Promise<void>;
}

/** The small pictures of a model. Owns what it compiles until it is disposed. */
export function openPreviewer(model: Model, engine: Engine): Previewer | undefined {
  const found = model.decoder === undefined ? previewOf(model) : undefined;
  if (found === undefined) return undefined;
  const { width, height, weights } = found;
  // Several in one run take no less time: their arithmetic is most of it.
  const options = { rows: 1, layout: engine.layout, numWs: model.info.numWs };
  let executable: Promise<Executable> | undefined;
  const open = (): Promise<Executable> =>
    (executable ??= compileProgramGraph(engine, {
      compiled: () => compilePreview(found, options),
      source: sourceOf(weights, ["preview", options]),
    }));
  return {
    paint: async (ws) => {
      const { pixels, alpha } = await (await open()).run({ ws });
      const [image] = pixels === undefined ? [] : imagesFromTile(pixels, width, height, alpha);
      if (image === undefined) throw new InternalError("the small synthesis gave no picture");
      return image;
    },
    dispose: async () => {
      const opened = await executable?.catch(() => undefined);
      executable = undefined;
      await opened?.dispose();
    },
  };
}
