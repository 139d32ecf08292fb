// Styles to images, a few at a time: the synthesis of a model, for whoever looks at images and keeps none.
// In: a model, an engine, and who opens decoders. Out: RgbImages. Invariants: tiles of SYNTHESIS_ROWS rows, so that no bit depends on how many are asked for.
import type { Task } from "../../compiler/plan.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../services/engine.js";
import { SYNTHESIS_ROWS } from "./images.js";
import { noiseInputs, type TileRows } from "./synthesis-inputs.js";
import type { Services } from "../services/services.js";
import { imagesFromTile, type RgbImage } from "../image/rgb.js";
import type { Model } from "../../models/model.js";
import { compileSynthesis } from "../../compiler/build/synthesis.js";

export interface Painter {
  /** One image for each [numWs, wDim] of styles; `rows` says whose they are, where the noise is random. */
  paint(styles: readonly Float32Array[], rows?: TileRows): Promise<RgbImage[]>;
  dispose(): Promise<void>;
}

/** Opens the synthesis of a model, or the decoder that it has instead. Owns an executable until it is disposed. */
export async function openPainter(
  model: Model,
  engine: Engine,
  services: Pick<Services, "openDecoder">,
  drawing: Pick<Task, "noise"> = { noise: "const" },
): Promise<Painter> {
  const tile = SYNTHESIS_ROWS;
  const { noise } = drawing;
  const synthesis =
    model.decoder === undefined
      ? await engine.compile(compileSynthesis(model, { rows: tile, layout: engine.layout, noise }))
      : await services.openDecoder(model);
  const { resolution, numWs, wDim } = model.info;
  return {
    paint: async (styles, rows = []) => {
      const images: RgbImage[] = [];
      for (let start = 0; start < styles.length; start += tile) {
        const ws = new Float32Array(tile * numWs * wDim);
        styles.slice(start, start + tile).forEach((s, k) => ws.set(s, k * numWs * wDim));
        const owners = Array.from({ length: tile }, (_, k) => rows[start + k]);
        const { pixels } = await synthesis.run({ ws, ...noiseInputs(model.synthesis, noise, owners) });
        if (pixels === undefined) throw new InternalError("the synthesis gave no pixels");
        images.push(...imagesFromTile(pixels, resolution, resolution).slice(0, styles.length - start));
      }
      return images;
    },
    dispose: () => synthesis.dispose(),
  };
}
