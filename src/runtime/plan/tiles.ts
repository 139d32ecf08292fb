// Tiles: how many samples one run of a compiled gradient takes, and whether a sample depends on its batch mates.
// In: a task. Out: numbers and answers. Invariant: a sample's bits depend on its row in a tile and on nothing else of the batch, but with `control batch`.
import type { Task } from "../../compiler/plan.js";

/** Rows of the gradient's tile. */
export const ENERGY_ROWS = 16;

/** Rows of the higher tile that many samples are drawn in where its bits prove to be the same (draw/wide-tiles.ts): on the host, and on a device. */
export const WIDE_ROWS = { host: 128, device: 256 } as const;

/** Tiles of samples that are drawn together: where a sample of one has ended, that row of the tile goes to a sample of the next. */
const TILES_TOGETHER = 16;

/** Most samples that are drawn together in tiles of `rows`: a device takes so many of its higher tiles. */
export function samplesTogether(steps: "host" | "device", rows: number): number {
  return TILES_TOGETHER * (steps === "device" ? Math.max(rows, WIDE_ROWS.device) : rows);
}

/** Whether a sample of the task depends on the others that are drawn with it. */
export function dependsOnBatch(task: Task): boolean {
  return task.sampler.kind === "ode" && task.sampler.control === "batch";
}
