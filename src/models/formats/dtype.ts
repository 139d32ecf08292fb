// Element types of stored tensors, shared by every checkpoint reader: sizes, widening to float32 and float64, narrowing.
// In: little-endian bytes. Out: typed arrays (a view of the bytes where their type and alignment allow it, else a copy).
// Invariants: widening is exact for every type but F64, I64, U64, I32 and U32, which round to the nearest float32.
import { InternalError, unreachable } from "../../source/internal-error.js";

export type DType =
  "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U64" | "U32" | "U16" | "U8" | "BOOL";

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPE_BYTES, name);
}

interface TypedArrayConstructor<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** The bytes as `type`, without a copy where the alignment allows it. */
function view<T>(type: TypedArrayConstructor<T>, bytes: Uint8Array): T {
  const width = type.BYTES_PER_ELEMENT;
  if (bytes.byteLength % width !== 0)
    throw new InternalError(`${bytes.byteLength} bytes are no whole number of elements`);
  // Not bytes.slice(): that of Node's Buffer copies nothing.
  const aligned = bytes.byteOffset % width === 0 ? bytes : Uint8Array.from(bytes);
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / width);
}

/** Stored elements as numbers. 64-bit integers come as bigint. */
function elements(dtype: Exclude<DType, "F16" | "BF16">, bytes: Uint8Array): ArrayLike<number> | ArrayLike<bigint> {
  switch (dtype) {
    case "F64":
      return view(Float64Array, bytes);
    case "F32":
      return view(Float32Array, bytes);
    case "I64":
      return view(BigInt64Array, bytes);
    case "U64":
      return view(BigUint64Array, bytes);
    case "I32":
      return view(Int32Array, bytes);
    case "U32":
      return view(Uint32Array, bytes);
    case "I16":
      return view(Int16Array, bytes);
    case "U16":
      return view(Uint16Array, bytes);
    case "I8":
      return view(Int8Array, bytes);
    case "U8":
    case "BOOL":
      return bytes;
    default:
      return unreachable(dtype);
  }
}

/** IEEE half precision bits -> float32, exactly (subnormals, infinities and NaN included). */
export function widenHalf(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const raw = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] ?? 0;
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    // Normal numbers first, and by integers alone: nearly all weights are.
    if (exponent !== 0 && exponent !== 0x7c00) raw[i] = sign | (((half & 0x7fff) << 13) + 0x38000000);
    else if (exponent === 0x7c00) raw[i] = sign | 0x7f800000 | ((half & 0x3ff) << 13);
    else {
      out[i] = (half & 0x3ff) * 2 ** -24;
      raw[i] = sign | (raw[i] ?? 0);
    }
  }
  return out;
}

/** float32 -> half precision bits, ties to even; beyond 65504 becomes an infinity. */
export function narrowToHalf(values: Float32Array): Uint16Array {
  const raw = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const bits = raw[i] ?? 0;
    const sign = (bits >>> 16) & 0x8000;
    const magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) out[i] = sign | 0x7e00;
    else if (magnitude >= 0x477ff000) out[i] = sign | 0x7c00;
    else if (magnitude >= 0x38800000)
      out[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    else out[i] = sign | roundToEven(Math.abs(values[i] ?? 0) * 2 ** 24);
  }
  return out;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function widenBrain(bits: Uint16Array): Float32Array {
  const raw = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) raw[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(raw.buffer);
}

/** Stored bytes -> float32. F32 that is aligned comes as a view of `bytes`; everything else is a copy. */
export function toFloat32(dtype: DType, bytes: Uint8Array): Float32Array {
  if (dtype === "F16") return widenHalf(view(Uint16Array, bytes));
  if (dtype === "BF16") return widenBrain(view(Uint16Array, bytes));
  const stored = elements(dtype, bytes);
  return stored instanceof Float32Array ? stored : Float32Array.from(stored as ArrayLike<number | bigint>, Number);
}

/** Stored bytes -> float64, for reference data. */
export function toFloat64(dtype: DType, bytes: Uint8Array): Float64Array {
  if (dtype === "F16" || dtype === "BF16") return Float64Array.from(toFloat32(dtype, bytes));
  const stored = elements(dtype, bytes);
  return stored instanceof Float64Array ? stored : Float64Array.from(stored as ArrayLike<number | bigint>, Number);
}
