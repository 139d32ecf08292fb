// ONNX operations over windows of pictures: convolutions and pools. Over lines and volumes: other-axes.ts.
// Invariant: what our operations do not have (groups, unequal padding and strides, dilation, windows that overlap) is made of those that they have.
import type { NodeId } from "../../graph/graph.js";
import { alsoLines, alsoVolumes, convAlsoVolumes } from "./other-axes.js";
import { Untranslatable, type OnnxCall, type Translate, type OnnxOperand } from "./translation.js";

interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Rows before, columns before, rows after, columns after. */
  readonly pads: readonly [number, number, number, number];
}

function pair(list: readonly number[] | undefined, otherwise: number): readonly [number, number] {
  if (list !== undefined && list.length !== 2) throw new Untranslatable("it is not over two axes");
  return [list?.[0] ?? otherwise, list?.[1] ?? otherwise];
}

function windowOf(c: OnnxCall, kernel: readonly [number, number], size: readonly [number, number]): Window {
  const strides = pair(c.ints("strides"), 1);
  const dilations = pair(c.ints("dilations"), 1);
  const given = c.ints("pads") ?? [0, 0, 0, 0];
  const auto = c.text("auto_pad", "NOTSET");
  if (auto === "NOTSET" || auto === "VALID") {
    const [top = 0, left = 0, bottom = 0, right = 0] = auto === "VALID" ? [] : given;
    return { kernel, strides, dilations, pads: [top, left, bottom, right] };
  }
  const spare = [0, 1].map((d) => {
    const [n, k, s] = [size[d] ?? 1, ((kernel[d] ?? 1) - 1) * (dilations[d] ?? 1) + 1, strides[d] ?? 1];
    return Math.max(0, (Math.ceil(n / s) - 1) * s + k - n);
  });
  const [before, after] = [spare.map((n) => Math.floor(n / 2)), spare.map((n) => Math.ceil(n / 2))];
  const [first, second] = auto === "SAME_UPPER" ? [before, after] : [after, before];
  return { kernel, strides, dilations, pads: [first[0] ?? 0, first[1] ?? 0, second[0] ?? 0, second[1] ?? 0] };
}

/** The picture with room around it, in its layout. */
function padded(c: OnnxCall, x: NodeId, [top, left, bottom, right]: Window["pads"]): NodeId {
  if (top === 0 && left === 0 && bottom === 0 && right === 0) return x;
  const nchw = c.t.layout === "nchw";
  return c.b.pad(x, nchw ? [0, 0, top, left] : [0, top, left, 0], nchw ? [0, 0, bottom, right] : [0, bottom, right, 0]);
}

/** Every `stride`-th entry of an axis from `start`, `count` of them. */
function strided(c: OnnxCall, x: NodeId, axis: number, start: number, stride: number, count: number): NodeId {
  const { b } = c;
  if (stride === 1) return b.sliceAxis(x, axis, start, count);
  const size = b.shape(x)[axis] ?? 0;
  const end = start + count * stride;
  const longer = end > size ? padAxis(c, x, axis, end - size) : x;
  const part = b.sliceAxis(longer, axis, start, count * stride);
  const shape = b.shape(part);
  const split = b.reshape(part, [...shape.slice(0, axis), count, stride, ...shape.slice(axis + 1)]);
  return b.reshape(b.sliceAxis(split, axis + 1, 0, 1), [...shape.slice(0, axis), count, ...shape.slice(axis + 1)]);
}

function padAxis(c: OnnxCall, x: NodeId, axis: number, after: number): NodeId {
  const zeros = c.b.shape(x).map(() => 0);
  return c.b.pad(
    x,
    zeros,
    zeros.map((_, d) => (d === axis ? after : 0)),
  );
}

/** What each place of the window sees, over all its positions. */
function* views(c: OnnxCall, x: NodeId, { kernel, strides, dilations }: Window): Generator<[NodeId, number]> {
  const rows = c.t.layout === "nchw" ? 2 : 1;
  const shape = c.b.shape(x);
  const counts = [0, 1].map((d) => {
    const span = ((kernel[d] ?? 1) - 1) * (dilations[d] ?? 1) + 1;
    return Math.floor(((shape[rows + d] ?? 0) - span) / (strides[d] ?? 1)) + 1;
  });
  for (let i = 0; i < kernel[0]; i++)
    for (let j = 0; j < kernel[1]; j++) {
      const down = strided(c, x, rows, i * dilations[0], strides[0], counts[0] ?? 1);
      yield [strided(c, down, rows + 1, j * dilations[1], strides[1], counts[1] ?? 1), i * kernel[1] + j];
    }
}

function spatial(value: OnnxOperand): readonly [number, number] {
  return [value.shape[2] ?? 1, value.shape[3] ?? 1];
}

const conv: Translate = (c) => {
  const x = c.input(0);
  const weight = c.input(1);
  const known = weight.known;
  const [outputs = 0, perGroup = 0, kh = 1, kw = 1] = weight.shape;
  if (weight.shape.length !== 4) throw new Untranslatable("its weight is not [o, i, h, w]");
  const groups = c.int("group", 1);
  const window = windowOf(c, [kh, kw], spatial(x));
  const { strides, dilations, pads } = window;
  const bias = c.optional(2);
  const image = c.t.image(x);
  if (known === undefined) return [withBias(c, convolvedBy(c, image, weight, window, groups), bias)];
  if (groups > 1 && perGroup === 1 && outputs === groups)
    return [depthwise(c, padded(c, image, pads), weight, bias, window)];
  const even = strides[0] === strides[1];
  const equal = pads.every((p) => p === pads[0]);
  const room = equal ? image : padded(c, image, pads);
  const { data, shape } = dilated(known, weight.shape, dilations);
  const options = { stride: even ? strides[0] : 1, pad: equal ? pads[0] : 0, layout: c.t.layout };
  const channel = c.t.layout === "nchw" ? 1 : 3;
  const own = outputs / groups;
  const size = data.length / groups;
  const parts = Array.from({ length: groups }, (_, g) => {
    const part = groups === 1 ? room : c.b.sliceAxis(room, channel, g * perGroup, perGroup);
    const w = c.b.constant(data.subarray(g * size, (g + 1) * size), [own, ...shape.slice(1)]);
    return c.b.conv2d(part, w, options);
  });
  const whole = c.b.concat(parts, channel);
  return [withBias(c, c.t.fromImage(even ? whole : thinned(c, whole, strides)), bias)];
};

/** What two different strides leave of a convolution of stride 1. */
function thinned(c: OnnxCall, x: NodeId, strides: readonly [number, number]): NodeId {
  const rows = c.t.layout === "nchw" ? 2 : 1;
  return strides.reduce((y, stride, d) => {
    const size = c.b.shape(y)[rows + d] ?? 1;
    return strided(c, y, rows + d, 0, stride, Math.floor((size - 1) / stride) + 1);
  }, x);
}

/** A convolution whose weight is made of what goes into the network. */
function convolvedBy(c: OnnxCall, image: NodeId, weight: OnnxOperand, window: Window, groups: number): OnnxOperand {
  const { strides, dilations, pads } = window;
  if (strides[0] !== strides[1] || dilations.some((d) => d !== 1))
    throw new Untranslatable("its weight is no constant, and its strides differ or it is dilated");
  const room = padded(c, image, pads);
  const channel = c.t.layout === "nchw" ? 1 : 3;
  const [own, perGroup] = [(weight.shape[0] ?? 1) / groups, weight.shape[1] ?? 1];
  const node = c.t.node(weight);
  const parts = Array.from({ length: groups }, (_, g) => {
    const part = groups === 1 ? room : c.b.sliceAxis(room, channel, g * perGroup, perGroup);
    const w = groups === 1 ? node : c.b.sliceAxis(node, 0, g * own, own);
    return c.b.conv2d(part, w, { stride: strides[0], pad: 0, layout: c.t.layout });
  });
  return c.t.fromImage(c.b.concat(parts, channel));
}

/** One filter a channel: a sum over the places of the window. */
function depthwise(
  c: OnnxCall,
  x: NodeId,
  weight: OnnxOperand,
  bias: OnnxOperand | undefined,
  window: Window,
): OnnxOperand {
  const [channels = 1] = weight.shape;
  const places = window.kernel[0] * window.kernel[1];
  if (!(places <= MOST_PLACES)) throw new Untranslatable("its window is very large");
  let sum: NodeId | undefined;
  for (const [view, place] of views(c, x, window)) {
    const taps = Float32Array.from({ length: channels }, (_, k) => weight.known?.[k * places + place] ?? 0);
    const term = c.b.mul(view, c.b.constant(taps, c.t.layout === "nchw" ? [channels, 1, 1] : [channels]));
    sum = sum === undefined ? term : c.b.add(sum, term);
  }
  return withBias(c, c.t.fromImage(sum ?? x), bias);
}

function withBias(c: OnnxCall, y: OnnxOperand, bias: OnnxOperand | undefined): OnnxOperand {
  if (bias === undefined) return y;
  const shaped = c.t.of(c.b.reshape(c.t.node(bias), [bias.shape[0] ?? 1, 1, 1]));
  return c.t.combine(y, shaped, (a, b) => c.b.add(a, b));
}

/** A kernel with zeros between its taps. */
function dilated(
  data: Float32Array,
  shape: readonly number[],
  [down, right]: readonly [number, number],
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  if (down === 1 && right === 1) return { data, shape };
  const [o = 1, i = 1, kh = 1, kw = 1] = shape;
  const [h, w] = [(kh - 1) * down + 1, (kw - 1) * right + 1];
  const wide = new Float32Array(o * i * h * w);
  for (let n = 0; n < o * i; n++)
    for (let y = 0; y < kh; y++)
      for (let x = 0; x < kw; x++) wide[n * h * w + y * down * w + x * right] = data[(n * kh + y) * kw + x] ?? 0;
  return { data: wide, shape: [o, i, h, w] };
}

/** The whole of what is written, less what padding takes away. Source: ONNX, ConvTranspose. */
const convTranspose: Translate = (c) => {
  const [x, weight] = [c.input(0), c.input(1)];
  const [inputs = 1, , kh = 1, kw = 1] = weight.shape;
  const kernel = [kh, kw];
  const [strides, dilations] = [pair(c.ints("strides"), 1), pair(c.ints("dilations"), 1)];
  const extra = pair(c.ints("output_padding"), 0);
  const groups = c.int("group", 1);
  if (x.shape.length !== 4 || weight.shape.length !== 4) throw new Untranslatable("it is not over two axes");
  if (strides[0] !== strides[1]) throw new Untranslatable("its strides differ");
  if (dilations.some((d) => d !== 1) && weight.known === undefined)
    throw new Untranslatable("its weight is no constant, and it is dilated");
  const auto = c.text("auto_pad", "NOTSET");
  const asked = c.ints("output_shape")?.slice(-2);
  const given = auto === "VALID" ? [0, 0, 0, 0] : (c.ints("pads") ?? [0, 0, 0, 0]);
  const ends = [0, 1].map((d): readonly [before: number, after: number] => {
    const full = (spatial(x)[d] ?? 1) * (strides[d] ?? 1);
    const size = full - (strides[d] ?? 1) + ((kernel[d] ?? 1) - 1) * (dilations[d] ?? 1) + 1 + (extra[d] ?? 0);
    const wanted = asked?.[d] ?? (auto.startsWith("SAME") ? full : undefined);
    if (wanted === undefined) return [given[d] ?? 0, given[d + 2] ?? 0];
    const total = Math.max(0, size - wanted);
    const less = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
  const [rows, columns] = [ends[0] ?? [0, 0], ends[1] ?? [0, 0]];
  const even = extra.every((n) => n === 0) && [...rows, ...columns].every((p) => p === rows[0]);
  const image = c.t.image(x);
  const { layout } = c.t;
  const channel = layout === "nchw" ? 1 : 3;
  const wide = weight.known && dilated(weight.known, weight.shape, dilations);
  const node = wide === undefined ? c.t.node(weight) : c.b.constant(wide.data, wide.shape);
  const own = inputs / groups;
  const parts = Array.from({ length: groups }, (_, g) => {
    const part = groups === 1 ? image : c.b.sliceAxis(image, channel, g * own, own);
    const w = groups === 1 ? node : c.b.sliceAxis(node, 0, g * own, own);
    return c.b.convTranspose2d(part, w, { stride: strides[0], pad: even ? rows[0] : 0, layout });
  });
  const whole = c.b.concat(parts, channel);
  const cut = (r: number, k: number): number[] => (layout === "nchw" ? [0, 0, r, k] : [0, r, k, 0]);
  const left = even
    ? whole
    : c.b.pad(whole, cut(-rows[0], -columns[0]), cut(extra[0] - rows[1], extra[1] - columns[1]));
  return [withBias(c, c.t.fromImage(left), c.optional(2))];
};

/** The window of a pool, with the room that the last one takes though it is cut off, where that is asked for. */
function poolWindow(
  c: OnnxCall,
  size: readonly [number, number],
): { readonly window: Window; readonly counted: Window["pads"] } {
  const window = windowOf(c, pair(c.ints("kernel_shape"), 1), size);
  const { kernel, strides, dilations, pads } = window;
  if (c.int("ceil_mode", 0) === 0) return { window, counted: pads };
  const after = [0, 1].map((d) => {
    const [before, end, s] = [pads[d] ?? 0, pads[d + 2] ?? 0, strides[d] ?? 1];
    const [n, span] = [size[d] ?? 1, ((kernel[d] ?? 1) - 1) * (dilations[d] ?? 1) + 1];
    const count = Math.ceil((n + before + end - span) / s) + 1;
    // None begins behind the picture.
    const last = (count - 1) * s >= n + before ? count - 2 : count - 1;
    return Math.max(end, last * s + span - n - before);
  });
  return { window: { ...window, pads: [pads[0], pads[1], after[0] ?? 0, after[1] ?? 0] }, counted: pads };
}

/** The maximum or the sum over windows, one axis after the other. */
function pooled(c: OnnxCall, x: NodeId, { kernel, strides, dilations }: Window, fn: "max" | "sum"): NodeId {
  const { b } = c;
  const rows = c.t.layout === "nchw" ? 2 : 1;
  return [0, 1].reduce((y, d) => {
    const [k, stride, dilation] = [kernel[d] ?? 1, strides[d] ?? 1, dilations[d] ?? 1];
    const size = b.shape(y)[rows + d] ?? 1;
    if (k === size && dilation === 1) return b.reduce(fn, y, [rows + d], true);
    if (!(k <= MOST_PLACES)) throw new Untranslatable("its window is very large");
    const count = Math.floor((size - (k - 1) * dilation - 1) / stride) + 1;
    const seen = Array.from({ length: k }, (_, i) => strided(c, y, rows + d, i * dilation, stride, count));
    return seen.reduce((p, q) => (fn === "max" ? b.max(p, q) : b.add(p, q)));
  }, x);
}
/** Places of a window that are looked at one by one. */
const MOST_PLACES = 1024;

const maxPool: Translate = (c) => {
  const x = c.input(0);
  const { window } = poolWindow(c, spatial(x));
  const room = padded(c, c.t.image(x), window.pads);
  // Padding is no maximum: it is set below all that can be there.
  const open = window.pads.some((p) => p > 0) ? c.b.add(room, borders(c, room, window.pads)) : room;
  return [c.t.fromImage(pooled(c, open, window, "max"))];
};

/** Zeros, and below any number where the padding is; one for all pictures and channels. */
function borders(c: OnnxCall, x: NodeId, [top, left, bottom, right]: Window["pads"]): NodeId {
  const nchw = c.t.layout === "nchw";
  const shape = c.b.shape(x);
  const [h = 1, w = 1] = nchw ? shape.slice(2) : shape.slice(1);
  const inside = (i: number): boolean => {
    const [row, column] = [Math.floor(i / w), i % w];
    return row >= top && row < h - bottom && column >= left && column < w - right;
  };
  const data = Float32Array.from({ length: h * w }, (_, i) => (inside(i) ? 0 : -3e38));
  return c.b.constant(data, nchw ? [1, 1, h, w] : [1, h, w, 1]);
}

const averagePool: Translate = (c) => {
  const x = c.input(0);
  const { window, counted } = poolWindow(c, spatial(x));
  const image = pooled(c, padded(c, c.t.image(x), window.pads), window, "sum");
  const within = c.int("count_include_pad", 0) === 0 ? ([0, 0, 0, 0] as const) : counted;
  return [c.t.fromImage(c.b.mul(image, shares(c, image, spatial(x), { window, within })))];
};

/** One over the places of each window that lie in the picture, or in the padding that counts. */
function shares(
  c: OnnxCall,
  y: NodeId,
  size: readonly [number, number],
  { window, within }: { readonly window: Window; readonly within: Window["pads"] },
): NodeId {
  const nchw = c.t.layout === "nchw";
  const shape = c.b.shape(y).slice(nchw ? 2 : 1);
  const counts = [0, 1].map((d) =>
    Array.from({ length: shape[d] ?? 1 }, (_, i) => {
      const places = Array.from({ length: window.kernel[d] ?? 1 }, (_unused, k) => {
        const at = i * (window.strides[d] ?? 1) - (window.pads[d] ?? 0) + k * (window.dilations[d] ?? 1);
        return at >= -(within[d] ?? 0) && at < (size[d] ?? 1) + (within[d + 2] ?? 0);
      });
      return places.filter(Boolean).length;
    }),
  );
  const [rows = [], columns = []] = counts;
  const data = rows.flatMap((r) => columns.map((k) => 1 / Math.max(1, r * k)));
  return data.every((v) => v === data[0])
    ? c.b.scalar(data[0] ?? 1)
    : c.b.constant(data, nchw ? [1, 1, rows.length, columns.length] : [1, rows.length, columns.length, 1]);
}

const globally =
  (fn: "mean" | "max"): Translate =>
  (c) => {
    const { shape } = c.input(0);
    if (shape.length !== 4) return [c.t.of(c.b.reduce(fn, c.t.node(c.input(0)), [...shape.keys()].slice(2), true))];
    const axes = c.t.layout === "nchw" ? [2, 3] : [1, 2];
    return [c.t.fromImage(c.b.reduce(fn, c.t.image(c.input(0)), axes, true))];
  };

export const WINDOWS: Readonly<Record<string, Translate>> = {
  Conv: convAlsoVolumes(alsoLines(conv)),
  ConvTranspose: alsoLines(convTranspose),
  MaxPool: alsoVolumes(alsoLines(maxPool)),
  AveragePool: alsoVolumes(alsoLines(averagePool)),
  GlobalAveragePool: globally("mean"),
  GlobalMaxPool: globally("max"),
};
