// Tiles: how many samples one run of a compiled gradient takes, and whether a sample depends on its batch mates.
// In: a task. Out: numbers and answers. Invariant: a sample's bits depend on its row in a tile and on nothing else of the batch, but with `control batch`.
import type { Task } from "../../compiler/plan.js";

/** Rows of the gradient's tile. */
export const ENERGY_ROWS = 16;

/** Tiles of samples that are drawn together: where a sample of one has ended, that row of the tile goes to a sample of the next. */
export const TILES_TOGETHER = 16;

/** Whether a sample of the task depends on the others that are drawn with it. */
export function dependsOnBatch(task: Task): boolean {
  return task.sampler.kind === "ode" && task.sampler.control === "batch";
}
