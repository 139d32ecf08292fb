// How long runs take on one engine, learnt from those that it has made: what a page expects of the next one.
// In: plans and the results of their runs. Out: seconds. Invariants: what came out of a cache teaches nothing; a model, or a way of drawing, that was never met has no pace; time goes by
// tiles of the solve, of which one that is not full takes as long as one that is, and by pictures.
import type { Plan, Save, Task } from "../../compiler/plan.js";
import type { Cache } from "../../ports/cache.js";
import { triesAgain } from "../../runtime/draw/judges.js";
import type { TaskResult } from "../../runtime/draw/results.js";
import { planFilm } from "../../runtime/plan/film.js";
import { partsOf, rowsOf } from "../../runtime/plan/places.js";
import { ENERGY_ROWS } from "../../runtime/plan/tiles.js";

interface Pace {
  /** Seconds of a tile's solve, and of a picture. */
  readonly tile: number;
  readonly picture: number;
}

/** Measured paces, by what they depend on most. */
export class Paces {
  private readonly known = new Map<string, Pace>();

  /** Learns from a run that took nothing out of a cache. `rows` of each task were drawn; default: all. */
  learn(plan: Plan, results: readonly TaskResult[], rows: (task: Task) => number = rowsOf): void {
    for (const { task, seconds } of results) {
      const [sample, synthesise] = [seconds.get("sample") ?? 0, seconds.get("synthesise") ?? 0];
      const pictures = picturesOf(plan, task, rows(task));
      const before = this.known.get(keyOf(plan, task));
      this.known.set(keyOf(plan, task), {
        tile: sample / tilesOf(task, rows(task)),
        picture: pictures === 0 ? (before?.picture ?? 0) : synthesise / pictures,
      });
    }
  }

  /** Seconds that a run of a plan takes, about; undefined if it has a task of a kind that was never met. */
  expected(plan: Plan): number | undefined {
    const all = plan.tasks.map((task) => {
      const pace = this.known.get(keyOf(plan, task));
      return pace && pace.tile * tilesOf(task, rowsOf(task)) + pace.picture * picturesOf(plan, task, rowsOf(task));
    });
    return all.reduce<number | undefined>(
      (sum, seconds) => (sum === undefined || seconds === undefined ? undefined : sum + seconds),
      0,
    );
  }
}

/** The model, what looks at its pictures, and how the task is drawn. */
function keyOf({ models }: Plan, task: Task): string {
  const { reference, heads = [] } = models[task.model] ?? {};
  const { kind } = task.sampler;
  const solver = task.sampler.kind === "ode" ? task.sampler.solver : "";
  const accept = triesAgain(task) ? task.accept.by : "";
  return JSON.stringify([task.kind === "edit", reference, heads.map((h) => h.on), kind, solver, accept]);
}

function tilesOf(task: Task, rows: number): number {
  return task.kind === "edit" ? rows * partsOf(task) : Math.ceil((rows * partsOf(task)) / ENERGY_ROWS);
}

/** Pictures of so many rows: each part, and the frames of films. */
function picturesOf({ tasks, saves }: Plan, task: Task, rows: number): number {
  const parts = partsOf(task) + (task.kind === "edit" ? 1 : 0);
  const films = saves.filter((s) => s.tasks.includes(tasks.indexOf(task))).map((save) => framesOf(task, save));
  return rows * Math.max(parts, ...films);
}

function framesOf(task: Task, { form }: Save): number {
  return form.kind === "animation" ? planFilm(task, form, { width: 1, height: 1 }).frames : 0;
}

/** A cache that counts what it had. */
export function countingCache(cache: Cache): { readonly cache: Cache; readonly count: { hits: number } } {
  const count = { hits: 0 };
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    const found = await cache.get(key);
    if (found !== undefined) count.hits += 1;
    return found;
  };
  const counting: Cache = {
    get,
    put: (key, bytes) => cache.put(key, bytes),
    close: () => cache.close(),
    get trouble() {
      return cache.trouble;
    },
  };
  return { cache: counting, count };
}
