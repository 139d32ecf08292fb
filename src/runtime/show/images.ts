// From latents to files: synthesise a tile, judge it, hand its images to the sinks, let them go.
// Invariants: no more tiles of images are alive than the painter makes at once; they are handed on in order; a sample that is not finite gives no image.
import type { HeadOutputs, Verdict } from "../../compiler/energy/interpret.js";
import type { RgbImage } from "../image/rgb.js";
import { placementAt, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { stylesOf } from "../draw/styles.js";
import type { Painter } from "./painter.js";
import { rowOf } from "./synthesis-inputs.js";
import { outputsOf } from "../draw/columns.js";
import type { ResultCache } from "../draw/result-cache.js";
import type { SampleResult } from "../draw/results.js";
import type { Sink } from "./saves.js";
import type { Labeller } from "../services/services.js";
import { translate } from "../services/translation.js";
import { stopIfAborted } from "../../ports/stop.js";

export interface ImageWork {
  readonly model: Model;
  readonly painter: Painter;
  readonly resultCache: ResultCache | undefined;
  /** What the synthesis was built for. */
  readonly task: Task;
  /** What to show, in order, as it comes. */
  readonly pictures: AsyncIterable<readonly SampleResult[]>;
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

/** What the labeller saw in each picture; undefined where there is no image, or no labeller. */
export type SeenPictures = ReadonlyMap<SampleResult, HeadOutputs | undefined>;

/** Makes the images of a task, some tiles at once where the painter can: they are judged and handed on in order. */
export async function makeImages(work: ImageWork): Promise<SeenPictures> {
  const seen = new Map<SampleResult, HeadOutputs | undefined>();
  const underWay: Painted[] = [];
  const source = work.pictures[Symbol.asyncIterator]();
  const takeFirst = async (): Promise<void> => {
    const painted = underWay.shift();
    if (painted === undefined) return;
    await take(painted, seen, work);
    work.onImage(seen.size);
  };
  try {
    for (;;) {
      const asked = asking(source);
      // While the next pictures are drawn, those that are there are handed on.
      while (underWay.length > 0 && !asked.isThere()) await takeFirst();
      const next = await asked.answer;
      if (next.done === true) break;
      for (let start = 0; start < next.value.length;) {
        stopIfAborted(work.signal);
        if (underWay.length >= work.painter.atOnce) await takeFirst();
        const tile = next.value.slice(start, start + work.painter.rows);
        underWay.push(paint(tile, work));
        if (work.painter.atOnce === 1) await takeFirst();
        start += tile.length;
      }
    }
    while (underWay.length > 0) await takeFirst();
  } finally {
    await Promise.allSettled(underWay.map((u) => u.images));
  }
  return seen;
}

/** Pictures that are all there. */
export async function* allOf(pictures: readonly SampleResult[]): AsyncGenerator<readonly SampleResult[], void> {
  yield await Promise.resolve(pictures);
}

interface Asked<T> {
  readonly answer: Promise<T>;
  isThere(): boolean;
}

function asking<T>(source: AsyncIterator<T>): Asked<IteratorResult<T>> {
  let there = false;
  const answer = source.next();
  const mark = (): void => void (there = true);
  answer.then(mark, mark);
  return { answer, isThere: () => there };
}

/** A tile whose images are being made. */
interface Painted {
  readonly tile: readonly SampleResult[];
  readonly images: Promise<(RgbImage | undefined)[]>;
}

function paint(tile: readonly SampleResult[], work: ImageWork): Painted {
  const images = recallOrSynthesise(tile, work);
  images.catch(() => undefined); // told when its turn comes
  return { tile, images };
}

/** Judges the images of a tile, and hands them on. */
async function take(
  { tile, images: painting }: Painted,
  seen: Map<SampleResult, HeadOutputs | undefined>,
  { labeller, model, known, sinks, verdict }: ImageWork,
): Promise<void> {
  const images = await painting;
  const looks = tile.map((picture) => known?.get(picture));
  const isNew = (k: number): boolean => images[k] !== undefined && looks[k] === undefined;
  const present = images.filter((image, k): image is RgbImage => image !== undefined && isNew(k));
  if (labeller !== undefined && present.length > 0) {
    const translation = translate(labeller.attributes, model.info.attributes);
    const outputs = outputsOf(await labeller.label(present), present.length, labeller.attributes).map((o) =>
      translation.outputs(o),
    );
    let row = 0;
    images.forEach((_, k) => {
      if (isNew(k)) looks[k] = outputs[row++];
    });
  }
  for (const [k, picture] of tile.entries()) {
    seen.set(picture, looks[k]);
    for (const sink of sinks)
      if (sink.wants(picture)) await sink.accept(images[k], picture, verdict(picture, looks[k]));
  }
}

/** The images of a tile: if all are known, nothing is computed; undefined where a sample failed. */
async function recallOrSynthesise(tile: readonly SampleResult[], work: ImageWork): Promise<(RgbImage | undefined)[]> {
  const { model, resultCache, task } = work;
  if (tile.every((s) => s.w.length === 0)) return tile.map(() => undefined);
  if (resultCache === undefined) return synthesise(tile, work);
  const keys = await Promise.all(
    tile.map(async (s) => {
      return s.w.length === 0 ? "" : await resultCache.key(imageAbout(model, task, s), stylesOf(s, model.info.numWs));
    }),
  );
  const known = await Promise.all(
    keys.map(async (key) => (key === "" ? undefined : await resultCache.recallImage(key))),
  );
  if (tile.every((s, k) => s.w.length === 0 || known[k] !== undefined)) return known;
  const made = await synthesise(tile, work);
  for (const [k, image] of made.entries()) if (image !== undefined) await resultCache.keepImage(keys[k] ?? "", image);
  return made;
}

/** All that determines an image, besides the model and its styles. */
function imageAbout({ decoder }: Model, task: Task, { seed, origin, part }: SampleResult): object {
  const { noise, truncation } = task;
  const placement = placementAt(task, part);
  return {
    kind: "image",
    noise: noise === "random" ? [noise, seed, origin] : noise,
    ...(placement && { placement }),
    // Of a StyleGAN both are in its styles.
    ...(decoder?.inputs && { asked: [task.class, truncation] }),
  };
}

async function synthesise(
  tile: readonly SampleResult[],
  { model, painter, task }: ImageWork,
): Promise<(RgbImage | undefined)[]> {
  const alive = tile.filter((s) => s.w.length > 0);
  const images = await painter.paint(
    alive.map((s) => stylesOf(s, model.info.numWs)),
    alive.map((s) => rowOf(task, s)),
  );
  return tile.map((s) => (s.w.length === 0 ? undefined : images[alive.indexOf(s)]));
}
