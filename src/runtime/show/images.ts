// From latents to files: synthesise a tile, judge it, hand its images to the sinks, let them go.
// Invariants: no more than one tile of floats is alive; a tile that memory does not reach for is made again in smaller ones; a sample
// that is not finite gives no image.
import type { HeadOutputs, Verdict } from "../../compiler/energy/interpret.js";
import { InternalError } from "../../source/internal-error.js";
import type { RgbImage } from "../image/rgb.js";
import { imagesFromTile } from "../image/rgb.js";
import type { Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { stylesOf } from "../draw/styles.js";
import { noiseInputs, type TileRows } from "./synthesis-inputs.js";
import type { Batches } from "./image-batches.js";
import { outputsOf } from "../draw/columns.js";
import type { Memory } from "../draw/result-cache.js";
import type { SampleResult } from "../draw/results.js";
import type { Sink } from "./saves.js";
import type { Labeller } from "../services/services.js";
import { translate } from "../services/translation.js";
import { stopIfAborted } from "../../ports/stop.js";

/** Images of one run of the synthesis graph where nothing is gained by more. */
export const SYNTHESIS_ROWS = 1;

export interface ImageWork {
  readonly model: Model;
  readonly synthesis: Batches;
  readonly memory: Memory | undefined;
  /** What the synthesis was built for. */
  readonly task: Pick<Task, "noise">;
  /** What to show, in order. */
  readonly pictures: readonly SampleResult[];
  readonly sinks: readonly Sink[];
  /** Judges every image, where there is one. */
  readonly labeller: Labeller | undefined;
  /** What it has said of some of them already. */
  readonly known?: ReadonlyMap<SampleResult, HeadOutputs>;
  /** What sinks that show it are told of a picture, and what the labeller saw in it. */
  readonly verdict: (picture: SampleResult, seen: HeadOutputs | undefined) => Verdict | undefined;
  readonly onImage: (done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Makes the images of a task; gives what the labeller saw in each, by index in the model's table (undefined where there is no image). */
export async function makeImages(work: ImageWork): Promise<(HeadOutputs | undefined)[]> {
  const { pictures, sinks, labeller } = work;
  const seen: (HeadOutputs | undefined)[] = pictures.map(() => undefined);
  const translation = translate(labeller?.attributes ?? [], work.model.info.attributes);
  for (let start = 0; start < pictures.length;) {
    stopIfAborted(work.signal);
    const tile = pictures.slice(start, start + work.synthesis.rows);
    const images = await recallOrSynthesise(tile, work);
    if (images === undefined) continue;
    tile.forEach((picture, k) => (seen[start + k] = work.known?.get(picture)));
    const isNew = (k: number): boolean => images[k] !== undefined && seen[start + k] === undefined;
    const present = images.filter((image, k): image is RgbImage => image !== undefined && isNew(k));
    if (labeller !== undefined && present.length > 0) {
      const outputs = outputsOf(await labeller.label(present), present.length, labeller.attributes).map((o) =>
        translation.outputs(o),
      );
      let row = 0;
      images.forEach((_, k) => {
        if (isNew(k)) seen[start + k] = outputs[row++];
      });
    }
    for (const [k, picture] of tile.entries()) {
      const verdict = work.verdict(picture, seen[start + k]);
      for (const sink of sinks) if (sink.wants(picture)) await sink.accept(images[k], picture, verdict);
    }
    start += tile.length;
    work.onImage(start);
  }
  return seen;
}

/** The images of a tile: if all are known, nothing is computed. Undefined if memory ended, and the next tile is to be smaller. */
async function recallOrSynthesise(
  tile: readonly SampleResult[],
  work: ImageWork,
): Promise<(RgbImage | undefined)[] | undefined> {
  const { model, memory, task } = work;
  if (tile.every((s) => s.w.length === 0)) return tile.map(() => undefined);
  if (memory === undefined) return synthesise(tile, work);
  const keys = await Promise.all(
    tile.map(async (s) => {
      return s.w.length === 0 ? "" : await memory.key(imageAbout(task, s), stylesOf(s, model.info.numWs));
    }),
  );
  const known = await Promise.all(keys.map(async (key) => (key === "" ? undefined : await memory.recallImage(key))));
  if (tile.every((s, k) => s.w.length === 0 || known[k] !== undefined)) return known;
  const made = await synthesise(tile, work);
  for (const [k, image] of made?.entries() ?? []) if (image !== undefined) await memory.keepImage(keys[k] ?? "", image);
  return made;
}

/** All that determines an image, besides the model and its styles. */
function imageAbout({ noise }: ImageWork["task"], { seed, origin }: SampleResult): object {
  return {
    kind: "image",
    noise: noise === "random" ? [noise, seed, origin] : noise,
  };
}

async function synthesise(
  tile: readonly SampleResult[],
  { model, synthesis, task }: ImageWork,
): Promise<(RgbImage | undefined)[] | undefined> {
  const { numWs, wDim, resolution } = model.info;
  const outputs = await synthesis.run((height) => {
    const ws = new Float32Array(height * numWs * wDim);
    const rows = new Array<TileRows[number]>(height).fill(undefined);
    for (const [row, picture] of tile.entries()) {
      rows[row] = { seed: picture.seed, sample: picture.origin };
      if (picture.w.length > 0) ws.set(stylesOf(picture, numWs), row * numWs * wDim);
    }
    return { ws, ...noiseInputs(model.synthesis, task.noise, rows) };
  });
  if (outputs === undefined) return undefined;
  const { pixels } = outputs;
  if (pixels === undefined) throw new InternalError("the synthesis gave no pixels");
  const images = imagesFromTile(pixels, resolution, resolution);
  return tile.map((s, row) => (s.w.length === 0 ? undefined : images[row]));
}
