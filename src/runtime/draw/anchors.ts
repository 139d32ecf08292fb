// What holds a state near where it started, and whose picture moves from there: edits, starts, and the parts of a row that are edits of its first.
// In: the samples that are started from. Out: inputs of the gradient beside z, a row for each.
import type { AnchorName } from "../../compiler/build/gradient.js";
import type { Condition } from "../../compiler/build/compile-task.js";
import { concat } from "../../source/concat.js";
import type { SampleResult } from "./results.js";
import { stylesOf } from "./styles.js";

/** Steps of the noise sequence that one solve may use before the next that goes on from it. */
export const NOISE_STRIDE = 2 ** 20;

/** What the gradient of a condition gets beside z: the state it started from. `numWs`: layers of a picture. */
export function anchorsAt(
  samples: readonly SampleResult[],
  { anchors, keep }: Pick<Condition, "anchors" | "keep">,
  numWs: number,
): Readonly<Record<string, Float32Array>> {
  const values: Readonly<Record<AnchorName, (s: SampleResult) => ArrayLike<number>>> = {
    z0: (s) => s.z,
    w0: (s) => s.w,
    held0: (s) => (keep?.held ?? []).flatMap((h) => s.heads[h] ?? []),
    features0: (s) => s.features ?? [],
    styles0: (s) => stylesOf(s, numWs),
  };
  return Object.fromEntries(anchors.map((name) => [name, concat(samples.map(values[name]), Float32Array)]));
}
