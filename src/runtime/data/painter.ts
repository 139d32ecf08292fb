// Styles to images, a few at a time: the synthesis of a model, for whoever looks at images and keeps none.
// In: a model, an engine, and who opens decoders. Out: RgbImages. Invariants: tiles of SYNTHESIS_ROWS rows, so that no bit depends on how many are asked for.
import { optimize } from "../../compiler/passes/optimize.js";
import { InternalError } from "../../source/internal-error.js";
import type { Engine } from "../engine/engine.js";
import { onlyRgb, SYNTHESIS_ROWS } from "../execute/images.js";
import type { Services } from "../execute/services.js";
import { imagesFromTile, type RgbImage } from "../image/rgb.js";
import type { Model } from "../model/model.js";
import { buildSynthesis } from "../model/stylegan2.js";

export interface Painter {
  /** One image for each [numWs, wDim] of styles. */
  paint(styles: readonly Float32Array[]): Promise<RgbImage[]>;
  dispose(): Promise<void>;
}

/** Opens the synthesis of a model, or the decoder that it has instead. Owns an executable until it is disposed. */
export async function openPainter(
  model: Model,
  engine: Engine,
  services: Pick<Services, "openDecoder">,
): Promise<Painter> {
  const rows = SYNTHESIS_ROWS;
  const synthesis =
    model.decoder === undefined
      ? await engine.compile(optimize(onlyRgb(buildSynthesis(model, { rows, layout: engine.layout, noise: "const" }))))
      : await services.openDecoder(model);
  const { resolution, numWs, wDim } = model.info;
  return {
    paint: async (styles) => {
      const images: RgbImage[] = [];
      for (let start = 0; start < styles.length; start += rows) {
        const ws = new Float32Array(rows * numWs * wDim);
        styles.slice(start, start + rows).forEach((s, k) => ws.set(s, k * numWs * wDim));
        const { rgb } = await synthesis.run({ ws });
        if (rgb === undefined) throw new InternalError("the synthesis gave no rgb");
        images.push(...imagesFromTile(rgb, resolution, resolution).slice(0, styles.length - start));
      }
      return images;
    },
    dispose: () => synthesis.dispose(),
  };
}
