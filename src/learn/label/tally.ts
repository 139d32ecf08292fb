// How the labels of a data file are spread: what `lacec label` shows at the end, and what tells early that an attribute cannot be learnt.
// In: labels by row. Out: counts. Invariants: every row is counted once, as a class, in a bin, outside the range or as missing.
import type { Attribute } from "../../compiler/attribute.js";

const BINS = 10;
/** A class seen less often is hard to learn. */
const FEW = 20;

export type Tally =
  | {
      readonly name: string;
      readonly type: "binary" | "category";
      readonly missing: number;
      readonly classes: readonly { readonly name: string; readonly count: number }[];
    }
  | {
      readonly name: string;
      readonly type: "scalar";
      readonly missing: number;
      /** Equal bins over the attribute's range. */
      readonly bins: readonly { readonly from: number; readonly to: number; readonly count: number }[];
      readonly below: number;
      readonly above: number;
      /** null where every label is missing. */
      readonly mean: number | null;
      readonly deviation: number | null;
    };

/** Counts the labels of one attribute, [n]: class numbers, or scalars; NaN is missing. */
export function tally(attribute: Attribute, labels: Float32Array): Tally {
  const known = labels.filter((v) => !Number.isNaN(v));
  const missing = labels.length - known.length;
  const { name } = attribute;
  if (attribute.type !== "scalar") {
    const classes = attribute.classes.map((c, k) => ({ name: c, count: known.filter((v) => v === k).length }));
    return { name, type: attribute.type, missing, classes };
  }
  const { min, max } = attribute;
  const counts = Array.from({ length: BINS }, () => 0);
  for (const v of known) {
    if (v < min || v > max) continue;
    const bin = Math.min(BINS - 1, Math.floor(((v - min) / (max - min)) * BINS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const edge = (k: number): number => Number((min + ((max - min) * k) / BINS).toPrecision(6));
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((a, v) => a + (v - mean) ** 2, 0) / known.length);
  return {
    name,
    type: "scalar",
    missing,
    bins: counts.map((count, k) => ({ from: edge(k), to: edge(k + 1), count })),
    below: known.filter((v) => v < min).length,
    above: known.filter((v) => v > max).length,
    mean: known.length === 0 ? null : mean,
    deviation: known.length === 0 ? null : deviation,
  };
}

/** What a person should know before training on these labels; empty if all is well. */
export function concerns(t: Tally): string[] {
  if (t.type === "scalar") {
    if (t.mean === null) return ["every label is missing"];
    return (t.deviation ?? 0) < 1e-6 ? ["every label is the same"] : [];
  }
  const seen = t.classes.filter((c) => c.count > 0);
  if (seen.length === 0) return ["every label is missing"];
  if (seen.length === 1) return [`every label is ${seen[0]?.name ?? ""}: a head cannot learn from one class`];
  const few = t.classes.filter((c) => c.count < FEW);
  return few.length === 0 ? [] : [`few rows: ${few.map((c) => `${c.name} ${c.count}`).join(", ")}`];
}
