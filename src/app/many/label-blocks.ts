// Blocks of labelled rows as entries of a bundle: the tensors of a block side by side, in the order of the data file's layout.
// In: blocks. Out: bytes by the number of the first row, and back. Invariant: an entry of another length is none.
import type { DataRows } from "../../learn/label/layout.js";
import type { RowRange } from "../../learn/label/part-file.js";
import { DTYPE_BYTES } from "../../models/formats/dtype.js";
import type { SafetensorsLayout } from "../../models/formats/safetensors.js";
import { concat } from "../../source/concat.js";
import { InternalError } from "../../source/internal-error.js";

type Tensors = Pick<SafetensorsLayout, "tensors">;

/** The key of a block in a bundle. */
export function blockKey(first: number): string {
  return `rows-${first}`;
}

export function packRows({ tensors }: Tensors, blocks: ReadonlyMap<number, DataRows>): Map<string, Uint8Array> {
  return new Map(
    [...blocks].map(([first, rows]) => [
      blockKey(first),
      concat(
        [...tensors.keys()].map((name) => {
          const data = rows.get(name);
          if (data === undefined) throw new InternalError(`no rows of ${name}`);
          return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        }),
        Uint8Array,
      ),
    ]),
  );
}

/** The rows of a block; undefined if the bytes are not of so many. */
export function unpackRows({ tensors }: Tensors, { count }: RowRange, bytes: Uint8Array): DataRows | undefined {
  const rows = new Map<string, Float32Array | Uint8Array>();
  let at = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const length = count * shape.slice(1).reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    const own = Uint8Array.from(bytes.subarray(at, at + length)); // aligned
    if (own.length !== length) return undefined;
    rows.set(name, dtype === "F32" ? new Float32Array(own.buffer) : own);
    at += length;
  }
  return at === bytes.length ? rows : undefined;
}
