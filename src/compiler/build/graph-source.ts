// What a graph is made of, so that one that is there already need not be made to be recognised.
// In: the object that its weights are in, all else that it is a function of. Out: a GraphSource.
// Invariant: two graphs of one object with equal keys are equal, node by node and number by number.

export interface GraphSource {
  /** What the weights are in, told apart as an object: another reading of the same file is another object. */
  readonly of: object;
  readonly key: string;
}

/** The source of a graph; `about`: plain data, of which places in a script are left out. */
export function sourceOf(of: object, about: readonly unknown[]): GraphSource {
  return { of, key: JSON.stringify(about, withoutSpans) };
}

/** JSON writes numbers that are not finite as null, and minus zero as zero. */
function withoutSpans(name: string, value: unknown): unknown {
  if (name === "span") return undefined;
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return `number ${Object.is(value, -0) ? "-0" : value}`;
}
