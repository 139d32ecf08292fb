// Lists of numbers, one after the other, as one typed array.

/** All `parts` in their order, in a new array of `Kind`. Shapes [n_i] -> [sum of n_i]. */
export function concat<A extends Uint8Array | Float32Array | Float64Array>(
  parts: readonly ArrayLike<number>[],
  Kind: new (length: number) => A,
): A {
  const all = new Kind(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
