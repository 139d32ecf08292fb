// Labelled latents as the LACE paper's scripts keep them for CIFAR-10, MetFaces and AFHQ: pickles of numpy arrays, read without running anything.
// In: the bytes of `ws_latent.pickle`, of `pred.pickle` or `pred0.3.pickle`, and perhaps of `z_latent.pickle`. Out: w, z and the labels of every column.
// Invariants: None and -1 are missing labels; rows of the files correspond one to one.
//
//   ws_latent.pickle   {"ws_latent": [array [n, layers, d]]}   w of the first layer: without truncation all layers have the same
//   z_latent.pickle    {"z_latent": [array [n, zDim]]}         what w was mapped from
//   predX.pickle       {"predX": [array [n, k]]}, or [n]       numbers of classes and scalars, column by column
import type { Attribute } from "../../compiler/attribute.js";
import type { Tensor } from "../../compiler/weights.js";
import { modelError } from "../../models/model-error.js";
import { arrayUnder, attributeOf, type LabelledLatents } from "./styleflow.js";

export const W_FILE = "ws_latent.pickle";
export const Z_FILE = "z_latent.pickle";
/** Where labels may be: those of a classifier, or of CLIP from some confidence on. */
export const LABEL_FILES = ["pred", ...Array.from({ length: 9 }, (_, i) => `pred0.${i + 1}`)].map((n) => `${n}.pickle`);

export interface LaceLatents extends LabelledLatents {
  /** [count, zDim], where there is one. */
  readonly z?: Float32Array;
  readonly zDim?: number;
}

interface PickleFile {
  readonly bytes: Uint8Array;
  readonly file: string;
}

/** A column by name: how many classes, their names, or 1 for a number. */
type Column = readonly [string, number | readonly string[]];

/** The published tables by their columns. */
const TABLES: readonly (readonly Column[])[] = [
  [["object", ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]]],
  [
    ["breeds", 16],
    ["haircolor", ["white", "ginger", "black", "grey", "brown", "cream", "cinnamon"]],
    ["moods", ["grumpy", "playful", "bored", "fearful", "happy"]],
    ["age", ["kitten", "elderly"]],
  ],
  [
    ...([
      ["yaw", 1],
      ["light3", 1],
      ["smile", 2],
      ["gender", 2],
      ["age", 1],
      ["glasses", 2],
    ] as const),
    ...([
      ["pitch", 1],
      ["haircolor", 5],
      ["beard", 2],
      ["bald", 1],
      ["light0", 1],
      ["width", 1],
    ] as const),
  ],
];

/**
 * Reads the files. `given` says what the columns are, in their order; without it they are those of the published tables: 1 of CIFAR-10, 4 of AFHQ's cats, 12 of MetFaces.
 *
 * Errors   LaceError L5104 to L5106 (pickles), L5107 (they hold something else, or columns that nobody names).
 */
export function readLaceLatents(
  files: { readonly w: PickleFile; readonly z?: PickleFile; readonly labels: PickleFile },
  given?: readonly Attribute[],
): LaceLatents {
  const w = firstLayer(arrayUnder("ws_latent", files.w, HINT), files.w.file);
  const [count = 0, wDim = 0] = w.shape;
  const table = arrayUnder(keyOf(files.labels.file), files.labels, HINT);
  const [rows = 0, columns = 1] = table.shape;
  if (table.shape.length > 2 || rows !== count)
    throw modelError(
      "L5107",
      files.labels.file,
      `its labels have shape [${table.shape.join(", ")}], ${files.w.file} has ${count} latents`,
    );
  const labels = new Map<string, Float32Array>();
  const attributes: Attribute[] = [];
  columnsOf(columns, given, files.labels.file).forEach((column, k) => {
    const values = Float32Array.from({ length: count }, (_, row) => table.data[row * columns + k] ?? NaN);
    const known = values.map((v) => (v === MISSING ? NaN : v));
    const attribute = rowOf(column, known, files.labels.file);
    if (attribute === undefined) return;
    attributes.push(attribute);
    labels.set(attribute.name, known);
  });
  return { count, wDim, w: w.data, attributes, labels, ...(files.z !== undefined && zOf(files.z, count)) };
}

const MISSING = -1;
const HINT = "--from-lace reads what the LACE paper's scripts keep: ws_latent.pickle, pred.pickle, z_latent.pickle";

/** The key of a file of labels is its name. */
function keyOf(file: string): string {
  return file.replace(/^.*[/\\]/, "").replace(/\.pickle$/, "");
}

/** [n, d] of w [n, layers, d] or [n, d]. */
function firstLayer({ shape, data }: Tensor, file: string): Tensor {
  const [count = 0, wDim] = [shape[0], shape.at(-1) ?? 0];
  const each = count === 0 ? 0 : data.length / count;
  if (shape.length < 2 || shape.length > 3 || each < wDim || wDim === 0)
    throw modelError("L5107", file, `its latents have shape [${shape.join(", ")}], not [n, layers, d]`);
  const w = new Float32Array(count * wDim);
  for (let row = 0; row < count; row++) w.set(data.subarray(row * each, row * each + wDim), row * wDim);
  if (!w.every(Number.isFinite)) throw modelError("L5107", file, "a latent is not finite");
  return { shape: [count, wDim], data: w };
}

function zOf(given: PickleFile, count: number): Pick<LaceLatents, "z" | "zDim"> {
  const { shape, data } = arrayUnder("z_latent", given, HINT);
  if (shape.length !== 2 || shape[0] !== count || !data.every(Number.isFinite))
    throw modelError("L5107", given.file, `its latents have shape [${shape.join(", ")}], not [${count}, zDim]`);
  return { z: data, zDim: shape[1] ?? 0 };
}

function columnsOf(
  columns: number,
  given: readonly Attribute[] | undefined,
  file: string,
): readonly (Column | Attribute)[] {
  if (given !== undefined && given.length !== columns)
    throw modelError("L5107", file, `it has ${columns} columns of labels, --attributes names ${given.length}`);
  const found = given ?? TABLES.find((table) => table.length === columns);
  if (found !== undefined) return found;
  throw modelError("L5107", file, `it has ${columns} columns of labels, which no published table has`, [
    "say what they are, in their order: --attributes FILE.json (docs/packs.md)",
  ]);
}

/** The row of a column; undefined where all its labels are the same. */
function rowOf(column: Column | Attribute, values: Float32Array, file: string): Attribute | undefined {
  if ("name" in column) {
    const classes = column.type === "scalar" ? 1 : column.classes.length;
    return attributeOf(column.name, classes, values, file) && column;
  }
  const [name, classes] = column;
  const row = attributeOf(name, typeof classes === "number" ? classes : classes.length, values, file);
  if (typeof classes === "number" || row === undefined) return row;
  return { name, type: "category", classes, temperature: 1 };
}
