// Outputs of heads and labellers: columns side by side, and one array for each attribute.
// In: rows of columns, attributes. Out: HeadOutputs. Invariant: columns stand in the order of the attribute table.
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { Attribute } from "../../compiler/attribute.js";
import { InternalError } from "../../source/internal-error.js";
import type { Labels } from "../services/services.js";

/** What a picture shows, by the name of an attribute: the place of its class, or the value of a scalar. */
export type SeenAttributes = ReadonlyMap<string, number>;

/** Columns of one row for the given attributes: binary 2, category K, scalar 1. */
export function columnsOf(attributes: readonly Attribute[]): number {
  return attributes.reduce((n, a) => n + (a.type === "scalar" ? 1 : a.classes.length), 0);
}

/** Splits a row of columns side by side into one array for each attribute. */
export function splitColumns(row: Float32Array, attributes: readonly Attribute[]): HeadOutputs {
  if (row.length !== columnsOf(attributes)) {
    throw new InternalError(`${row.length} columns for attributes that have ${columnsOf(attributes)}`);
  }
  let at = 0;
  return attributes.map((a) => {
    const width = a.type === "scalar" ? 1 : a.classes.length;
    at += width;
    return [...row.subarray(at - width, at)];
  });
}

/** What a labeller says of each of `count` images, in the form of heads: NaN for an attribute that is unclear. */
export function outputsOf(
  { columns, unclear }: Labels,
  count: number,
  attributes: readonly Attribute[],
): HeadOutputs[] {
  const width = columns.length / count;
  return Array.from({ length: count }, (_, k) =>
    splitColumns(columns.subarray(k * width, (k + 1) * width), attributes).map((values, a) =>
      unclear?.[k * attributes.length + a] === 1 ? values.map(() => NaN) : values,
    ),
  );
}
