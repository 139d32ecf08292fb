// Small files of labelled latents whose labels a head can learn: halves of space, sectors, a slope.
// In: a seed and sizes. Out: bytes of a data file (docs/data.md). Invariants: the same seed gives the same bytes.
import type { Attribute } from "../../src/compiler/attribute.js";
import type { Tensor } from "../../src/compiler/weights.js";
import { writeSafetensors } from "../../src/models/formats/safetensors.js";
import { random } from "./random.js";

export const LABELLED: readonly Attribute[] = [
  { name: "glasses", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "smile", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "hair", type: "category", classes: ["black", "brown", "blond"], temperature: 1 },
  { name: "tilt", type: "scalar", min: 0, max: 1, sigma: 0.1 },
];

export interface LabelledOptions {
  readonly seed?: number;
  readonly rows?: number;
  readonly wDim?: number;
  readonly attributes?: readonly Attribute[];
  /** Part of the labels that is missing. */
  readonly missing?: number;
  readonly probs?: boolean;
  /** Changes tensors and metadata before they are written. */
  readonly spoil?: (tensors: Map<string, Tensor>, metadata: Record<string, unknown>) => void;
}

export function labelledData(options: LabelledOptions = {}): Uint8Array {
  const { seed = 1, rows = 400, wDim = 8, attributes = LABELLED, missing = 0, probs = false, spoil } = options;
  const r = random(seed);
  const w = Float32Array.from({ length: rows * wDim }, () => 3 + 2 * r.normal());
  const directions = attributes.map(() => Array.from({ length: wDim }, () => r.normal()));
  const tensors = new Map<string, Tensor>([
    ["w", { shape: [rows, wDim], data: w }],
    ["z", { shape: [rows, wDim], data: w.map((v) => (v - 3) / 2) }],
  ]);
  attributes.forEach((a, k) => {
    const classes = a.type === "scalar" ? 0 : a.classes.length;
    const labels = new Float32Array(rows);
    const soft = new Float32Array(rows * classes);
    for (let row = 0; row < rows; row++) {
      const length = Math.hypot(...directions[k]!);
      const s = directions[k]!.reduce((sum, d, i) => sum + d * ((w[row * wDim + i]! - 3) / 2), 0) / length;
      labels[row] =
        a.type === "scalar" ? 0.5 + 0.2 * Math.tanh(s) : Math.min(classes - 1, Math.floor((classes * (s + 2)) / 4.01));
      if (a.type !== "scalar") labels[row] = Math.max(0, labels[row] ?? 0);
      if (r.next() < missing) labels[row] = NaN;
      for (let c = 0; c < classes; c++)
        soft[row * classes + c] = Number.isNaN(labels[row]) ? NaN : c === labels[row] ? 0.9 : 0.1 / (classes - 1);
    }
    tensors.set(`labels.${a.name}`, { shape: [rows], data: labels });
    if (probs && classes > 0) tensors.set(`probs.${a.name}`, { shape: [rows, classes], data: soft });
  });
  const metadata: Record<string, unknown> = {
    format: 1,
    kind: "data",
    count: rows,
    model: { name: "random", sha256: null, zDim: wDim, wDim },
    attributes: attributes.map((a) =>
      a.type === "scalar" ? a : { name: a.name, type: a.type, ...(a.type === "category" && { classes: a.classes }) },
    ),
    labeller: { name: "by hand", sha256: null },
    seed: null,
    truncation: null,
    jitter: null,
    lacec: "0.1.0",
  };
  spoil?.(tensors, metadata);
  return writeSafetensors(tensors, { lace: JSON.stringify(metadata) });
}
