// From latents to files: synthesise a tile, judge it, hand its images to the sinks, let them go.
// Invariants: tiles of SYNTHESIS_ROWS rows, a sample in row index mod rows; no more than one tile of floats is alive; a sample
// that is not finite gives no image.
import type { Executable, Graph } from "../../compiler/graph/graph.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { InternalError } from "../../source/internal-error.js";
import type { RgbImage } from "../image/rgb.js";
import { imagesFromTile } from "../image/rgb.js";
import type { Model } from "../model/model.js";
import { splitColumns } from "./expectations.js";
import type { SampleResult } from "./results.js";
import type { Sink } from "./saves.js";
import type { Labeller } from "./services.js";
import { stopIfAborted } from "./stop.js";

/** Images of one run of the synthesis graph. */
export const SYNTHESIS_ROWS = 1;

/** The synthesis graph with the bytes' output alone. */
export function onlyRgb(graph: Graph): Graph {
  return { ...graph, outputs: graph.outputs.filter((o) => o.name === "rgb") };
}

export interface ImageWork {
  readonly model: Model;
  readonly synthesis: Executable;
  readonly samples: readonly SampleResult[];
  readonly sinks: readonly Sink[];
  /** Judges every image, where there is one. */
  readonly labeller: Labeller | undefined;
  readonly onImage: (done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Makes all images of a task; gives what the labeller saw (undefined for samples without an image). */
export async function makeImages(work: ImageWork): Promise<(HeadOutputs | undefined)[]> {
  const { samples, sinks, labeller, model } = work;
  const seen: (HeadOutputs | undefined)[] = samples.map(() => undefined);
  for (let start = 0; start < samples.length; start += SYNTHESIS_ROWS) {
    stopIfAborted(work.signal);
    const tile = samples.slice(start, start + SYNTHESIS_ROWS);
    const images = await synthesise(tile, model, work.synthesis);
    const present = images.filter((image) => image !== undefined);
    if (labeller !== undefined && present.length > 0) {
      const columns = await labeller.label(present);
      const width = columns.length / present.length;
      let row = 0;
      images.forEach((image, k) => {
        if (image === undefined) return;
        seen[start + k] = splitColumns(columns.subarray(row * width, (row + 1) * width), labeller.attributes);
        row += 1;
      });
    }
    for (const [k, sample] of tile.entries()) {
      for (const sink of sinks) await sink.accept(images[k], sample.index);
    }
    work.onImage(start + tile.length);
  }
  return seen;
}

async function synthesise(
  tile: readonly SampleResult[],
  model: Model,
  synthesis: Executable,
): Promise<(RgbImage | undefined)[]> {
  if (tile.every((s) => s.w.length === 0)) return tile.map(() => undefined);
  const { numWs, wDim, resolution } = model.info;
  const ws = new Float32Array(SYNTHESIS_ROWS * numWs * wDim);
  for (const sample of tile) {
    const row = sample.index % SYNTHESIS_ROWS;
    for (let layer = 0; layer < numWs; layer++) ws.set(sample.w, (row * numWs + layer) * wDim);
  }
  const { rgb } = await synthesis.run({ ws });
  if (rgb === undefined) throw new InternalError("the synthesis gave no rgb");
  const images = imagesFromTile(rgb, resolution, resolution);
  return tile.map((s) => (s.w.length === 0 ? undefined : images[s.index % SYNTHESIS_ROWS]));
}
