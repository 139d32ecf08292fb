// What unpickling gives: plain data that mirrors Python's, and the contract of names that a reader allows.
// In: nothing. Out: types for unpickle.ts and the readers built on it.
// Invariants: nothing here can run code from a file; a name in a pickle is looked up in an AllowList that is a constant of lacec.

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleBytes
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleOpaque;

/** A view into the pickle. */
export interface PickleBytes {
  readonly kind: "bytes";
  readonly bytes: Uint8Array;
}
/** Also a frozenset. */
export interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
}
/** Also a set. */
export interface PickleList {
  readonly kind: "list";
  readonly items: PickleValue[];
}
/** Keys that are numbers or strings compare by value, others by identity. `attributes` is what BUILD set on it. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: Map<PickleValue, PickleValue>;
  attributes?: PickleValue;
}
/** An allowed name, such as a class, that the pickle refers to. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
  readonly meaning: Reconstruction;
}
/** What a reconstruction made: narrow it with `instanceof`. `build` takes the state of a BUILD. */
export interface PickleOpaque {
  readonly kind: "opaque";
  readonly value: object;
  readonly build?: (state: PickleValue, fail: Fail, copy: Copy) => void;
}

/** Makes the error "damaged pickle" at the current byte offset. */
export type Fail = (what: string) => Error;

/** Counts bytes that are copied, or will be when a value is used, against the budget of the file (work-budget.ts). */
export type Copy = (bytes: number) => void;

/** What an allowed name stands for. `call` answers REDUCE and NEWOBJ; without it the name is only a marker, such as a dtype. */
export interface Reconstruction {
  readonly call?: (args: readonly PickleValue[], fail: Fail, copy: Copy) => PickleValue;
}

/** Allowed names, as "module.qualified_name". */
export type AllowList = ReadonlyMap<string, Reconstruction>;

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return typeof value === "object" && value !== null && value.kind === "dict";
}

export function isTuple(value: PickleValue | undefined): value is PickleTuple {
  return typeof value === "object" && value !== null && value.kind === "tuple";
}

/** An empty dict, as `{}` and OrderedDict() make. */
export function newDict(): PickleDict {
  return { kind: "dict", entries: new Map() };
}

/** A whole number that is not negative. */
export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
