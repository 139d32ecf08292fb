// numpy arrays and scalars as pickles hold them.
// In: the arguments of numpy's reconstruction functions. Out: NumpyArray; `NUMPY_NAMES`, the names that such pickles use.
// Invariants: an array has exactly the bytes that its shape and type need; nothing is widened before it is asked for.
// Source: numpy's ndarray.__reduce__ and dtype.__reduce__, as their documentation describes them.
import type { Tensor } from "../../compiler/weights.js";
import { DTYPE_BYTES, toFloat32, toFloat64, type DType } from "./dtype.js";
import type { LazyTensor } from "./state-dict.js";
import {
  isCount,
  isTuple,
  type AllowList,
  type Copy,
  type Fail,
  type PickleBytes,
  type PickleList,
  type PickleValue,
  type Reconstruction,
} from "./pickle-value.js";

/** Types of plain numbers by the names that numpy gives them, without the byte order. */
export const NUMPY_TYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["f8", "F64"],
  ["f4", "F32"],
  ["f2", "F16"],
  ["i8", "I64"],
  ["i4", "I32"],
  ["i2", "I16"],
  ["i1", "I8"],
  ["u8", "U64"],
  ["u4", "U32"],
  ["u2", "U16"],
  ["u1", "U8"],
  ["b1", "BOOL"],
]);
/** Arrays of Python objects; only numbers and None are taken. */
const OBJECTS = new Set(["O", "O8", "O4"]);
const MAX_RANK = 8;
/** What a copied object counts. */
const ITEM_BYTES = 8;

/** No dtype: Python objects, or text of `characters` code points (4 bytes each). */
class NumpyType {
  constructor(
    readonly dtype: DType | undefined,
    readonly characters = 0,
  ) {}
}

/** An array that was pickled; empty until its state came. */
export class NumpyArray implements LazyTensor {
  shape: readonly number[] = [0];
  private dtype: DType = "U8";
  private bytes: Uint8Array = new Uint8Array(0);
  private fortran = false;
  private objects: Float32Array | undefined;
  private texts: readonly string[] | undefined;

  /** Takes ndarray's state: (version, shape, dtype, is_fortran, raw bytes). */
  build(state: PickleValue, fail: Fail, copy: Copy): void {
    const [, shape, type, fortran, data] = isTuple(state) ? state.items : [];
    if (!isTuple(shape) || shape.items.length > MAX_RANK || !shape.items.every(isCount))
      throw fail("an array without a valid shape");
    const dtype = typeOf(type);
    const characters = charactersOf(type);
    if (characters > 0) {
      copy(bytesOf(data)?.byteLength ?? 0);
      this.texts = textsOf(data, shape.items, characters, fail);
      this.shape = shape.items;
      return;
    }
    if (isObjectType(type) && isListOfText(data)) {
      this.texts = data.items;
      this.shape = [data.items.length];
      return;
    }
    if (isObjectType(type)) {
      this.objects = numbersOf(data, shape.items, fail, copy);
      this.shape = shape.items;
      return;
    }
    const bytes = bytesOf(data);
    if (bytes === undefined || dtype === undefined) throw fail("an array whose elements are no plain numbers");
    const needed = shape.items.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);
    if (bytes.byteLength !== needed)
      throw fail(`an array of shape [${shape.items.join(", ")}] needs ${needed} bytes, it has ${bytes.byteLength}`);
    copy(bytes.byteLength); // when it is read: many arrays may be made of the same bytes
    this.shape = shape.items;
    this.dtype = dtype;
    this.bytes = bytes;
    this.fortran = fortran === true || fortran === 1;
  }

  /** The elements as text: what a classifier calls its classes. */
  labels(): readonly string[] {
    return this.texts ?? [...this.read().data].map(String);
  }

  /** Row-major float32; None in an array of objects is NaN, and so is text. */
  read(): Tensor {
    if (this.texts !== undefined) return { shape: this.shape, data: new Float32Array(this.texts.length).fill(NaN) };
    if (this.objects !== undefined) return { shape: this.shape, data: this.objects };
    const stored = { shape: this.shape, data: toFloat32(this.dtype, this.bytes) };
    return this.fortran ? fromColumnMajor(stored) : stored;
  }
}

/** Data in Fortran's order as row-major: the transpose of a row-major array of the reversed shape. */
export function fromColumnMajor({ shape, data }: Tensor): Tensor {
  if (shape.length < 2) return { shape, data };
  return permuted(
    { shape: [...shape].reverse(), data },
    shape.map((_, d) => shape.length - 1 - d),
  );
}

/** The axes in another order: axis d of the result is axis `order[d]` of `x`. */
export function permuted(x: Tensor, order: readonly number[]): Tensor {
  const strides = x.shape.map(() => 1);
  for (let d = x.shape.length - 2; d >= 0; d--) strides[d] = (strides[d + 1] ?? 1) * (x.shape[d + 1] ?? 1);
  const shape = order.map((d) => x.shape[d] ?? 1);
  const steps = order.map((d) => strides[d] ?? 1);
  const data = new Float32Array(x.data.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < data.length; i++) {
    data[i] = x.data[from] ?? 0;
    for (let d = shape.length - 1; d >= 0; d--) {
      const at = (index[d] ?? 0) + 1;
      from += steps[d] ?? 0;
      index[d] = at;
      if (at < (shape[d] ?? 0)) break;
      from -= (steps[d] ?? 0) * (shape[d] ?? 0);
      index[d] = 0;
    }
  }
  return { shape, data };
}

function bytesOf(value: PickleValue | undefined): Uint8Array | undefined {
  return typeof value === "object" && value?.kind === "bytes" ? value.bytes : undefined;
}

function charactersOf(value: PickleValue | undefined): number {
  return typeof value === "object" && value?.kind === "opaque" && value.value instanceof NumpyType
    ? value.value.characters
    : 0;
}

function isListOfText(value: PickleValue | undefined): value is PickleList & { readonly items: string[] } {
  return (
    typeof value === "object" &&
    value?.kind === "list" &&
    value.items.length > 0 &&
    value.items.every((item) => typeof item === "string")
  );
}

/** Fixed-width text: 4 bytes a character, zeros behind the last. */
function textsOf(
  data: PickleValue | undefined,
  shape: readonly number[],
  characters: number,
  fail: Fail,
): readonly string[] {
  const bytes = bytesOf(data);
  const count = shape.reduce((a, b) => a * b, 1);
  if (bytes?.byteLength !== 4 * characters * count) throw fail("an array of text without its bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letter = (at: number): string => {
    const code = view.getUint32(4 * at, true);
    return code === 0 || code > 0x10ffff ? "" : String.fromCodePoint(code);
  };
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: characters }, (__, j) => letter(i * characters + j)).join(""),
  );
}

function isObjectType(value: PickleValue | undefined): boolean {
  return (
    typeof value === "object" &&
    value?.kind === "opaque" &&
    value.value instanceof NumpyType &&
    value.value.dtype === undefined &&
    value.value.characters === 0
  );
}

/** The items of an array of objects, which are pickled one by one in row-major order whatever the flag says. */
function numbersOf(data: PickleValue | undefined, shape: readonly number[], fail: Fail, copy: Copy): Float32Array {
  const items = typeof data === "object" && data?.kind === "list" ? data.items : undefined;
  const count = shape.reduce((a, b) => a * b, 1);
  if (items?.length !== count) throw fail(`an array of shape [${shape.join(", ")}] without its ${count} objects`);
  copy(count * ITEM_BYTES);
  return Float32Array.from(items, (item) => {
    if (item === null) return NaN;
    if (typeof item === "number" || typeof item === "boolean" || typeof item === "bigint") return Number(item);
    throw fail("an array of objects that are neither numbers nor None");
  });
}

function typeOf(value: PickleValue | undefined): DType | undefined {
  return typeof value === "object" && value?.kind === "opaque" && value.value instanceof NumpyType
    ? value.value.dtype
    : undefined;
}

/** numpy.dtype(name, align, copy), then the state (version, byte order, ...). */
function makeType(args: readonly PickleValue[], fail: Fail): PickleValue {
  const name = typeof args[0] === "string" ? args[0].replace(/^[<|=]/, "") : "";
  const dtype = NUMPY_TYPES.get(name);
  const characters = Number(/^U(\d{1,3})$/.exec(name)?.[1] ?? 0);
  if (dtype === undefined && characters === 0 && !OBJECTS.has(name))
    throw fail("an array type that is no plain number");
  return {
    kind: "opaque",
    value: new NumpyType(dtype, characters),
    build(state, failBuild) {
      const order = isTuple(state) ? state.items[1] : undefined;
      if (order !== "<" && order !== "|" && order !== "=") throw failBuild("an array that is not little-endian");
    },
  };
}

function makeArray(): PickleValue {
  const value = new NumpyArray();
  return { kind: "opaque", value, build: (state, fail, copy) => value.build(state, fail, copy) };
}

/** numpy.core.multiarray.scalar(dtype, bytes): a number. */
function makeScalar(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [dtype, bytes] = [typeOf(args[0]), bytesOf(args[1])];
  if (dtype === undefined || bytes?.byteLength !== DTYPE_BYTES[dtype]) throw fail("a number without its bytes");
  return toFloat64(dtype, bytes)[0] ?? 0;
}

/** _codecs.encode(text, "latin1"): how protocol 2 writes bytes. */
function encode(args: readonly PickleValue[], fail: Fail, copy: Copy): PickleBytes {
  const [text, codec] = args;
  if (typeof text !== "string" || codec !== "latin1") throw fail("text that stands for no bytes");
  copy(text.length);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return { kind: "bytes", bytes };
}

/** numpy's _frombuffer(bytes, dtype, shape, order): how protocol 5 writes arrays. */
function fromBuffer(args: readonly PickleValue[], fail: Fail, copy: Copy): PickleValue {
  const [bytes = null, dtype = null, shape = null, order] = args;
  const value = new NumpyArray();
  value.build({ kind: "tuple", items: [1, shape, dtype, order === "F", bytes] }, fail, copy);
  return { kind: "opaque", value };
}

const CORE = ["numpy.core.multiarray", "numpy._core.multiarray"];

/** Names that pickles with numpy arrays need. */
export const NUMPY_NAMES: AllowList = new Map<string, Reconstruction>([
  ...CORE.map((core): [string, Reconstruction] => [`${core}._reconstruct`, { call: makeArray }]),
  ...CORE.map((core): [string, Reconstruction] => [`${core}.scalar`, { call: makeScalar }]),
  ...["numpy.core.numeric", "numpy._core.numeric"].map((core): [string, Reconstruction] => [
    `${core}._frombuffer`,
    { call: fromBuffer },
  ]),
  ["numpy.ndarray", {}],
  ["numpy.dtype", { call: makeType }],
  ["_codecs.encode", { call: encode }],
]);

/** The array of a value; undefined if it is none. */
export function numpyArray(value: PickleValue | undefined): NumpyArray | undefined {
  return typeof value === "object" && value?.kind === "opaque" && value.value instanceof NumpyArray
    ? value.value
    : undefined;
}
