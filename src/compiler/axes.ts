// The cells of a sweep: which value of each axis a combination has, and how that is written.
// In: axes of the plan. Out: texts for sheets, listings and messages. Combinations are row-major, the last axis fastest.

/** What is swept: numbers, or values of a category and energies as they were written. */
export interface Axis {
  readonly name: string;
  readonly values: readonly (number | string)[];
}

/** The value of each axis at a combination. */
export function valuesAt(axes: readonly Axis[], combination: number): readonly (number | string)[] {
  let rest = combination;
  const chosen = [...axes].reverse().map(({ values }) => {
    const value = values[rest % values.length] ?? NaN;
    rest = Math.floor(rest / values.length);
    return value;
  });
  return chosen.reverse();
}

/** `t = 0.25` of an axis of numbers; of others the value alone: `red`, `not smile`. */
export function axisTexts(axes: readonly Axis[], combination: number): readonly string[] {
  return valuesAt(axes, combination).map((value, i) =>
    typeof value === "number" ? `${axes[i]?.name ?? ""} = ${value}` : value,
  );
}
