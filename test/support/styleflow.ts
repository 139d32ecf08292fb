// A writer of the two pickles of the StyleFlow data set: latents [n, 1, 1, d], and 21 columns of attributes and lights, some of them None.
// In: parts of pickles. Out: bytes. Invariant: numpy arrays and lists as those files have them; nothing is checked.
import { bytesOf, global, int, MARK, STOP, tuple, unicode, type Part } from "./pickle.js";

/** A numpy array as protocol 3 pickles it: numpy's _reconstruct, then its state. */
export function array(shape: readonly number[], type: string, data: Part): Part {
  const dtype = [
    global("numpy", "dtype"),
    tuple(unicode(type), int(0), int(1)),
    0x52,
    tuple(int(3), unicode(type === "O8" ? "|" : "<"), 0x4e, 0x4e, 0x4e, int(-1), int(-1), int(63)),
    0x62,
  ];
  return [
    [
      global("numpy.core.multiarray", "_reconstruct"),
      tuple(global("numpy", "ndarray"), tuple(int(0)), bytes("b")),
      0x52,
    ],
    [tuple(int(1), tuple(...shape.map(int)), dtype, 0x89, data), 0x62],
  ];
}
export function bytes(data: Uint8Array | string): Part {
  const raw = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return [0x42, raw.length & 255, raw.length >> 8, 0, 0, raw];
}
/** BINFLOAT */
export function float(v: number): Part {
  const raw = new Uint8Array(8);
  new DataView(raw.buffer).setFloat64(0, v);
  return [0x47, raw];
}
export const NONE = 0x4e;
export function list(items: readonly Part[]): Part {
  return [0x5d, MARK, ...items, 0x65];
}
export const pickle = (value: Part): Uint8Array => bytesOf(0x80, 3, value, STOP);
