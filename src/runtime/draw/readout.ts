// What a task's samples are in the terms of its model: w, and what every head says there.
// In: where the solves ended. Out: one row each. Invariants: run in the same fixed tiles as the gradient (a sample sits in row
// lane mod rows), so that no bit depends on the batch; rows of samples that failed are not asked for.
import type { Executable } from "../../compiler/graph/graph.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { InternalError } from "../../source/internal-error.js";
import type { Model } from "../../models/model.js";
import { splitColumns } from "./columns.js";

export interface ReadoutRow {
  readonly w: Float32Array;
  readonly heads: HeadOutputs;
}

/**
 * Reads samples out with a compiled read-out (compileReadout).
 *
 * Shapes   z [lanes.length, zDim]; `wanted` [lanes.length] -> one row each, undefined where it was not wanted.
 */
export async function readOut(
  executable: Executable,
  model: Model,
  options: {
    readonly rows: number;
    readonly z: Float64Array;
    /** Where in the tiles each sample sits, counted through all tiles. */
    readonly lanes: readonly number[];
    readonly wanted: readonly boolean[];
  },
): Promise<(ReadoutRow | undefined)[]> {
  const { rows, z, lanes, wanted } = options;
  const { zDim, wDim, attributes } = model.info;
  const tiles = new Map<number, number[]>();
  lanes.forEach((lane, position) => {
    if (wanted[position] !== true) return;
    const tile = Math.floor(lane / rows);
    tiles.set(tile, [...(tiles.get(tile) ?? []), position]);
  });
  const result: (ReadoutRow | undefined)[] = lanes.map(() => undefined);
  for (const positions of tiles.values()) {
    const input = new Float32Array(rows * zDim);
    const rowOf = (position: number): number => (lanes[position] ?? 0) % rows;
    for (const p of positions) input.set(z.subarray(p * zDim, (p + 1) * zDim), rowOf(p) * zDim);
    const { w, logits = new Float32Array(0) } = await executable.run({ z: input });
    if (w === undefined) throw new InternalError("the readout gave no w");
    const width = logits.length / rows;
    for (const p of positions) {
      const row = rowOf(p);
      const columns = logits.subarray(row * width, (row + 1) * width);
      result[p] = { w: w.slice(row * wDim, (row + 1) * wDim), heads: splitColumns(columns, attributes) };
    }
  }
  return result;
}
