// A kernel of the interpreter: what one node of the graph computes.
// In: nothing. Out: a type. Invariant: a kernel writes every entry of `out` and nothing else.

/** Writes a node's value to `out`, given its operands' values, all row-major. */
export type Kernel = (operands: readonly Float64Array[], out: Float64Array) => void;
