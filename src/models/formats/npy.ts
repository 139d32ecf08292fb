// Arrays of numpy's own files, .npy.
// In: the whole file. Out: a tensor that is widened when asked for. Invariants: an array has exactly the bytes that its shape and type need.
// Source: numpy.lib.format, "NPY format" (versions 1 to 3).
import type { LaceError } from "../../source/diagnostic.js";
import { modelError } from "../model-error.js";
import { DTYPE_BYTES, toFloat32 } from "./dtype.js";
import { fromColumnMajor, NUMPY_TYPES } from "./numpy-array.js";
import type { Tensor } from "../../compiler/weights.js";
import type { LazyTensor } from "./state-dict.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** numpy writes a few dozen bytes; more than this is no header of numbers. */
const MAX_HEADER = 4096;
const MAX_RANK = 8;

function damaged(file: string, what: string): LaceError {
  return modelError("L5104", file, `not an array of numpy, or a damaged one: ${what}`);
}

/** Whether the bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((b, i) => bytes[i] === b);
}

/** The array of a .npy file. Errors LaceError L5104 if it is damaged or holds anything but numbers. */
export function readNpy(bytes: Uint8Array, file: string): LazyTensor {
  const version = bytes[6] ?? 0;
  const lengthBytes = version === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (!isNpy(bytes) || version < 1 || version > 3 || bytes.byteLength < start) throw damaged(file, "its first bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER || start + length > bytes.byteLength) throw damaged(file, "the length of its header");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const descr = /'descr': '([<|=])([a-z]\d)'/.exec(header)?.[2];
  const dtype = NUMPY_TYPES.get(descr ?? "");
  const fortran = /'fortran_order': (True|False)/.exec(header)?.[1];
  const dims = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (dtype === undefined || fortran === undefined || dims === undefined)
    throw damaged(file, "its elements are no little-endian numbers, or its header is not numpy's");
  const shape = dims.split(",").flatMap((n) => (n.trim() === "" ? [] : [Number(n)]));
  const data = bytes.subarray(start + length);
  const needed = shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
  if (shape.length > MAX_RANK || data.byteLength !== needed)
    throw damaged(file, `an array of shape [${shape.join(", ")}] needs ${needed} bytes, it has ${data.byteLength}`);
  return {
    shape,
    read() {
      const stored = { shape, data: toFloat32(dtype, data) };
      return fortran === "True" ? fromColumnMajor(stored) : stored;
    },
  };
}

/** The bytes of a .npy file: float32, row-major, version 1. The data begins at a multiple of 64. */
export function writeNpy({ shape, data }: Tensor): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0] ?? 0},` : shape.join(", ");
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims}), }`;
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const out = new Uint8Array(start + data.byteLength).fill(0x20, 0, start);
  out.set([...MAGIC, 1, 0]);
  new DataView(out.buffer).setUint16(8, start - 10, true);
  out.set(new TextEncoder().encode(text), 10);
  out[start - 1] = 0x0a;
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return out;
}
