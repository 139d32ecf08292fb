// What a task's samples are in the terms of its model: w, and what every head says there.
// In: where the solves ended. Out: one row each. Invariants: run in the same fixed tiles as the gradient (a sample sits in row
// lane mod rows), so that no bit depends on the batch; rows of samples that failed are not asked for.
import type { Executable } from "../../compiler/graph/graph.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import { SHIFT } from "../../compiler/build/gradient.js";
import type { TaskProgram } from "../../compiler/build/compile-task.js";
import { compileProgramGraph, type Engine } from "../services/engine.js";
import { InternalError } from "../../source/internal-error.js";
import type { Model } from "../../models/model.js";
import { splitColumns } from "./columns.js";

export interface ReadoutRow {
  readonly w: Float32Array;
  readonly heads: HeadOutputs;
  /** Where a cutoff leaves layers untruncated. */
  readonly far?: { readonly from: number; readonly w: Float32Array };
}

/** The compiled read-outs of a task. Outputs `w`, `logits` and, where a cutoff asks for it, `untruncated`. The caller disposes it. */
export async function openReadout({ readout, far }: TaskProgram, engine: Engine): Promise<Executable> {
  const own = await compileProgramGraph(engine, readout);
  if (far === undefined) return own;
  const mapping = await compileProgramGraph(engine, far.readout);
  return {
    run: async (inputs) => {
      const read = await own.run(inputs);
      const { w: untruncated } = await mapping.run(inputs);
      if (untruncated === undefined) throw new InternalError("the mapping gave no w");
      return { ...read, untruncated };
    },
    dispose: async () => {
      await own.dispose();
      await mapping.dispose();
    },
  };
}

/**
 * Reads samples out with what openReadout gives.
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
    /** The first layer that is not truncated, where there is one. */
    readonly from?: number | undefined;
    /** [lanes.length, wDim], where w is shifted. */
    readonly shift?: Float32Array | undefined;
  },
): Promise<(ReadoutRow | undefined)[]> {
  const { rows, z, lanes, wanted, from = 0, shift } = options;
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
    const shifts = shift && new Float32Array(rows * wDim);
    for (const p of positions) shifts?.set(shift?.subarray(p * wDim, (p + 1) * wDim) ?? [], rowOf(p) * wDim);
    const {
      w,
      logits = new Float32Array(0),
      untruncated,
    } = await executable.run({
      z: input,
      ...(shifts && { [SHIFT]: shifts }),
    });
    if (w === undefined) throw new InternalError("the readout gave no w");
    const width = logits.length / rows;
    for (const p of positions) {
      const row = rowOf(p);
      const columns = logits.subarray(row * width, (row + 1) * width);
      result[p] = {
        w: w.slice(row * wDim, (row + 1) * wDim),
        heads: splitColumns(columns, attributes),
        ...(untruncated && { far: { from, w: untruncated.slice(row * wDim, (row + 1) * wDim) } }),
      };
    }
  }
  return result;
}
