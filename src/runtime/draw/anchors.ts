// What holds a state near where it started: edits, and the parts of a row that are edits of its first.
// In: the samples that are started from. Out: inputs of the gradient beside z, a row for each.
import { anchorsOf, type AnchorName } from "../../compiler/build/gradient.js";
import type { Keep } from "../../compiler/plan.js";
import { concat } from "../../source/concat.js";
import type { SampleResult } from "./results.js";

/** Steps of the noise sequence that one solve may use before the next that goes on from it. */
export const NOISE_STRIDE = 2 ** 20;

/** What the gradient of a step gets beside z: the state it started from. */
export function anchorsAt(samples: readonly SampleResult[], keep: Keep): Readonly<Record<string, Float32Array>> {
  const values: Readonly<Record<AnchorName, (s: SampleResult) => ArrayLike<number>>> = {
    z0: (s) => s.z,
    w0: (s) => s.w,
    held0: (s) => keep.held.flatMap((h) => s.heads[h] ?? []),
  };
  return Object.fromEntries(anchorsOf(keep).map((name) => [name, concat(samples.map(values[name]), Float32Array)]));
}
