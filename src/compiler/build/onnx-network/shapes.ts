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
    const [size, step] = [x.shape[axis] ?? 0, steps[i] ?? 1];
    if (step === 0 || !Number.isInteger(step)) throw new Untranslatable("its step is none");
    // Where it goes backwards it may end before the first entry.
    const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
    const at = (n: number): number => Math.min(most, Math.max(least, n < 0 ? n + size : n));
    const [from, to] = [at(starts[i] ?? 0), at(ends[i] ?? size)];
    const count = Math.max(0, Math.ceil((to - from) / step));
    if (step === 1) node = c.b.sliceAxis(node, axis, from, count);
    else if (count > MOST_INDICES) throw new Untranslatable("it takes very many entries one by one");
    else
      node = taken(
        c,
        node,
        axis,
        Array.from({ length: count }, (_, k) => from + k * step),
      );
  });
  return [c.t.of(node)];
};

/** Entries of an axis, in an order; those that follow one another are taken together. */
function taken({ b }: OnnxCall, node: NodeId, axis: number, indices: readonly number[]): NodeId {
  const runs: { readonly from: number; count: number }[] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last !== undefined && last.from + last.count === index) last.count++;
    else runs.push({ from: index, count: 1 });
  }
  if (runs.length > MOST_INDICES) throw new Untranslatable("it takes very many entries one by one");
  return b.concat(
    runs.map(({ from, count }) => b.sliceAxis(node, axis, from, count)),
    axis,
  );
}

const gather: Translate = (c) => {
  const x = c.input(0);
  const axis = c.axis(0, x.shape.length);
  const indices = c.numbers(1) ?? [];
  const size = x.shape[axis] ?? 0;
  if (indices.length === 0) throw new Untranslatable("it takes no entries");
  const shape = [...x.shape.slice(0, axis), ...c.input(1).shape, ...x.shape.slice(axis + 1)];
  const entries = taken(
    c,
    c.t.node(x),
    axis,
    indices.map((i) => (i < 0 ? i + size : i)),
  );
  return [c.t.of(c.b.reshape(entries, shape))];
};
/** Entries that are sliced out one by one. */
const MOST_INDICES = 1024;

const tile: Translate = (c) => {
  const x = c.input(0);
  const repeats = c.numbers(1) ?? [];
  if (repeats.length !== x.shape.length || !repeats.every((n) => Number.isInteger(n) && n > 0 && n <= MOST_INDICES))
    throw new Untranslatable("it repeats by numbers that make no sense");
  const node = repeats.reduce((y, n, d) => c.b.concat(new Array<NodeId>(n).fill(y), d), c.t.node(x));
  return [c.t.of(node)];
};

const range: Translate = (c) => {
  const [start = 0, limit = 0, step = 1] = [0, 1, 2].map((i) => c.numbers(i)?.[0]);
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!(count <= MOST_CONSTANT)) throw new Untranslatable("it makes a very large constant");
  return [{ shape: [count], known: Float32Array.from({ length: count }, (_, i) => start + i * step) }];
};

/** Blocks of channels as pixels. */
const depthToSpace: Translate = (c) => {
  const x = c.input(0);
  const [n = 1, channels = 1, h = 1, w = 1] = x.shape;
  const k = c.int("blocksize", 1);
  const depth = channels / (k * k);
  const isColumnsFirst = c.text("mode", "DCR") === "CRD";
  const split = c.b.reshape(c.t.node(x), isColumnsFirst ? [n, depth, k, k, h, w] : [n, k, k, depth, h, w]);
  const order = isColumnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return [c.t.of(c.b.reshape(c.b.transpose(split, order), [n, depth, h * k, w * k]))];
};

const spaceToDepth: Translate = (c) => {
  const x = c.input(0);
  const [n = 1, channels = 1, h = 1, w = 1] = x.shape;
  const k = c.int("blocksize", 1);
  const split = c.b.reshape(c.t.node(x), [n, channels, h / k, k, w / k, k]);
  return [c.t.of(c.b.reshape(c.b.transpose(split, [0, 3, 5, 1, 2, 4]), [n, channels * k * k, h / k, w / k]))];
};

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
  const rank = x.shape.length;
  const given = c.ints("pads") ?? c.numbers(1) ?? [];
  const axes = c.numbers(3)?.map((a) => (a < 0 ? a + rank : a)) ?? x.shape.map((_, d) => d);
  const end = (d: number, side: number): number => {
    const k = axes.indexOf(d);
    return k < 0 ? 0 : (given[k + side * axes.length] ?? 0);
  };
  const [before, after] = [x.shape.map((_, d) => end(d, 0)), x.shape.map((_, d) => end(d, 1))];
  if ([...before, ...after].every((p) => p === 0)) return [x];
  const mode = c.text("mode", "constant");
  const node = c.t.node(x);
  if (mode === "reflect" || mode === "edge") return [c.t.of(mirrored(c, node, before, after, mode === "edge"))];
  if (mode !== "constant") throw new Untranslatable(`it pads by '${mode.slice(0, 20)}'`);
  const value = c.attribute("value")?.f ?? c.numbers(2)?.[0] ?? 0;
  const room = c.b.pad(node, before, after);
  if (value === 0) return [c.t.of(room)];
  // The value where there is nothing, over the axes that grow.
  const sizes = x.shape.map((n, d) => (before[d] === 0 && after[d] === 0 ? 1 : n));
  const inside = c.b.pad(c.b.broadcast(c.b.scalar(1), sizes), before, after);
  const around = c.b.sub(c.b.scalar(1), inside);
  const bounded = Math.max(-3.4e38, Math.min(3.4e38, value));
  return [c.t.of(c.b.add(room, c.b.mul(around, c.b.scalar(bounded))))];
};

/** Padding by what is there, from the edge inwards, or by the edge itself; negative room cuts off. */
function mirrored(
  c: OnnxCall,
  x: NodeId,
  before: readonly number[],
  after: readonly number[],
  isEdge: boolean,
): NodeId {
  return c.b.shape(x).reduce((y, size, axis) => {
    const [first, last] = [before[axis] ?? 0, after[axis] ?? 0];
    if (first === 0 && last === 0) return y;
    const within = (i: number): number => {
      const inside = Math.min(size - 1, Math.max(0, i));
      return isEdge ? inside : 2 * inside - i;
    };
    const indices = Array.from({ length: Math.max(0, size + first + last) }, (_, i) => within(i - first));
    if (indices.some((i) => i < 0 || i >= size)) throw new Untranslatable("it mirrors more than there is");
    return taken(c, y, axis, indices);
  }, x);
}

const constant: Translate = (c) => {
  const tensor = c.attribute("value")?.t;
  if (tensor !== undefined) return [{ shape: tensor.dims, known: tensor.read(), type: tensor.type }];
  const [f, i] = [c.attribute("value_float")?.f, c.attribute("value_int")?.i];
  if (f !== undefined || i !== undefined)
    return [{ shape: [], known: Float32Array.of(f ?? i ?? 0), ...(f === undefined && { type: "int64" }) }];
  const whole = c.attribute("value_ints")?.ints;
  if (whole !== undefined) return [{ shape: [whole.length], known: Float32Array.from(whole), type: "int64" }];
  const list = c.attribute("value_floats")?.floats;
  if (list === undefined) throw new Untranslatable("its value is of a kind that is not read");
  return [{ shape: [list.length], known: Float32Array.from(list) }];
};

const constantOfShape: Translate = (c) => {
  const shape = c.numbers(0) ?? [];
  const count = shape.reduce((a, b) => a * b, 1);
  if (count > MOST_CONSTANT) throw new Untranslatable("it makes a very large constant");
  const value = c.attribute("value")?.t;
  return [{ shape, known: new Float32Array(count).fill(value?.read()[0] ?? 0), type: value?.type }];
};
const MOST_CONSTANT = 1_000_000;

const shapeOf: Translate = (c) => {
  const { shape } = c.input(0);
  const part = shape.slice(c.int("start", 0), c.int("end", shape.length));
  return [{ shape: [part.length], known: Float32Array.from(part), type: "int64" }];
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
  Tile: tile,
  Range: range,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shapeOf,
  Size: (c) => [{ shape: [], known: Float32Array.of(c.input(0).shape.reduce((a, b) => a * b, 1)), type: "int64" }],
  Constant: constant,
  ConstantOfShape: constantOfShape,
};
