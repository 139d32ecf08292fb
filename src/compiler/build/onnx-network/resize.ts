// ONNX's Resize and Upsample: each axis by a matrix of weights, or by repeating where it is that.
// Invariant: sizes are known before the graph runs.
// Source: ONNX, Resize: coordinate_transformation_mode, nearest_mode, cubic_coeff_a, exclude_outside.
import type { NodeId } from "../../graph/graph.js";
import { Untranslatable, type OnnxCall, type Translate } from "./translation.js";

/** How an axis is resized. */
interface Axis {
  readonly size: number;
  readonly newSize: number;
  /** As the model says it: not always newSize / size. */
  readonly scale: number;
}

/** Where entry i of the new axis lies in the old one. */
function positionOf(mode: string, { size, newSize, scale }: Axis, i: number): number {
  switch (mode) {
    case "asymmetric":
      return i / scale;
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      const adjustment = newSize / (scale * size);
      return (size / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return newSize > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return newSize > 1 ? (i * (size - 1)) / (newSize - 1) : 0;
    default:
      throw new Untranslatable(`it places pixels by '${mode.slice(0, 40)}'`);
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "round_prefer_ceil":
      return Math.floor(x + 0.5);
    case "round_prefer_floor":
      return Math.ceil(x - 0.5);
    default:
      throw new Untranslatable(`it takes the nearest by '${mode.slice(0, 40)}'`);
  }
}

/** Weights of the entries around a position. */
function weightsAt(c: OnnxCall, x: number, isOld: boolean): readonly (readonly [index: number, weight: number])[] {
  const mode = c.text("mode", "nearest");
  if (mode === "nearest") return [[nearest(c.text("nearest_mode", isOld ? "floor" : "round_prefer_floor"), x), 1]];
  const from = Math.floor(x);
  const t = x - from;
  if (mode === "linear" || mode === "bilinear")
    return [
      [from, 1 - t],
      [from + 1, t],
    ];
  if (mode !== "cubic") throw new Untranslatable(`it resizes by '${mode.slice(0, 40)}'`);
  const a = c.float("cubic_coeff_a", -0.75);
  const near = (d: number): number => (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  const far = (d: number): number => a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a;
  return [
    [from - 1, far(1 + t)],
    [from, near(t)],
    [from + 1, near(1 - t)],
    [from + 2, far(2 - t)],
  ];
}

/** [size, newSize], row-major: what lies beyond the ends is the end, or with exclude_outside nothing. */
function matrixOf(c: OnnxCall, axis: Axis): Float32Array {
  const { size, newSize } = axis;
  if (size * newSize > MOST_WEIGHTS) throw new Untranslatable("it makes a very large picture");
  const isOld = c.opset < 11;
  const mode = c.text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
  const [excludes, out] = [c.int("exclude_outside", 0) !== 0, new Float32Array(size * newSize)];
  for (let i = 0; i < newSize; i++) {
    const all = weightsAt(c, positionOf(mode, axis, i), isOld);
    const used = excludes ? all.filter(([k]) => k >= 0 && k < size) : all;
    const sum = excludes ? used.reduce((total, [, w]) => total + w, 0) : 1;
    for (const [k, w] of used) {
      const at = Math.min(size - 1, Math.max(0, k)) * newSize + i;
      out[at] = (out[at] ?? 0) + w / sum;
    }
  }
  return out;
}
const MOST_WEIGHTS = 2 ** 24;

function axisResized(c: OnnxCall, x: NodeId, axis: number, of: Axis): NodeId {
  const { b } = c;
  const shape = b.shape(x);
  const { size, newSize } = of;
  const data = matrixOf(c, of);
  const times = newSize / size;
  const isRepeated =
    Number.isInteger(times) &&
    Array.from({ length: newSize }, (_, i) => data[Math.floor(i / times) * newSize + i]).every((w) => w === 1);
  const [before, after] = [shape.slice(0, axis), shape.slice(axis + 1)];
  if (isRepeated) {
    const spread = b.broadcast(b.reshape(x, [...before, size, 1, ...after]), [...before, size, times, ...after]);
    return b.reshape(spread, [...before, newSize, ...after]);
  }
  const last = shape.map((_, d) => d).filter((d) => d !== axis);
  const turned = b.matmul(b.transpose(x, [...last, axis]), b.constant(data, [size, newSize]));
  return b.transpose(
    turned,
    shape.map((_, d) => (d === axis ? shape.length - 1 : last.indexOf(d))),
  );
}

const resize: Translate = (c) => {
  const x = c.input(0);
  const rank = x.shape.length;
  const hasBoth = c.file.opType === "Resize" && c.opset >= 11;
  if (c.int("antialias", 0) !== 0 || c.text("keep_aspect_ratio_policy", "stretch") !== "stretch")
    throw new Untranslatable("it smooths what it makes smaller, or keeps proportions");
  const axes = c.ints("axes")?.map((a) => (a < 0 ? a + rank : a)) ?? x.shape.map((_, d) => d);
  const given = (i: number): readonly number[] | undefined => {
    const list = c.optional(i) === undefined ? undefined : c.numbers(i);
    return list === undefined || list.length === 0 ? undefined : list;
  };
  const scales = given(hasBoth ? 2 : 1) ?? c.attribute("scales")?.floats;
  const sizes = hasBoth ? given(3) : undefined;
  let node = c.t.node(x);
  axes.forEach((axis, k) => {
    const size = x.shape[axis] ?? 1;
    const newSize = sizes?.[k] ?? Math.floor(size * (scales?.[k] ?? NaN));
    if (!Number.isInteger(newSize) || newSize < 1) throw new Untranslatable("it resizes to no size");
    const scale = sizes === undefined ? (scales?.[k] ?? 1) : newSize / size;
    if (newSize !== size || scale !== 1) node = axisResized(c, node, axis, { size, newSize, scale });
  });
  return [c.t.of(node)];
};

export const RESIZE: Readonly<Record<string, Translate>> = { Resize: resize, Upsample: resize };
