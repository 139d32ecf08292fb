// How far the labels of a scalar are from what its head says, on rows that it was not fitted to: a distribution for each part of what it says. Residuals have
// heavy tails and differ along the range, so that no normal distribution of one sigma stands for them.
// In: pairs of label and output, or a stored table. Out: the table (docs/packs.md), or a probability. Invariant: float64, plain JSON.

export interface Residuals {
  /** Mean output of the rows of each part, ascending. */
  readonly at: readonly number[];
  /** For each part, the residuals' quantiles (label less output) at equal steps from least to largest. */
  readonly quantiles: readonly (readonly number[])[];
}

/** Rows of a part at least, parts at most, and steps between the quantiles of one. */
const [PART_ROWS, MOST_PARTS, STEPS] = [50, 12, 20];
/** Digits that are kept. */
const DIGITS = 4;

/** The table of [label, output] pairs; undefined where there are too few to tell. */
export function residualsOf(pairs: readonly (readonly [number, number])[]): Residuals | undefined {
  const parts = Math.min(MOST_PARTS, Math.floor(pairs.length / PART_ROWS));
  if (parts === 0) return undefined;
  const sorted = [...pairs].sort(([, a], [, b]) => a - b);
  const cut = (part: number): number => Math.round((part * sorted.length) / parts);
  const groups = Array.from({ length: parts }, (_, part) => sorted.slice(cut(part), cut(part + 1)));
  const round = (value: number): number => Number(value.toPrecision(DIGITS));
  return {
    at: groups.map((g) => round(g.reduce((sum, [, output]) => sum + output, 0) / g.length)),
    quantiles: groups.map((g) => {
      const residuals = g.map(([label, output]) => label - output).sort((a, b) => a - b);
      return Array.from({ length: STEPS + 1 }, (_, q) =>
        round(interpolated(residuals, (q / STEPS) * (residuals.length - 1))),
      );
    }),
  };
}

/** P(label < threshold) where the head says `output`: between the two parts whose outputs are nearest, by its distance to each. */
export function chanceBelow({ at, quantiles }: Residuals, output: number, threshold: number): number {
  const above = at.findIndex((mean) => mean > output);
  const last = above < 0 ? at.length - 1 : above;
  const first = above < 0 ? last : Math.max(0, above - 1);
  const below = (part: number): number => cumulative(quantiles[part] ?? [], threshold - output);
  const [from = NaN, to = NaN] = [at[first], at[last]];
  const share = to > from ? Math.min(1, Math.max(0, (output - from) / (to - from))) : 1;
  return (1 - share) * below(first) + share * below(last);
}

/** The distribution function, linear between quantiles. */
function cumulative(quantiles: readonly number[], value: number): number {
  const next = quantiles.findIndex((q) => q > value);
  if (next < 0) return 1;
  if (next === 0) return 0;
  const [low = NaN, high = NaN] = [quantiles[next - 1], quantiles[next]];
  return (next - 1 + (value - low) / (high - low)) / (quantiles.length - 1);
}

function interpolated(values: readonly number[], position: number): number {
  const k = Math.floor(position);
  const [low = NaN, high = low] = [values[k], values[k + 1]];
  return low + (position - k) * (high - low);
}
