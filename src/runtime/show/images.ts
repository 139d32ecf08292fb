// From latents to files: synthesise a tile, judge it, hand its images to the sinks, let them go.
// Invariants: no more tiles of images are alive than the painter makes at once; they are handed on in order; a sample that is not finite gives no image.
import type { HeadOutputs, Verdict } from "../../compiler/energy/interpret.js";
import type { RgbImage } from "../image/rgb.js";
import { placementAt, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import { stylesOf } from "../draw/styles.js";
import type { Painter } from "./painter.js";
import type { Previewer } from "./previews.js";
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
  /** Makes small pictures for sinks that show them first. */
  readonly previewer?: Previewer | undefined;
  /** Judges every image, where there is one. */
  readonly labeller: Labeller | undefined;
  /** What it has said of some of them already. */
  readonly known?: ReadonlyMap<SampleResult, HeadOutputs>;
  /** What sinks that show it are told of a picture, and what the labeller saw in it. */
  readonly verdict: (picture: SampleResult, seen: HeadOutputs | undefined) => Verdict | undefined;
  /** Told of what has been seen so far, in order. */
  readonly onImage: (done: number, seen: SeenPictures) => void;
  readonly signal: AbortSignal | undefined;
}

/** What the labeller saw in each picture; undefined where there is no image, or no labeller. */
export type SeenPictures = ReadonlyMap<SampleResult, HeadOutputs | undefined>;

/** Makes the images of a task, some tiles at once where the painter can: they are judged and handed on in order. */
export async function makeImages(work: ImageWork): Promise<SeenPictures> {
  const seen = new Map<SampleResult, HeadOutputs | undefined>();
  const underWay: Painted[] = [];
  const source = work.pictures[Symbol.asyncIterator]();
  let lastMs: number | undefined;
  const takeFirst = async (): Promise<void> => {
    const painted = underWay.shift();
    if (painted === undefined) return;
    await take(painted, seen, work);
    lastMs = performance.now() - painted.begun;
    work.onImage(seen.size, seen);
  };
  try {
    for (;;) {
      const asked = asking(source);
      // While the next pictures are drawn, those that are there are handed on.
      while (underWay.length > 0 && !asked.isThere()) await takeFirst();
      const next = await asked.answer;
      if (next.done === true) break;
      const previews = new Previews(next.value, work);
      for (let start = 0; start < next.value.length;) {
        stopIfAborted(work.signal);
        await previews.ahead(start, lastMs);
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

/** How long small pictures may be made before the first whole one, in milliseconds. */
const FIRST_MS = 50;
/** No more small pictures than this are ahead of the whole ones: nobody looks further. */
const MOST_AHEAD = 64;

/**
 * Shows pictures of a portion small that are to come: before each whole one, for as long as that takes, and at least one. So the first whole one is not kept
 * waiting, and of a slow generator all are soon to be seen.
 */
class Previews {
  private next = 0;

  constructor(
    private readonly pictures: readonly SampleResult[],
    private readonly work: ImageWork,
  ) {}

  /** Before the whole picture at `place`, of which the one before took `ms`. */
  async ahead(place: number, ms: number | undefined): Promise<void> {
    const { sinks, previewer, model, signal } = this.work;
    const watching = sinks.filter((s) => s.preview !== undefined);
    if (previewer === undefined || watching.length === 0) return;
    const end = performance.now() + (ms ?? FIRST_MS);
    this.next = Math.max(this.next, place);
    for (; this.next < Math.min(this.pictures.length, place + MOST_AHEAD); this.next++) {
      const picture = this.pictures[this.next];
      if (picture === undefined || !watching.some((s) => s.wants(picture)) || (await this.isThere(picture))) continue;
      stopIfAborted(signal);
      const small = await previewer.paint(stylesOf(picture, model.info.numWs));
      for (const sink of watching) if (sink.wants(picture)) await sink.preview?.(small, picture);
      if (performance.now() < end) continue;
      this.next += 1;
      return;
    }
  }

  /** Whether there is nothing to make: a sample that failed, a picture that is kept from an earlier run. */
  private async isThere(picture: SampleResult): Promise<boolean> {
    const { model, task, resultCache } = this.work;
    if (picture.w.length === 0) return true;
    const key = await resultCache?.key(imageAbout(model, task, picture), stylesOf(picture, model.info.numWs));
    return key !== undefined && (await resultCache?.recallImage(key)) !== undefined;
  }
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
  /** When, in milliseconds. */
  readonly begun: number;
}

function paint(tile: readonly SampleResult[], work: ImageWork): Painted {
  const begun = performance.now();
  const images = recallOrSynthesise(tile, work);
  images.catch(() => undefined); // told when its turn comes
  return { tile, images, begun };
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
