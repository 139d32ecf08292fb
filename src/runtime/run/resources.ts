// What is open while a plan runs: engine, codec and models, and what is opened when it is first asked for, labellers and painters.
// In: a World and a plan. Out: Resources. Invariant: whoever opens them disposes them, whatever happens in between.
import type { TaskProgram } from "../../compiler/build/compile-task.js";
import type { Plan, Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import { InternalError } from "../../source/internal-error.js";
import type { ImageCodec } from "../services/codec.js";
import type { Engine } from "../services/engine.js";
import { keepingExecutables, MOST_KEPT } from "../services/kept-executables.js";
import type { Labeller } from "../services/services.js";
import type { World } from "../services/world.js";
import { shortOfMemory } from "../show/image-batches.js";
import { openPainter, type Painter } from "../show/painter.js";
import type { AskedPictures } from "./asked-pictures.js";

/** Tells something that does not end the run. */
export type Say = (diagnostics: readonly Diagnostic[]) => void;

/** Engine, models and codec have nothing to do with each other: they load together. Errors: LaceError L51xx, L52xx. */
export async function openResources(plan: Plan, world: World, say: Say): Promise<Resources> {
  const [engine, codec, ...models] = await Promise.all([
    openEngine(plan, world),
    world.openCodec(),
    ...plan.models.map((m) => world.loadModel(m)),
  ]);
  return new Resources(world, say, engine, codec, models);
}

/** An engine for a plan: of several tasks, one of which equal graphs are compiled once. */
async function openEngine({ tasks }: Plan, world: World): Promise<Engine> {
  const engine = await world.openEngine();
  if (tasks.length === 1 || engine.keepsExecutables === true) return engine;
  const most = Math.min(MOST_KEPT, world.freeMemory() * KEPT_SHARE);
  return keepingExecutables(engine, (bytes) => world.host.sha256(bytes), most);
}

/** Of the memory that is free when a run begins: what compiled graphs of earlier tasks may take. */
const KEPT_SHARE = 1 / 8;

export class Resources {
  private readonly labellers = new Map<Model, Labeller>();
  /** By model and noise, of a decoder by class too, of a model that is tuned to a photograph by the place of that. */
  private readonly painters = new Map<string, Painter>();

  constructor(
    private readonly world: World,
    private readonly say: Say,
    readonly engine: Engine,
    readonly codec: ImageCodec,
    /** In the plan's order. */
    readonly models: readonly Model[],
  ) {}

  modelOf({ model, name }: Task): Model {
    const found = this.models[model];
    if (found === undefined) throw new InternalError(`task ${name} has no model`);
    return found;
  }

  /** The labeller of a model, if it has one. */
  async labellerOf(model: Model): Promise<Labeller | undefined> {
    const known = this.labellers.get(model);
    if (known !== undefined) return known;
    const opened = await this.world.openLabeller(model);
    if (opened !== undefined) this.labellers.set(model, opened);
    return opened;
  }

  /** The labeller of a model, if it has been opened. */
  openedLabeller(model: Model): Labeller | undefined {
    return this.labellers.get(model);
  }

  /** The painter of a task's model (of one that is tuned: to which photograph). How many pictures it makes at once is settled when the first task asks, by what all of them ask for. */
  painterOf(
    task: Task,
    model: Model,
    { synthesis }: TaskProgram,
    { most, total }: AskedPictures,
    tunedTo: number | undefined,
  ): Painter {
    const key = `${task.model} ${task.noise} ${model.decoder?.class ?? ""} ${tunedTo ?? ""}`;
    const known = this.painters.get(key);
    if (known !== undefined) return known;
    const made = openPainter({
      ...{ model, engine: this.engine, services: this.world, noise: task.noise, count: most, total },
      synthesis,
      onShort: (left) => this.say([shortOfMemory(left)]),
    });
    this.painters.set(key, made);
    return made;
  }

  async dispose(): Promise<void> {
    for (const painter of this.painters.values()) await painter.dispose();
    for (const labeller of this.labellers.values()) await labeller.dispose();
    await this.engine.dispose();
  }
}
