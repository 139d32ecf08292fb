// ONNX operations that move entries about: shapes, slices, constants.
// Invariant: shapes, axes and indices are known before the graph runs.
import type { NodeId } from "../../graph/graph.js";
import { Untranslatable, type OnnxCall, type Translate, type OnnxOperand } from "./translation.js";

function reshaped(c: OnnxCall, x: OnnxOperand, to: readonly number[]): readonly OnnxOperand[] {
  if (x.known !== undefined) return [{ shape: to, known: x.known }];
  return [c.t.of(c.b.reshape(c.t.node(x), to))];
}

const reshape: Translate = (c) => {
  const x = c.input(0);
  const wanted = c.numbers(1) ?? c.ints("shape") ?? [];
  const kept = wanted.map((n, d) => (n === 0 && c.int("allowzero", 0) === 0 ? (x.shape[d] ?? 1) : n));
  const size = x.shape.reduce((a, b) => a * b, 1);
  const others = kept.filter((n) => n !== -1).reduce((a, b) => a * b, 1);
  return reshaped(
    c,
    x,
    kept.map((n) => (n === -1 ? size / others : n)),
  );
};

const flatten: Translate = (c) => {
  const x = c.input(0);
  const axis = c.axis(1, x.shape.length);
  const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);
  return reshaped(c, x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))]);
};

const squeeze: Translate = (c) => {
  const x = c.input(0);
  const axes = c.axes(1, x.shape.length) ?? x.shape.flatMap((n, d) => (n === 1 ? [d] : []));
  return reshaped(
    c,
    x,
    x.shape.filter((_, d) => !axes.includes(d)),
  );
};

const unsqueeze: Translate = (c) => {
  const x = c.input(0);
  const count = (c.ints("axes") ?? c.numbers(1) ?? []).length;
  const axes = c.axes(1, x.shape.length + count) ?? [];
  const rest = [...x.shape];
  return reshaped(
    c,
    x,
    Array.from({ length: x.shape.length + count }, (_, d) => (axes.includes(d) ? 1 : (rest.shift() ?? 1))),
  );
};

const transpose: Translate = (c) => {
  const x = c.input(0);
  const order = c.ints("perm") ?? x.shape.map((_, d) => x.shape.length - 1 - d);
  return [c.t.of(c.b.transpose(c.t.node(x), order))];
};

const concat: Translate = (c) => {
  const parts = c.inputs;
  const axis = c.axis(0, parts[0]?.shape.length ?? 1);
  if (axis === 1 && parts.every((p) => p.channelsLast === true))
    return [
      c.t.fromImage(
        c.b.concat(
          parts.map((p) => c.t.image(p)),
          3,
        ),
      ),
    ];
  return [
    c.t.of(
      c.b.concat(
        parts.map((p) => c.t.node(p)),
        axis,
      ),
    ),
  ];
};

const split: Translate = (c) => {
  const x = c.input(0);
  const axis = c.axis(0, x.shape.length);
  const size = x.shape[axis] ?? 0;
  const equal = Math.ceil(size / c.outputs);
  const sizes =
    c.ints("split") ?? c.numbers(1) ?? Array.from({ length: c.outputs }, (_, i) => Math.min(equal, size - i * equal));
  const node = c.t.node(x);
  let start = 0;
  return sizes.map((n) => {
    const part = c.t.of(c.b.sliceAxis(node, axis, start, n));
    start += n;
    return part;
  });
};

const slice: Translate = (c) => {
  const x = c.input(0);
  const starts = c.ints("starts") ?? c.numbers(1) ?? [];
  const ends = c.ints("ends") ?? c.numbers(2) ?? [];
  const axes = c.axes(3, x.shape.length) ?? starts.map((_, d) => d);
  const steps = c.numbers(4) ?? [];
  let node = c.t.node(x);
  axes.forEach((axis, i) => {
    const size = x.shape[axis] ?? 0;
    if ((steps[i] ?? 1) !== 1) throw new Untranslatable("its steps are not 1");
    const at = (n: number): number => Math.min(size, Math.max(0, n < 0 ? n + size : n));
    const [from, to] = [at(starts[i] ?? 0), at(ends[i] ?? size)];
    node = c.b.sliceAxis(node, axis, from, Math.max(0, to - from));
  });
  return [c.t.of(node)];
};

const gather: Translate = (c) => {
  const x = c.input(0);
  const axis = c.axis(0, x.shape.length);
  const indices = c.numbers(1) ?? [];
  const size = x.shape[axis] ?? 0;
  if (indices.length === 0 || indices.length > MOST_INDICES) throw new Untranslatable("it takes very many entries");
  const node = c.t.node(x);
  const parts: NodeId[] = indices.map((i) => c.b.sliceAxis(node, axis, i < 0 ? i + size : i, 1));
  const shape = [...x.shape.slice(0, axis), ...c.input(1).shape, ...x.shape.slice(axis + 1)];
  return [c.t.of(c.b.reshape(c.b.concat(parts, axis), shape))];
};
/** Entries that are sliced out one by one. */
const MOST_INDICES = 1024;

const expand: Translate = (c) => {
  const x = c.input(0);
  const wanted = c.numbers(1) ?? [];
  const rank = Math.max(wanted.length, x.shape.length);
  const fill = (list: readonly number[]): number[] => [...Array.from({ length: rank - list.length }, () => 1), ...list];
  const [own, other] = [fill(x.shape), fill(wanted)];
  const to = own.map((n, d) => Math.max(n, other[d] ?? 1));
  return [c.t.of(c.b.broadcast(c.b.reshape(c.t.node(x), own), to))];
};

const pad: Translate = (c) => {
  const x = c.input(0);
  const pads = c.ints("pads") ?? c.numbers(1) ?? [];
  const value = c.attribute("value")?.f ?? c.numbers(2)?.[0] ?? 0;
  if (pads.every((p) => p === 0)) return [x];
  if (c.text("mode", "constant") !== "constant" || value !== 0)
    throw new Untranslatable("it pads with other than zeros");
  const rank = x.shape.length;
  return [c.t.of(c.b.pad(c.t.node(x), pads.slice(0, rank), pads.slice(rank)))];
};

const constant: Translate = (c) => {
  const tensor = c.attribute("value")?.t;
  if (tensor !== undefined) return [{ shape: tensor.dims, known: tensor.read() }];
  const [f, i] = [c.attribute("value_float")?.f, c.attribute("value_int")?.i];
  if (f !== undefined || i !== undefined) return [{ shape: [], known: Float32Array.of(f ?? i ?? 0) }];
  const list = c.attribute("value_floats")?.floats ?? c.attribute("value_ints")?.ints;
  if (list === undefined) throw new Untranslatable("its value is of a kind that is not read");
  return [{ shape: [list.length], known: Float32Array.from(list) }];
};

const constantOfShape: Translate = (c) => {
  const shape = c.numbers(0) ?? [];
  const count = shape.reduce((a, b) => a * b, 1);
  if (count > MOST_CONSTANT) throw new Untranslatable("it makes a very large constant");
  const value = c.attribute("value")?.t?.read()[0] ?? 0;
  return [{ shape, known: new Float32Array(count).fill(value) }];
};
const MOST_CONSTANT = 1_000_000;

/** Nearest neighbours by whole factors, as generators and feature pyramids enlarge. */
const resize: Translate = (c) => {
  const x = c.input(0);
  const [, , h = 1, w = 1] = x.shape;
  const scales = c.ints("scales") ?? c.optional(2)?.known ?? c.attribute("scales")?.floats;
  const sizes = c.optional(3)?.known;
  const [up = 0, across = 0] =
    sizes !== undefined ? [(sizes[2] ?? 0) / h, (sizes[3] ?? 0) / w] : [...(scales ?? [])].slice(2);
  const whole = Number.isInteger(up) && Number.isInteger(across) && up >= 1 && across >= 1;
  if (c.text("mode", "nearest") !== "nearest" || !whole || x.shape.length !== 4)
    throw new Untranslatable("it resizes other than by whole factors to nearest neighbours");
  const [n = 1, channels = 1] = x.shape;
  const spread = c.b.broadcast(c.b.reshape(c.t.node(x), [n, channels, h, 1, w, 1]), [n, channels, h, up, w, across]);
  return [c.t.of(c.b.reshape(spread, [n, channels, h * up, w * across]))];
};

export const SHAPES: Readonly<Record<string, Translate>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Expand: expand,
  Pad: pad,
  Shape: (c) => [{ shape: [c.input(0).shape.length], known: Float32Array.from(c.input(0).shape) }],
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Resize: resize,
  Upsample: resize,
};
