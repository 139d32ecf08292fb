// The pictures that a task can show: what was before an edit, its parts, and pictures between two parts.
// In: a task's results. Out: SampleResults row by row, in the order in which they follow each other.
// Invariants: what lies between is solved for where there is something to solve: an edit's picture is a state that its step passed through,
// a traverse's a sample of the noise between, a sweep's one of the numbers between. Cells that ask for other things are blended.
import { valueOf, type Share } from "../plan/places.js";
import { stylesOf } from "../draw/styles.js";
import type { SampleResult, TaskResult } from "../draw/results.js";
import { partBetween } from "../plan/places.js";

/** All pictures of a task, with those at the shares of the way (ascending) between neighbours. */
export function picturesOf(
  { samples, before = [], between = [] }: Pick<TaskResult, "samples" | "before" | "between">,
  shares: readonly Share[],
  numWs: number,
): readonly SampleResult[] {
  const pictures = [...before, ...samples].sort((a, b) => a.index - b.index || a.part - b.part);
  const solved = new Map(between.map((s) => [placeKey(s.index, s.part), s]));
  return pictures.flatMap((picture, i) => {
    const next = pictures[i + 1];
    if (next?.index !== picture.index) return [picture];
    const way = shares.map((share, k) => {
      const part = partBetween(picture.part, share);
      return solved.get(placeKey(picture.index, part)) ?? onTheWay(picture, next, k, share, numWs);
    });
    return [picture, ...way];
  });
}

function placeKey(index: number, part: number): string {
  return `${index} ${part}`;
}

/**
 * The `k`th state that `b` passed through on its way from `a`; without that, both blended; without a picture if one of them has none.
 *
 *   styles = (1 - t) A + t B, and in layers that the step changes + w - ((1 - t) a + t b)
 *
 * where A, B are the styles of the ends, a, b their own w of that layer (untruncated from a cutoff on) and w that of the state: a layer that was held at an older style leaves it gradually.
 */
function onTheWay(a: SampleResult, b: SampleResult, k: number, share: Share, numWs: number): SampleResult {
  const part = partBetween(a.part, share);
  if (a.w.length === 0 || b.w.length === 0) return { ...a, part, w: new Float32Array(0), heads: [] };
  const t = valueOf(share);
  const [start, end] = [stylesOf(a, numWs), stylesOf(b, numWs)];
  const wDim = b.w.length;
  const ws = start.map((x, i) => (1 - t) * x + t * (end[i] ?? 0));
  for (let layer = 0; layer < numWs; layer++) {
    const [from, to] = [latentAt(a, layer), latentAt(b, layer)];
    const isChanged = to.w.every((x, c) => end[layer * wDim + c] === x);
    if (to.way === undefined || !isChanged) continue;
    for (const [c, x] of to.way.subarray(k * wDim, (k + 1) * wDim).entries()) {
      const blended = (1 - t) * (from.w[c] ?? 0) + t * (to.w[c] ?? 0);
      const i = layer * wDim + c;
      ws[i] = (ws[i] ?? 0) + x - blended;
    }
  }
  return { ...a, part, ws };
}

/** The w of a sample that a layer is made from, and those on its way. */
function latentAt(sample: SampleResult, layer: number): Pick<SampleResult, "w" | "way"> {
  return sample.far !== undefined && layer >= sample.far.from ? sample.far : sample;
}
