// Which tensors a data file has and where they lie (docs/data.md): known before the first row, so that rows can be written as they come.
// In: metadata. Out: a layout, and rows as bytes for it. Invariants: float32 first, bytes (thumbnails) last, so that all is aligned.
import type { Attribute } from "../../compiler/attribute.js";
import { InternalError } from "../../source/internal-error.js";
import { layoutSafetensors, type SafetensorsLayout, type WrittenDType } from "../../models/formats/safetensors.js";
import { DATA_KEY, printDataMetadata, type DataMetadata } from "./data-metadata.js";

export interface DataShape {
  /** Whether truncation and jitter are known for each row. */
  readonly conditions: boolean;
  /** Attributes whose probabilities are kept. */
  readonly probabilities: readonly string[];
  /** Edge of the square thumbnails in pixels; 0: none. */
  readonly thumbnails: number;
}

/** Some rows of a data file: one array for each tensor, the rows one after another. */
export type DataRows = ReadonlyMap<string, Float32Array | Uint8Array>;

/** Lays out a data file. */
export function layoutData(metadata: DataMetadata, shape: DataShape): SafetensorsLayout {
  const { count, model, attributes } = metadata;
  const tensors = new Map<string, { readonly dtype: WrittenDType; readonly shape: readonly number[] }>();
  const float = (name: string, ...rest: readonly number[]): void => {
    tensors.set(name, { dtype: "F32", shape: [count, ...rest] });
  };
  float("w", model.wDim);
  if (model.zDim !== null) float("z", model.zDim);
  if (shape.conditions) {
    float("truncation");
    float("jitter");
  }
  for (const a of attributes) float(`labels.${a.name}`);
  for (const a of attributes)
    if (a.type !== "scalar" && shape.probabilities.includes(a.name)) float(`probs.${a.name}`, a.classes.length);
  if (shape.thumbnails > 0)
    tensors.set("thumbnails", { dtype: "U8", shape: [count, shape.thumbnails, shape.thumbnails, 3] });
  return layoutSafetensors(tensors, { [DATA_KEY]: printDataMetadata(metadata) });
}

/**
 * What of a data file does not depend on how many rows of a seed are in it: two files of which this is the same can be parts of one.
 */
export function settingsOf(metadata: DataMetadata, { tensors }: Pick<SafetensorsLayout, "tensors">): string {
  const settings = { ...metadata, count: 1 };
  delete settings.shard;
  const rows = [...tensors].map(([name, { dtype, shape }]) => [name, dtype, ...shape.slice(1)]);
  return JSON.stringify({ data: JSON.parse(printDataMetadata(settings)) as unknown, rows });
}

/** A data file whose rows are all at hand. Errors InternalError if some are missing. */
export function dataBytes(layout: SafetensorsLayout, rows: DataRows): Uint8Array {
  const bytes = new Uint8Array(layout.bytes);
  bytes.set(layout.head);
  for (const [name, { start, end }] of layout.tensors) {
    const data = rows.get(name);
    if (data?.byteLength !== end - start) throw new InternalError(`not all rows of ${name}`);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  }
  return bytes;
}

/**
 * What a labeller says of some images, as the tensors of a data file.
 *
 * Shapes   columns [n, K]: logits of classes (log p up to a constant), scalars as they are, NaN where nothing is known.
 */
export function labelRows(
  columns: Float32Array,
  attributes: readonly Attribute[],
  shape: Pick<DataShape, "probabilities">,
): Map<string, Float32Array> {
  const width = attributes.reduce((sum, a) => sum + (a.type === "scalar" ? 1 : a.classes.length), 0);
  const n = columns.length / width;
  if (!Number.isInteger(n)) throw new InternalError(`${columns.length} numbers are no rows of ${width}`);
  const rows = new Map<string, Float32Array>();
  let at = 0;
  for (const a of attributes) {
    const classes = a.type === "scalar" ? 1 : a.classes.length;
    const labels = new Float32Array(n);
    const probs = new Float32Array(a.type === "scalar" ? 0 : n * classes);
    for (let row = 0; row < n; row++) {
      const own = columns.subarray(row * width + at, row * width + at + classes);
      if (a.type === "scalar") {
        labels[row] = Number.isFinite(own[0]) ? (own[0] ?? NaN) : NaN;
        continue;
      }
      const p = softmax(own);
      probs.set(p, row * classes);
      labels[row] = Number.isNaN(p[0] ?? NaN) ? NaN : p.indexOf(Math.max(...p));
    }
    rows.set(`labels.${a.name}`, labels);
    if (a.type !== "scalar" && shape.probabilities.includes(a.name)) rows.set(`probs.${a.name}`, probs);
    at += classes;
  }
  return rows;
}

/** Probabilities of logits; NaN throughout if one of them is NaN. */
function softmax(logits: Float32Array): Float32Array {
  const top = Math.max(...logits);
  const powers = logits.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}
