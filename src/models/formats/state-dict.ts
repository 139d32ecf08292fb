// Tensors by name, whatever kind of file they are in: what readers of checkpoints take.
// In: a dict of PyTorch tensors, a safetensors file. Out: StateDict. Invariant: nothing is widened before it is asked for.
import type { Tensor } from "../../compiler/weights.js";
import type { Safetensors } from "./safetensors.js";

/** A tensor whose numbers are read when they are asked for. */
export interface LazyTensor {
  readonly shape: readonly number[];
  /** Row-major float32; it may share the memory of the file: do not write to it. */
  read(): Tensor;
}

/** As PyTorch's `state_dict()`: dotted names in the file's order. */
export type StateDict = ReadonlyMap<string, LazyTensor>;

/** The tensors of a safetensors file. */
export function stateDictOf(stored: Safetensors): StateDict {
  const read = (name: string, shape: readonly number[]): Tensor =>
    stored.tensor(name) ?? { shape, data: new Float32Array(0) };
  return new Map(
    [...stored.tensors].map(([name, { shape }]) => [name, { shape, read: () => read(name, shape) }] as const),
  );
}

/** The tensors whose names begin with `prefix`, without it. */
export function withoutPrefix(tensors: StateDict, prefix: string): StateDict {
  if (prefix === "") return tensors;
  const own = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor] as const));
}
