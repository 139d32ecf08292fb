// Counts the elements that library functions walk over, so that a test can hold how work grows without measuring time.
// In: a function. Out: what it gives, and the elements of arrays, maps and sets that were walked over while it ran, loops over them among these;
// loops by index and over texts are not seen. Invariants: everything that was replaced is put back, whatever happens.

const WALKS = [
  "map",
  "filter",
  "find",
  "findIndex",
  "findLast",
  "flatMap",
  "some",
  "every",
  "includes",
  "indexOf",
] as const;
const MORE = ["forEach", "reduce", "join", "sort", "flat", "concat", "splice", "unshift"] as const;

interface Walked {
  length?: number;
  size?: number;
}
type Walk = (this: Walked, ...args: unknown[]) => unknown;
type Place = Record<PropertyKey, Walk>;

/** Runs `work` and counts. */
export async function visitsOf<T>(work: () => Promise<T> | T): Promise<{ readonly value: T; readonly visits: number }> {
  let visits = 0;
  const put: (() => void)[] = [];
  const replace = (prototype: object, key: PropertyKey): void => {
    const place = prototype as Place;
    const own = place[key]!;
    place[key] = function (...args) {
      visits += this.length ?? this.size ?? 0;
      return own.apply(this, args);
    };
    put.push(() => (place[key] = own));
  };
  for (const key of [...WALKS, ...MORE, Symbol.iterator]) replace(Array.prototype, key);
  for (const prototype of [Map.prototype, Set.prototype])
    for (const key of ["forEach", "keys", "values", "entries", Symbol.iterator]) replace(prototype, key);
  try {
    return { value: await work(), visits };
  } finally {
    for (const back of put) back();
  }
}
