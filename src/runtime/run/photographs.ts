// The photographs of a run: each is opened and looked for once, whoever asks; and the models that are tuned to them.
// In: a plan and what is open. Out: by the place of a task what is found of the photograph that it is of; the model that it draws with.
// Invariant: nothing is opened before a task asks.
import { withPatch } from "../../compiler/build/patch.js";
import { sourceOf, startOf, type PhotoStart, type Plan, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { PhaseClock } from "../../ports/events.js";
import { InternalError } from "../../source/internal-error.js";
import { findPhotograph, type FoundPhotograph, type Photograph } from "../draw/photograph.js";
import type { ResultCache } from "../draw/result-cache.js";
import { likenessText, type Likeness } from "../draw/results.js";
import type { World } from "../services/world.js";
import { modelForClass } from "../show/synthesis-inputs.js";
import { openPhotograph } from "./open-photograph.js";
import { seenInPhotograph } from "./photo-attributes.js";
import type { Provenance } from "./provenance.js";
import type { Resources } from "./resources.js";

interface Around {
  readonly plan: Plan;
  readonly world: World;
  readonly resources: Resources;
  readonly provenance: Pick<Provenance, "resultCaches">;
  readonly signal: AbortSignal | undefined;
}

/** What tunes a model to a photograph, and what is kept of a model that is. */
export interface TunedModel {
  /** The place of the photograph's task. */
  readonly to: number;
  readonly likeness: Likeness;
  readonly resultCache: ResultCache | undefined;
  tune(model: Model): Model;
}

export class Photographs {
  private readonly opened = new Map<number, Promise<Photograph>>();
  private readonly found = new Map<number, Promise<FoundPhotograph>>();
  private readonly tunings = new Map<number, Promise<TunedModel>>();

  constructor(private readonly around: Around) {}

  /** The photograph of a task that starts from one, at the size of the model's pictures. Errors: those of openPhotograph. */
  picture(index: number): Promise<Photograph> {
    return once(this.opened, index, async () => {
      const { task, loaded } = this.own(index);
      const { world, resources } = this.around;
      const { codec } = resources;
      const opened = await openPhotograph(photoOf(task), { model: modelForClass(loaded, task.class), world, codec });
      const seen = await seenInPhotograph(opened.picture, loaded, world);
      return { ...opened, ...(seen && { seen }) };
    });
  }

  /** What is found of it. Errors: those of findPhotograph and openPhotograph. */
  of(index: number): Promise<FoundPhotograph> {
    return once(this.found, index, async () => {
      const { task, loaded } = this.own(index);
      const { resources, provenance, signal } = this.around;
      return findPhotograph(photoOf(task), task, await this.picture(index), {
        ...{ model: modelForClass(loaded, task.class), engine: resources.engine, signal },
        resultCache: provenance.resultCaches.get(loaded),
      });
    });
  }

  /** The place of the photograph that the model of a task is tuned to; undefined: it draws with the model as it is. */
  private tunedTo(index: number): number | undefined {
    const { plan } = this.around;
    const task = plan.tasks[index] ?? missing(index);
    const start = startOf(task);
    if (start?.kind === "photo") return start.tune === 0 ? undefined : index;
    const source = sourceOf(task);
    return source === undefined ? undefined : this.tunedTo(source.task);
  }

  /** What tunes the model of a task that is of a photograph; undefined: it draws with the model as it is. Errors: as `of`. */
  async tunedFor(index: number, clock: PhaseClock): Promise<TunedModel | undefined> {
    const to = this.tunedTo(index);
    if (to === undefined) return undefined;
    if (this.tunings.has(to)) return this.tuned(to);
    const { task } = this.own(to);
    return clock.run(
      "tune",
      { task: task.name },
      () => this.tuned(to),
      ({ likeness }) => likenessText(likeness),
    );
  }

  /** What tunes a model to the photograph at a place. Errors: as `of`. */
  private tuned(to: number): Promise<TunedModel> {
    return once(this.tunings, to, async () => {
      const { loaded } = this.own(to);
      const { patch, likeness } = await this.of(to);
      if (patch === undefined || loaded.synthesis === undefined)
        throw new InternalError(`the photograph at ${to} has no patch`);
      const synthesis = withPatch(loaded.synthesis, patch);
      const cache = this.around.provenance.resultCaches.get(loaded);
      const resultCache = cache?.within(await cache.key({ kind: "tuned" }, patch));
      const tune = (model: Model): Model => (model.synthesis === undefined ? model : { ...model, synthesis });
      return { to, likeness, resultCache, tune };
    });
  }

  private own(index: number): { readonly task: Task; readonly loaded: Model } {
    const task = this.around.plan.tasks[index] ?? missing(index);
    return { task, loaded: this.around.resources.modelOf(task) };
  }
}

function photoOf(task: Task): PhotoStart {
  const start = startOf(task);
  if (start?.kind !== "photo") throw new InternalError(`${task.name} is no photograph`);
  return start;
}

function once<T>(known: Map<number, Promise<T>>, index: number, make: () => Promise<T>): Promise<T> {
  const made = known.get(index) ?? make();
  known.set(index, made);
  return made;
}

function missing(index: number): never {
  throw new InternalError(`there is no task ${index}`);
}
