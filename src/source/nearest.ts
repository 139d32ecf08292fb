// The nearest name to a misspelt one.

/**
 * Edits between two words: insertions, deletions, substitutions, and swaps of neighbours (optimal string alignment).
 *
 * Source   Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(beforeLast, j - 2) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
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
    const distance = caseOnly ? 0.5 : editDistance(name, candidate);
    const isNear = distance <= limit && (caseOnly || distance < Math.min(name.length, candidate.length));
    if (!isNear || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}
