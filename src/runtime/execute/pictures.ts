// The pictures that a task can show: what was before an edit, its parts, and pictures between two parts, their styles blended.
// In: a task's results. Out: SampleResults row by row, in the order in which they follow each other.
import type { SampleResult, TaskResult } from "./results.js";
import { stylesOf } from "./images.js";

/** All pictures of a task with `tween` pictures (for each of the counts given) between neighbours. */
export function picturesOf(
  { samples, before = [] }: Pick<TaskResult, "samples" | "before">,
  tweens: readonly number[],
  numWs: number,
): readonly SampleResult[] {
  const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
  const shares = [...new Set(tweens.flatMap((n) => Array.from({ length: n }, (_, k) => (k + 1) / (n + 1))))];
  shares.sort((a, b) => a - b);
  return pictures.flatMap((picture, i) => {
    const next = pictures[i + 1];
    if (next?.index !== picture.index) return [picture];
    return [picture, ...shares.map((t) => between(picture, next, t, numWs))];
  });
}

/** Between two neighbours; without a picture if one of them has none. */
function between(a: SampleResult, b: SampleResult, t: number, numWs: number): SampleResult {
  const part = a.part + t * (b.part - a.part);
  if (a.w.length === 0 || b.w.length === 0) return { ...a, part, w: new Float32Array(0), heads: [] };
  const end = stylesOf(b, numWs);
  return { ...a, part, ws: stylesOf(a, numWs).map((x, k) => (1 - t) * x + t * (end[k] ?? 0)) };
}
