// Labelled latents of the StyleFlow data set: two pickles of numpy arrays, read without running anything.
// In: the bytes of `all_latents.pickle` and `att_light.pickle`. Out: w and the labels of every attribute.
// Invariants: None is a missing label; rows of the two files correspond one to one.
//
//   all_latents.pickle   {"Latent": [n, ..., d]}         w, one row a sample; singleton axes between are dropped
//   att_light.pickle     {"att_light": [array [n, 21]]}  numbers or None; columns in the order of COLUMNS
import type { Attribute } from "../../compiler/attribute.js";
import type { Tensor } from "../../compiler/weights.js";
import { modelError } from "../../models/model-error.js";
import { numpyArray, NUMPY_NAMES, type NumpyArray } from "../../models/formats/numpy-array.js";
import { isDict, isTuple, type PickleValue } from "../../models/formats/pickle-value.js";
import { unpickle } from "../../models/formats/unpickle.js";
import { extremes } from "./label-table.js";

export const LATENTS_FILE = "all_latents.pickle";
export const ATTRIBUTES_FILE = "att_light.pickle";

/** Columns of att_light by name: 1 is a number, more is a class. */
const COLUMNS: readonly (readonly [string, number])[] = [
  ["width", 1],
  ["height", 1],
  ["smile", 2],
  ["pitch", 1],
  ["roll", 1],
  ["yaw", 1],
  ["gender", 2],
  ["age", 1],
  ["beard", 2],
  ["glasses", 2],
  ["bald", 1],
  ["haircolor", 5],
  ...Array.from({ length: 9 }, (_, k) => [`light${k}`, 1] as const),
];

/** Each number of the arrays is several operations of a pickle when it is an object. */
const LIMITS = { depth: 100, opcodes: 100_000_000 };

export interface LabelledLatents {
  readonly count: number;
  readonly wDim: number;
  /** [count, wDim] */
  readonly w: Float32Array;
  /** Those that have two different labels at least. */
  readonly attributes: readonly Attribute[];
  /** [count] of each attribute. */
  readonly labels: ReadonlyMap<string, Float32Array>;
}

/**
 * Reads the two files.
 *
 * Errors   LaceError L5104 to L5106 (pickles), L5107 (they hold something else).
 */
export function readStyleflow(
  latents: { readonly bytes: Uint8Array; readonly file: string },
  attributes: { readonly bytes: Uint8Array; readonly file: string },
): LabelledLatents {
  const w = arrayUnder("Latent", latents);
  const wDim = w.shape.at(-1) ?? 0;
  const count = w.shape[0] ?? 0;
  if (w.shape.length < 2 || count * wDim !== w.data.length || count === 0)
    throw modelError(
      "L5107",
      latents.file,
      `its latents have shape [${w.shape.join(", ")}], not [n, ..., d] with one w a row`,
    );
  if (!w.data.every(Number.isFinite)) throw modelError("L5107", latents.file, "a latent is not finite");
  const table = arrayUnder("att_light", attributes);
  const [rows = 0, columns = 0] = table.shape;
  if (table.shape.length !== 2 || columns !== COLUMNS.length)
    throw modelError(
      "L5107",
      attributes.file,
      `its table has shape [${table.shape.join(", ")}], not [n, ${COLUMNS.length}]`,
    );
  if (rows !== count)
    throw modelError("L5107", attributes.file, `it labels ${rows} samples, ${latents.file} has ${count}`);
  const labels = new Map<string, Float32Array>();
  const known: Attribute[] = [];
  COLUMNS.forEach(([name, classes], k) => {
    const column = Float32Array.from({ length: count }, (_, row) => table.data[row * columns + k] ?? NaN);
    const attribute = attributeOf(name, classes, column, attributes.file);
    if (attribute === undefined) return;
    known.push(attribute);
    labels.set(name, column);
  });
  return { count, wDim, w: w.data, attributes: known, labels };
}

/** The row of a column of so many classes (1: of numbers); undefined where it says nothing. Errors LaceError L5107 for a class that there is not. */
export function attributeOf(name: string, classes: number, column: Float32Array, file: string): Attribute | undefined {
  const values = column.filter((v) => !Number.isNaN(v));
  const { min, max } = extremes(values);
  if (!(min < max)) return undefined;
  if (classes === 1) {
    // The data set scales its numbers to 0..1; a column in another unit keeps its own range.
    const [low, high] = min >= 0 && max <= 1 ? [0, 1] : [min, max];
    return { name, type: "scalar", min: low, max: high, sigma: (high - low) / 10 };
  }
  const odd = values.find((v) => !Number.isInteger(v) || v < 0 || v >= classes);
  if (odd !== undefined)
    throw modelError("L5107", file, `\`${name}\` has a label ${odd}; its classes are 0 to ${classes - 1}`);
  if (classes === 2) return { name, type: "binary", classes: ["no", "yes"], temperature: 1 };
  return { name, type: "category", classes: Array.from({ length: classes }, (_, c) => `${name}${c}`), temperature: 1 };
}

/** The array that a pickled dict holds under a key, alone or as the first of a list. Errors LaceError L5104 to L5107, the last with the hint. */
export function arrayUnder(
  key: string,
  { bytes, file }: { readonly bytes: Uint8Array; readonly file: string },
  hint = "--from-styleflow reads the files of StyleFlow's data set",
): Tensor {
  const { value } = unpickle(bytes, { file, allow: NUMPY_NAMES, limits: LIMITS });
  const held = isDict(value) ? value.entries.get(key) : undefined;
  const array = firstArray(held);
  if (array === undefined) throw modelError("L5107", file, `it holds no array under "${key}"`, [hint]);
  return array.read();
}

function firstArray(value: PickleValue | undefined): NumpyArray | undefined {
  const own = numpyArray(value);
  if (own !== undefined || value === null || value === undefined) return own;
  if (isTuple(value)) return numpyArray(value.items[0]);
  return typeof value === "object" && value.kind === "list" ? numpyArray(value.items[0]) : undefined;
}
