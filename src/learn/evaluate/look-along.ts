// The pictures of a task, looked at while it is drawn: a portion of its samples at a time.
// In: portions in the order of their rows. Out: what the judge saw in each picture, those that a report shows.
// Invariant: batches are those of all its pictures, whatever the portions: what does not fill one waits for the next.
import type { Task } from "../../compiler/plan.js";
import type { PartsClock, PhaseClock } from "../../ports/events.js";
import type { Portion } from "../../runtime/draw/draw.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { placesOf, rowsOf, type Place } from "../../runtime/plan/places.js";
import { pictureBatches } from "./look-batches.js";
import { lookThrough, type LookingTools } from "./looking.js";
import { LOOK, type Seen } from "./seen.js";
import type { Bench } from "./set-measures.js";

/** Pictures of a set that a report shows. */
const SHOWN = 16;

export interface LookAlongOptions {
  readonly task: Task;
  readonly model: Bench["model"];
  readonly tools: LookingTools;
  readonly clock: PhaseClock;
  readonly signal: AbortSignal | undefined;
}

export class LookAlong {
  /** Pictures of a row. */
  readonly columns: number;
  /** Those that a report shows, in order. */
  readonly shown: (RgbImage | undefined)[] = [];
  /** Seconds that making the pictures took. */
  painting = 0;
  private readonly looked = new Map<string, Seen>();
  private readonly waiting: SampleResult[] = [];
  private done = 0;
  private readonly total: number;
  private readonly clock: PartsClock;

  constructor(private readonly options: LookAlongOptions) {
    const { task, clock } = options;
    this.columns = placesOf(task, [0], []).length;
    this.total = this.columns * rowsOf(task);
    this.clock = clock.inParts(new Map([[task.name, this.total]]));
  }

  /** The next rows of the task. Errors: those of the painter and the judge. */
  async add({ samples, before = [] }: Pick<Portion, "samples" | "before">): Promise<void> {
    const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
    this.waiting.push(...pictures);
    await this.look(this.waiting.splice(0, Math.floor(this.waiting.length / LOOK) * LOOK));
  }

  /** All rows are there: looks at the rest. Gives what was seen in each of the task's results. */
  async finish(pictures: readonly SampleResult[]): Promise<ReadonlyMap<SampleResult, Seen>> {
    await this.look(this.waiting.splice(0));
    this.clock.finish();
    return new Map(
      pictures.flatMap((p) => {
        const seen = this.looked.get(placeName(p));
        return seen === undefined ? [] : [[p, seen] as const];
      }),
    );
  }

  private async look(pictures: readonly SampleResult[]): Promise<void> {
    if (pictures.length === 0) return;
    const { task, model, tools, signal } = this.options;
    const first = this.done;
    const isShown = (p: SampleResult, at: number): boolean =>
      this.columns > 1 ? p.index < SHOWN / 2 : first + at < SHOWN;
    await this.clock.run("synthesise", { task: task.name, total: pictures.length }, async () => {
      for await (const looked of lookThrough(pictureBatches(task, pictures, model, { isShown, signal }), tools)) {
        const { batch, alive } = looked.of;
        looked.seen.forEach((look, k) => {
          const p = alive[k];
          if (p !== undefined) this.looked.set(placeName(p), look);
        });
        batch.forEach((p, k) => {
          if (isShown(p, this.done - first + k)) this.shown.push(looked.images[alive.indexOf(p)]);
        });
        this.painting += looked.painting;
        this.done += batch.length;
        this.clock.progress("synthesise", task.name, this.done - first, pictures.length);
      }
    });
  }
}

function placeName({ index, part }: Place): string {
  return `${index} ${part}`;
}
