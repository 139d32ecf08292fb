// Climbing a value by Adam, many rows at once, each back to where it was best: how styles, and z of styles, are looked for.
// In: rows to start from, a compiled value with its gradient. Out: the best of each row. Invariant: a row's way does not depend on the others.
import type { Executable } from "../../compiler/graph/graph.js";
import { stopIfAborted } from "../../ports/stop.js";
import { Adam, rateAt } from "../sample/adam.js";

export interface AscentTask {
  /** Inputs `[of]` [rows, ...], and `inputs`; outputs `[value]` [rows] and `grad` as `[of]`. */
  readonly graph: Executable;
  readonly of: string;
  readonly value: string;
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly rows: number;
  readonly steps: number;
  readonly rate: number;
  /** Puts rows where they may be, before each look at them. */
  readonly project?: ((x: Float64Array) => void) | undefined;
  /** Another output [rows], of the moment when a row was best. */
  readonly beside?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Ascent {
  readonly x: Float64Array;
  /** [rows]; -Infinity where no value was a number. */
  readonly value: Float64Array;
  /** [rows] of the output `beside`. */
  readonly beside: Float64Array;
}

/** Follows each row for some steps to where it was best. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine. */
export async function ascend(start: Float64Array, task: AscentTask): Promise<Ascent> {
  const { graph, rows, steps, rate, signal } = task;
  const x = start.slice();
  const width = x.length / rows;
  const adam = new Adam(x.length);
  const value = new Float64Array(rows).fill(-Infinity);
  const best = { x: x.slice(), value, beside: new Float64Array(rows).fill(NaN) };
  for (let step = 0; step <= steps; step++) {
    stopIfAborted(signal);
    task.project?.(x);
    const outputs = await graph.run({ ...task.inputs, [task.of]: Float32Array.from(x) });
    for (let row = 0; row < rows; row++) {
      const own = outputs[task.value]?.[row] ?? NaN;
      if (!(own > (value[row] ?? NaN))) continue;
      value[row] = own;
      best.beside[row] = outputs[task.beside ?? task.value]?.[row] ?? NaN;
      best.x.set(x.subarray(row * width, (row + 1) * width), row * width);
    }
    adam.descend(
      x,
      Float64Array.from(outputs["grad"] ?? [], (g) => -g),
      rate * rateAt((step + 1) / (steps + 1)),
    );
  }
  return best;
}

/** The row of the largest value, among all or those given. */
export function bestRow(
  { x, value }: Pick<Ascent, "x" | "value">,
  rows: readonly number[] = [...value.keys()],
): Float64Array {
  const row = rows.reduce((a, b) => ((value[b] ?? -Infinity) > (value[a] ?? -Infinity) ? b : a));
  const width = x.length / value.length;
  return x.slice(row * width, (row + 1) * width);
}
