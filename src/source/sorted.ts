// Questions to sorted lists of places, each answered in logarithmic time: a text may have as many mistakes as characters.

/** How many of the numbers, which ascend, are below `limit`. */
export function countBelow(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether one of the numbers, which ascend, lies in from..to, both inclusive. */
export function hasOneIn(sorted: readonly number[], from: number, to: number): boolean {
  return (sorted[countBelow(sorted, from)] ?? Infinity) <= to;
}

/** Whether a number lies in one of the ranges (start inclusive, end exclusive), which ascend and do not overlap. */
export function isWithin(ranges: readonly (readonly [start: number, end: number])[], at: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[0] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return at < (ranges[low - 1]?.[1] ?? -Infinity);
}

/** Whether one of the spans, which ascend and do not overlap, touches from..to: their ends count, on both sides. */
export function touchesOne(
  spans: readonly { readonly start: number; readonly end: number }[],
  from: number,
  to: number,
): boolean {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.end ?? Infinity) < from) low = middle + 1;
    else high = middle;
  }
  return (spans[low]?.start ?? Infinity) <= to;
}
