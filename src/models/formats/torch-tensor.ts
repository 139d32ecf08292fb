// Tensors of PyTorch checkpoints: a strided window of a storage, widened to a plain row-major array when it is asked for.
// In: the arguments of torch._utils._rebuild_tensor_v2. Out: TorchTensor; `TORCH_NAMES`, the names that torch files may use.
// Invariants: a window lies inside its storage and has no more elements than it, so that a small file cannot make a huge array.
import type { Tensor } from "../../compiler/weights.js";
import { InternalError } from "../../source/internal-error.js";
import { modelError } from "../model-error.js";
import type { LazyTensor, StateDict } from "./state-dict.js";
import { DTYPE_BYTES, toFloat32, type DType } from "./dtype.js";
import {
  isCount,
  isTuple,
  newDict,
  type AllowList,
  type Fail,
  type PickleOpaque,
  type PickleValue,
  type Reconstruction,
} from "./pickle-value.js";

/** The memory behind tensors: `key` names it in the file; its bytes come after unpickling. */
export class TorchStorage {
  bytes: Uint8Array | undefined;
  private widened: Float32Array | undefined;

  constructor(
    readonly key: string,
    readonly dtype: DType,
    /** Elements. */
    readonly count: number,
  ) {}

  get byteLength(): number {
    return this.count * DTYPE_BYTES[this.dtype];
  }

  /** All elements; widened once and shared by the tensors on this storage. */
  floats(): Float32Array {
    if (this.bytes === undefined) throw new InternalError(`storage ${this.key} has no bytes yet`);
    this.widened ??= toFloat32(this.dtype, this.bytes);
    return this.widened;
  }
}

export class TorchTensor implements LazyTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  /** Row-major float32. Contiguous tensors share the memory of their storage: do not write to it. */
  read(): Tensor {
    const source = this.storage.floats();
    const size = product(this.shape);
    if (this.isContiguous()) return { shape: this.shape, data: source.subarray(this.offset, this.offset + size) };
    const data = new Float32Array(size);
    const index = this.shape.map(() => 0);
    let from = this.offset;
    for (let i = 0; i < size; i++) {
      data[i] = source[from] ?? 0;
      for (let d = this.shape.length - 1; d >= 0; d--) {
        const [at, n, stride] = [(index[d] ?? 0) + 1, this.shape[d] ?? 0, this.strides[d] ?? 0];
        from += stride;
        index[d] = at;
        if (at < n) break;
        from -= stride * n;
        index[d] = 0;
      }
    }
    return { shape: this.shape, data };
  }

  private isContiguous(): boolean {
    let expected = 1;
    for (let d = this.shape.length - 1; d >= 0; d--) {
      if (this.shape[d] !== 1 && this.strides[d] !== expected) return false;
      expected *= this.shape[d] ?? 0;
    }
    return true;
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

const MAX_RANK = 8;

function counts(value: PickleValue | undefined): readonly number[] | undefined {
  return isTuple(value) && value.items.length <= MAX_RANK && value.items.every(isCount) ? value.items : undefined;
}

/** torch._utils._rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata?) */
function rebuildTensor(args: readonly PickleValue[], fail: Fail): PickleOpaque {
  const [storage, offset, size, stride] = args;
  if (typeof storage !== "object" || storage?.kind !== "opaque" || !(storage.value instanceof TorchStorage))
    throw fail("a tensor without a storage");
  const [shape, strides] = [counts(size), counts(stride)];
  if (!isCount(offset) || shape === undefined || strides?.length !== shape.length)
    throw fail("a tensor without a valid shape");
  const last = shape.reduce((sum, n, d) => sum + (n - 1) * (strides[d] ?? 0), offset);
  const elements = product(shape);
  if (elements > 0 && (last >= storage.value.count || elements > storage.value.count)) {
    throw fail(`a tensor of shape [${shape.join(", ")}] that leaves its storage of ${storage.value.count} elements`);
  }
  return { kind: "opaque", value: new TorchTensor(storage.value, elements > 0 ? offset : 0, shape, strides) };
}

/** torch._utils._rebuild_parameter(data, requires_grad, backward_hooks): the tensor itself. */
function rebuildParameter(args: readonly PickleValue[], fail: Fail): PickleValue {
  const [data] = args;
  if (typeof data !== "object" || data?.kind !== "opaque") throw fail("a parameter without a tensor");
  return data;
}

const STORAGE_TYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["torch.DoubleStorage", "F64"],
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
]);

/** Names that the weights of a torch file need. */
export const TORCH_NAMES: AllowList = new Map<string, Reconstruction>([
  ["torch._utils._rebuild_tensor_v2", { call: rebuildTensor }],
  ["torch._utils._rebuild_parameter", { call: rebuildParameter }],
  [
    "collections.OrderedDict",
    {
      call(args, fail) {
        if (args.length > 0) throw fail("an OrderedDict with arguments");
        return newDict();
      },
    },
  ],
  ...[...STORAGE_TYPES.keys()].map((name): [string, Reconstruction] => [name, {}]),
]);

/**
 * The storage that a persistent id names: ("storage", type, key, location, count). The same key gives the same storage.
 * Errors by `fail` if the id has another form, or a key is used again with another type or size.
 */
export function storageOf(id: PickleValue, known: Map<string, TorchStorage>, fail: Fail): PickleOpaque {
  const [tag, type, key, , count] = isTuple(id) ? id.items : [];
  const dtype = typeof type === "object" && type?.kind === "global" ? STORAGE_TYPES.get(type.name) : undefined;
  if (tag !== "storage" || dtype === undefined || typeof key !== "string" || !isCount(count))
    throw fail("a persistent id that names no storage");
  const storage = known.get(key) ?? new TorchStorage(key, dtype, count);
  if (storage.dtype !== dtype || storage.count !== count) throw fail(`storage '${key}' has two descriptions`);
  known.set(key, storage);
  return { kind: "opaque", value: storage };
}

/** Tied weights may share a storage; more elements than this times what is stored is an attack on memory. */
const MOST_SHARING = 4;
const SHARING_SLACK = 1_000_000;

/**
 * Refuses tensors that read the same memory over and over: each may be copied when it is converted, so a small file could fill memory.
 * Errors LaceError L5106.
 */
export function checkSharing(tensors: StateDict, file: string): void {
  const own = [...tensors.values()].filter((t) => t instanceof TorchTensor);
  const storages = new Set(own.map((t) => t.storage));
  const stored = [...storages].reduce((sum, s) => sum + s.count, 0);
  const wanted = own.reduce((sum, t) => sum + product(t.shape), 0);
  if (wanted > MOST_SHARING * stored + SHARING_SLACK)
    throw modelError("L5106", file, `its tensors have ${wanted} elements, its storages only ${stored}`);
}

/** The tensors of a state dict by name; entries that are no tensors are left out. */
export function tensorsOf(dict: PickleValue | undefined): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  if (typeof dict !== "object" || dict?.kind !== "dict") return tensors;
  for (const [name, value] of dict.entries) {
    if (
      typeof name === "string" &&
      typeof value === "object" &&
      value?.kind === "opaque" &&
      value.value instanceof TorchTensor
    ) {
      tensors.set(name, value.value);
    }
  }
  return tensors;
}
