// The batches of pictures that an evaluation looks at: those of a task, and unconditional ones.
// In: samples of a task, or a seed. Out: LookBatches of LOOK pictures. Invariant: a batch begins with a multiple of LOOK of its task's pictures, whichever
// part of them is asked for.
import { untruncatedFrom } from "../../compiler/build/compile-task.js";
import type { Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { Cache } from "../../ports/cache.js";
import type { Host } from "../../ports/host.js";
import { stopIfAborted } from "../../ports/stop.js";
import { scopeOf } from "../../runtime/draw/result-cache.js";
import type { SampleResult } from "../../runtime/draw/results.js";
import { stylesOf } from "../../runtime/draw/styles.js";
import type { Engine } from "../../runtime/services/engine.js";
import { identityOf } from "../../runtime/services/labeller-identity.js";
import type { Painter } from "../../runtime/show/painter.js";
import { rowOf } from "../../runtime/show/synthesis-inputs.js";
import type { RowDrawer } from "../label/draw-rows.js";
import { KeptLooks } from "./kept-looks.js";
import type { LookBatch, LookingTools } from "./looking.js";
import { LOOK } from "./seen.js";
import type { Bench } from "./set-measures.js";

/** Seed of the unconditional images: one that scripts do not happen to use. */
export const REFERENCE_SEED = 4_000_000_007;

/** Some pictures of a task, and those of them that have an image. */
export interface TaskBatch {
  readonly batch: readonly SampleResult[];
  readonly alive: readonly SampleResult[];
}

interface PictureOptions {
  /** Whether the picture at that place is shown. */
  readonly isShown: (picture: SampleResult, at: number) => boolean;
  readonly signal: AbortSignal | undefined;
}

/** Pictures of a task, in their order. */
export async function* pictureBatches(
  task: Task,
  pictures: readonly SampleResult[],
  { info }: Pick<Model, "info">,
  { isShown, signal }: PictureOptions,
): AsyncGenerator<LookBatch<TaskBatch>, void> {
  for (let start = 0; start < pictures.length; start += LOOK) {
    stopIfAborted(signal);
    const batch = pictures.slice(start, start + LOOK);
    const alive = batch.filter((p) => p.w.length > 0);
    yield await Promise.resolve({
      of: { batch, alive },
      styles: alive.map((p) => stylesOf(p, info.numWs)),
      rows: alive.map((p) => rowOf(task, p)),
      shown: alive.flatMap((p, k) => (isShown(p, start + batch.indexOf(p)) ? [k] : [])),
    });
  }
}

interface ReferenceRows {
  readonly task: Task;
  /** Its class fixed. */
  readonly model: Model;
  readonly first: number;
  readonly count: number;
  readonly signal: AbortSignal | undefined;
}

/** Unconditional images, drawn as a task is: its class, truncation and noise. */
export async function* referenceBatches(
  drawer: RowDrawer,
  { task, model, first, count, signal }: ReferenceRows,
): AsyncGenerator<LookBatch<undefined>, void> {
  const { wDim, numWs } = model.info;
  const from = untruncatedFrom(task, model);
  const row = (all: Float32Array, i: number): Float32Array => all.subarray(i * wDim, (i + 1) * wDim);
  for (let start = first; start < first + count; start += LOOK) {
    stopIfAborted(signal);
    const size = Math.min(LOOK, first + count - start);
    const { w, mapped } = await drawer.draw(start, size);
    const styles = Array.from({ length: size }, (_, i) => {
      const far = from === undefined ? {} : { far: { from, w: row(mapped, i) } };
      return stylesOf({ w: row(w, i), ...far }, numWs);
    });
    const rows = styles.map((_, i) => ({
      ...{ seed: REFERENCE_SEED, sample: start + i, truncation: task.truncation },
    }));
    yield { of: undefined, styles, rows, shown: [] };
  }
}

/** What looking at pictures of a task takes. */
export function lookingTools(about: {
  readonly bench: Bench;
  readonly painter: Painter;
  readonly task: Task;
  readonly engine: Engine;
  readonly host: Host;
  readonly kept: { readonly cache: Cache } | undefined;
  readonly lacec: string;
}): LookingTools {
  const { bench, painter, task, engine, host, kept, lacec } = about;
  const { labeller, model } = bench;
  const scope = (): string =>
    scopeOf({ lacec, engine }, model.sha256, [], labeller === undefined ? [] : [identityOf(labeller)]);
  return {
    ...{ bench, painter, now: () => host.now() },
    about: { noise: task.noise, class: task.class, cutoff: task.cutoff },
    kept: kept && new KeptLooks(kept.cache, host, scope()),
  };
}
