// From latents to files: synthesise a tile, judge it, hand its images to the sinks, let them go.
// Invariants: tiles of SYNTHESIS_ROWS rows; no more than one tile of floats is alive; a sample that is not finite gives no image.
import type { Executable, Graph } from "../../compiler/graph/graph.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { InternalError } from "../../source/internal-error.js";
import type { RgbImage } from "../image/rgb.js";
import { imagesFromTile } from "../image/rgb.js";
import type { NoiseMode, Task } from "../../compiler/plan.js";
import type { Model } from "../model/model.js";
import { repeatStyles } from "../model/stylegan2.js";
import { noiseInputs, type TileRows } from "./rendering.js";
import { splitColumns } from "./expectations.js";
import type { Memory } from "./memory.js";
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
  /** Asked for when an image is not known already. */
  readonly synthesis: () => Promise<Executable>;
  readonly memory: Memory | undefined;
  /** What the synthesis was built for. */
  readonly task: Pick<Task, "noise" | "cutoff" | "truncation">;
  /** What to show, in order. */
  readonly pictures: readonly SampleResult[];
  readonly sinks: readonly Sink[];
  /** Judges every image, where there is one. */
  readonly labeller: Labeller | undefined;
  readonly onImage: (done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Makes the images of a task; gives what the labeller saw in each (undefined where there is no image). */
export async function makeImages(work: ImageWork): Promise<(HeadOutputs | undefined)[]> {
  const { pictures, sinks, labeller } = work;
  const seen: (HeadOutputs | undefined)[] = pictures.map(() => undefined);
  for (let start = 0; start < pictures.length; start += SYNTHESIS_ROWS) {
    stopIfAborted(work.signal);
    const tile = pictures.slice(start, start + SYNTHESIS_ROWS);
    const images = await recallOrSynthesise(tile, work);
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
    for (const [k, picture] of tile.entries()) {
      for (const sink of sinks) if (sink.wants(picture)) await sink.accept(images[k], picture);
    }
    work.onImage(start + tile.length);
  }
  return seen;
}

/** The images of a tile: if all are known, nothing is computed. */
async function recallOrSynthesise(
  tile: readonly SampleResult[],
  { model, memory, synthesis, task }: ImageWork,
): Promise<(RgbImage | undefined)[]> {
  if (tile.every((s) => s.w.length === 0)) return tile.map(() => undefined);
  if (memory === undefined) return synthesise(tile, model, await synthesis(), task.noise);
  const keys = await Promise.all(
    tile.map(async (s) => {
      return s.w.length === 0 ? "" : await memory.key(imageAbout(task, s), stylesOf(s, model.info.numWs));
    }),
  );
  const known = await Promise.all(keys.map(async (key) => (key === "" ? undefined : await memory.recallImage(key))));
  if (tile.every((s, k) => s.w.length === 0 || known[k] !== undefined)) return known;
  const made = await synthesise(tile, model, await synthesis(), task.noise);
  for (const [k, image] of made.entries()) if (image !== undefined) await memory.keepImage(keys[k] ?? "", image);
  return made;
}

/** All that determines an image, besides the model and its styles. */
function imageAbout({ noise, cutoff, truncation }: ImageWork["task"], { seed, origin }: SampleResult): object {
  return {
    kind: "image",
    noise: noise === "random" ? [noise, seed, origin] : noise,
    cutoff: cutoff === undefined ? null : [cutoff, truncation],
  };
}

async function synthesise(
  tile: readonly SampleResult[],
  model: Model,
  synthesis: Executable,
  noise: NoiseMode,
): Promise<(RgbImage | undefined)[]> {
  const { numWs, wDim, resolution } = model.info;
  const ws = new Float32Array(SYNTHESIS_ROWS * numWs * wDim);
  const rows = new Array<TileRows[number]>(SYNTHESIS_ROWS).fill(undefined);
  for (const [row, picture] of tile.entries()) {
    rows[row] = { seed: picture.seed, sample: picture.origin };
    if (picture.w.length > 0) ws.set(stylesOf(picture, numWs), row * numWs * wDim);
  }
  const { rgb } = await synthesis.run({ ws, ...noiseInputs(model.synthesis, noise, rows) });
  if (rgb === undefined) throw new InternalError("the synthesis gave no rgb");
  const images = imagesFromTile(rgb, resolution, resolution);
  return tile.map((s, row) => (s.w.length === 0 ? undefined : images[row]));
}

/** The styles that a picture is made from, [numWs, wDim]. */
export function stylesOf({ w, ws }: SampleResult, numWs: number): Float32Array {
  return ws ?? repeatStyles(w, 1, numWs);
}
