// Styles to images: the synthesis of a model, the one way to pictures for runs, labels and evaluations.
// In: a model, an engine, services. Out: RgbImages. Invariants: several at once only where the engine gains by it, fewer when memory ends;
// an image does not depend on those that are made with it; the synthesis is compiled when the first image is asked for.
import { compileSynthesis } from "../../compiler/build/synthesis.js";
import type { Executable, Graph } from "../../compiler/graph/graph.js";
import { activationBytes } from "../../compiler/graph/memory.js";
import type { NoiseMode } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { imageSizeOf } from "../../compiler/attribute.js";
import { InternalError } from "../../source/internal-error.js";
import { imagesFromTile, type RgbImage } from "../image/rgb.js";
import { compileProgramGraph, type Engine, type SourcedGraph } from "../services/engine.js";
import type { Services } from "../services/services.js";
import { Batches, chooseAtOnce, chooseRows } from "./image-batches.js";
import { noiseInputs, transformInputs, truncationInputs, type TileRows } from "./synthesis-inputs.js";

/** Images of one run of the synthesis graph where nothing is gained by more. */
export const SYNTHESIS_ROWS = 1;

export interface PainterOptions {
  readonly model: Model;
  readonly engine: Engine;
  readonly services: Pick<Services, "openDecoder" | "freeMemory">;
  /** Default: const. */
  readonly noise?: NoiseMode;
  /** Images that are asked for, in all or at a time: no run makes more. */
  readonly count: number;
  /** Images in all; default: `count`. */
  readonly total?: number;
  /** Told of the images of a run from now on, when memory ran short. */
  readonly onShort?: (rows: number) => void;
  /** The graph for so many images; default: that of the model. */
  readonly synthesis?: ((rows: number) => SourcedGraph) | undefined;
}

export interface Painter {
  /** Images that one run makes now. */
  readonly rows: number;
  /** Runs that may be under way at once: whoever asks for as many keeps all of them busy. */
  readonly atOnce: number;
  /**
   * One image for each [numWs, wDim] of styles; `rows` says whose they are, where the noise is random, how they are moved, how far a decoder truncates.
   * Errors: LaceError L4107 if memory does not reach for one image; L5111, L52xx of a decoder.
   */
  paint(styles: readonly Float32Array[], rows?: TileRows): Promise<RgbImage[]>;
  dispose(): Promise<void>;
}

/** The painter of a model, or of the decoder that it has instead. Owns what it compiles until it is disposed. */
export function openPainter(options: PainterOptions): Painter {
  const { model, engine, services, noise = "const", count, total = count, onShort = () => undefined } = options;
  const { layout, batches: gains = false } = engine;
  const synthesis =
    options.synthesis ?? ((rows: number) => ({ compiled: () => compileSynthesis(model, { rows, layout, noise }) }));
  const graph = (rows: number): Graph => synthesis(rows).compiled();
  const compile = (rows: number): Promise<Executable> =>
    model.decoder === undefined
      ? compileProgramGraph(engine, synthesis(rows), { atOnce })
      : services.openDecoder(model);
  const atOnce = model.decoder === undefined ? chooseAtOnce(total, engine.atOnce ?? 1, () => graph(SYNTHESIS_ROWS)) : 1;
  const room = (): number =>
    chooseRows(count, {
      batches: gains,
      free: services.freeMemory(),
      bytesPerRow: activationBytes(graph(SYNTHESIS_ROWS)),
    });
  const batches = new Batches(compile, gains && model.decoder === undefined ? room() : SYNTHESIS_ROWS, onShort);
  const { numWs, wDim } = model.info;
  const { width, height: side } = imageSizeOf(model.info);
  const paint = async (styles: readonly Float32Array[], rows: TileRows = []): Promise<RgbImage[]> => {
    const images: RgbImage[] = [];
    while (images.length < styles.length) {
      const start = images.length;
      const outputs = await batches.run((height) => {
        const ws = new Float32Array(height * numWs * wDim);
        styles.slice(start, start + height).forEach((s, k) => ws.set(s, k * numWs * wDim));
        const owners = Array.from({ length: height }, (_, k) => rows[start + k]);
        return {
          ...{ ws, ...truncationInputs(model, owners) },
          ...noiseInputs(model.synthesis, noise, owners),
          ...transformInputs(model.synthesis, owners),
        };
      });
      if (outputs === undefined) continue; // memory ended: from here on there are fewer at a time
      if (outputs["pixels"] === undefined) throw new InternalError("the synthesis gave no pixels");
      const made = imagesFromTile(outputs["pixels"], width, side, outputs["alpha"]);
      images.push(...made.slice(0, styles.length - start));
    }
    return images;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    get rows() {
      return batches.rows;
    },
    // As many again wait, so that no thread does.
    atOnce: atOnce === 1 ? 1 : 2 * atOnce,
    paint: async (styles, rows = []) => {
      if (atOnce > 1) {
        const painted = await Promise.all(styles.map((s, k) => paint([s], rows.slice(k, k + 1))));
        return painted.flat();
      }
      // One after the other, whoever asks: a judge of attempts paints while a run does.
      const painted = last.then(() => paint(styles, rows));
      last = painted.catch(() => undefined);
      return painted;
    },
    dispose: () => batches.dispose(),
  };
}
