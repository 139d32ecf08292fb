// The nearest name to a misspelt one.

/**
 * Edits between two words: insertions, deletions, substitutions, and swaps of neighbours (optimal string alignment). Infinity if there
 * are more than `atMost`, which is found out early.
 *
 * Source   Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964.
 */
export function editDistance(a: string, b: string, atMost = Infinity): number {
  let beforeLast: number[] = [];
  let leastOfLast = 0;
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(beforeLast, j - 2) + 1);
      row.push(best);
      if (best < least) least = best;
    }
    // Whatever comes is at least the least of the two rows that it follows from.
    if (Math.min(least, leastOfLast) > atMost) return Infinity;
    leastOfLast = least;
    beforeLast = last;
    last = row;
  }
  const distance = at(last, b.length);
  return distance > atMost ? Infinity : distance;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}

/** The candidate nearest to `name`, if one is near enough to be what was meant; the first of equals. Case counts little. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(name.length, candidate.length) * 0.4));
    // The difference of lengths is a lower bound, and much cheaper.
    if (Math.abs(name.length - candidate.length) > limit) continue;
    const caseOnly = name.toLowerCase() === candidate.toLowerCase();
    const distance = caseOnly ? 0.5 : editDistance(name, candidate, Math.min(limit, bestDistance));
    const isNear = distance <= limit && (caseOnly || distance < Math.min(name.length, candidate.length));
    if (!isNear || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}
