// Counts of many conditions (`exactly 3 of (...)`): which numbers matter, and what it costs to keep them.
// In: between which numbers of how many parts are to hold. Out: CountPlan. A count is a table with an entry for each number of parts that may
// hold; of many parts only the numbers up to the greatest that matters are kept, and one entry for all above it.

/** The most parts of which a table has every number. */
export const LONG_COUNT = 64;

/** The most entries that the tables of one count may have: with more its graph would not fit into memory. */
export const MAX_COUNT_COST = 500_000;

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Count between min and max of the parts, or with `contrary` of their contraries; `negated`: it holds where that does not. */
export interface CountPlan extends Range {
  readonly contrary: boolean;
  readonly negated: boolean;
}

/** The way to count between `min` and `max` of `parts` that needs the fewest numbers. */
export function planCount(parts: number, { min, max }: Range): CountPlan {
  const straight = withoutAll(parts, { contrary: false, negated: false, min, max });
  const contrary = withoutAll(parts, { contrary: true, negated: false, min: parts - max, max: parts - min });
  return straight.max <= contrary.max ? straight : contrary;
}

/** "At least n" is "not at most n - 1". */
function withoutAll(parts: number, plan: CountPlan): CountPlan {
  return plan.max < parts ? plan : { ...plan, negated: true, min: 0, max: plan.min - 1 };
}

/** Entries of the tables of a count: parts times the numbers that matter. None, all and at least one cost nothing: they are no counts. */
export function countCost(parts: number, range: Range): number {
  return parts <= LONG_COUNT ? 0 : parts * Math.max(0, planCount(parts, range).max);
}
