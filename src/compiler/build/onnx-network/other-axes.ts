// Convolutions and pools over one axis (sounds, sequences) and over three (volumes), by those over two.
// In: the translation of an operation over pictures. Out: the same for [n, c, l] and [n, c, d, h, w]. Invariants: a picture is left as it is; a window is a
// product of one over each axis, so that depth comes after height and width.
import type { NodeId } from "../../graph/graph.js";
import type { OnnxAttribute } from "../../onnx-network.js";
import { OnnxCall, Untranslatable, type OnnxOperand, type Translate } from "./translation.js";

const LINE = 3;
const VOLUME = 5;

/** An operation over windows that takes lines too: a line is a picture of one row. */
export function alsoLines(over2: Translate): Translate {
  return (c) => {
    if (c.input(0).shape.length !== LINE) return over2(c);
    const weight = c.optional(1);
    const long = ["strides", "kernel_shape", "dilations", "output_padding"].some(
      (name) => (c.ints(name)?.length ?? 1) !== 1,
    );
    if (long || (weight && weight.shape.length !== LINE) || (c.ints("pads")?.length ?? 2) !== 2)
      throw new Untranslatable("it is not over one axis");
    // Every stride leaves one row of one.
    const [stride = 1] = c.ints("strides") ?? [];
    const first = (name: string, other: number): readonly number[] | undefined => {
      const list = c.ints(name);
      return list && [other, ...list];
    };
    const pads = c.ints("pads");
    const lists: Lists = {
      strides: [stride, stride],
      kernel_shape: first("kernel_shape", 1),
      dilations: first("dilations", 1),
      output_padding: first("output_padding", 0),
      output_shape: c.ints("output_shape") && [1, ...(c.ints("output_shape") ?? []).slice(-1)],
      pads: pads && [0, pads[0] ?? 0, 0, pads[1] ?? 0],
    };
    const values = [0, 1, 2].map((i) => {
      const value = c.optional(i);
      return value?.shape.length === LINE ? reshaped(c, value, withRow(value.shape)) : value;
    });
    return over2(withLists(c, lists, values)).map((y) => reshaped(c, y, [...y.shape.slice(0, 2), ...y.shape.slice(3)]));
  };
}

function withRow([n = 1, c = 1, l = 1]: OnnxOperand["shape"]): readonly number[] {
  return [n, c, 1, l];
}

/** A pool that takes volumes too: over height and width of each layer, then over depth. */
export function alsoVolumes(over2: Translate): Translate {
  return (c) => {
    const x = c.input(0);
    const [n = 1, channels = 1, depth = 1] = x.shape;
    if (x.shape.length !== VOLUME) return over2(c);
    const [flat = missing()] = over2(withLists(c, listsOf(c, "layer"), [layersOf(c, c.t.node(x))]));
    const [, , h = 1, w = 1] = flat.shape;
    // [n, d, c h w]: each column of it is a line of depths.
    const columns = c.b.reshape(c.t.node(flat), [n, 1, depth, channels * h * w]);
    const [deep = missing()] = over2(withLists(c, listsOf(c, "depth"), [c.t.of(columns)]));
    return [fromLayers(c, c.t.node(deep), [n, deep.shape[2] ?? 1, channels, h, w])];
  };
}

/** A convolution that takes volumes too: a sum over the layers of its kernel of convolutions over pictures. */
export function convAlsoVolumes(over2: Translate): Translate {
  return (c) => {
    const [x, weight] = [c.input(0), c.input(1)];
    if (x.shape.length !== VOLUME) return over2(c);
    const { known, shape } = weight;
    const [outputs = 1, perGroup = 1, layers = 1, kh = 1, kw = 1] = shape;
    if (known === undefined || shape.length !== VOLUME)
      throw new Untranslatable("its weight is no constant [o, i, d, h, w]");
    if (c.text("auto_pad", "NOTSET").startsWith("SAME")) throw new Untranslatable("its padding is not given");
    const [n = 1, , depth = 1] = x.shape;
    const valid = c.text("auto_pad", "NOTSET") === "VALID";
    const [before, after] = valid ? [0, 0] : [c.ints("pads")?.[0] ?? 0, c.ints("pads")?.[3] ?? 0];
    const [stride, dilation] = [c.ints("strides")?.[0] ?? 1, c.ints("dilations")?.[0] ?? 1];
    const count = Math.floor((depth + before + after - (layers - 1) * dilation - 1) / stride) + 1;
    if (!(count >= 1 && count * layers <= MOST_LAYERS))
      throw new Untranslatable("its kernel or its volume is very deep");
    const whole = c.b.pad(c.t.node(x), [0, 0, before, 0, 0], [0, 0, after, 0, 0]);
    const lists = { ...listsOf(c, "layer"), kernel_shape: [kh, kw] };
    const area = kh * kw;
    let sum: NodeId | undefined;
    for (let k = 0; k < layers; k++) {
      const seen = Array.from({ length: count }, (_, i) => c.b.sliceAxis(whole, 2, i * stride + k * dilation, 1));
      const taps = Float32Array.from({ length: outputs * perGroup * area }, (_, i) => {
        return known[(Math.floor(i / area) * layers + k) * area + (i % area)] ?? 0;
      });
      const layer: OnnxOperand = { shape: [outputs, perGroup, kh, kw], known: taps };
      const [y = missing()] = over2(withLists(c, lists, [layersOf(c, c.b.concat(seen, 2)), layer]));
      const term = c.t.node(y);
      sum = sum === undefined ? term : c.b.add(sum, term);
    }
    const found = sum ?? missing();
    const [, , h = 1, w = 1] = c.b.shape(found);
    const y = fromLayers(c, found, [n, count, outputs, h, w]);
    const bias = c.optional(2);
    if (bias === undefined) return [y];
    return [c.t.of(c.b.add(c.t.node(y), c.b.reshape(c.t.node(bias), [outputs, 1, 1, 1])))];
  };
}
/** Layers of a volume times those of a kernel, each of which is looked at by itself. */
const MOST_LAYERS = 4096;

type Lists = Readonly<Record<string, readonly number[] | undefined>>;

/** What an operation over volumes says of height and width, or of depth as the height of a picture whose columns are left alone. */
function listsOf(c: OnnxCall, part: "layer" | "depth"): Lists {
  const of = (name: string): readonly number[] | undefined => {
    const list = c.ints(name);
    if (list === undefined) return undefined;
    if (list.length !== 3) throw new Untranslatable("it is not over three axes");
    return part === "layer" ? list.slice(1) : [list[0] ?? 1, 1];
  };
  if ((c.ints("pads")?.length ?? 6) !== 6) throw new Untranslatable("it is not over three axes");
  const [front = 0, top = 0, left = 0, back = 0, bottom = 0, right = 0] = c.ints("pads") ?? [];
  return {
    ...{ kernel_shape: of("kernel_shape"), strides: of("strides"), dilations: of("dilations") },
    pads: part === "layer" ? [top, left, bottom, right] : [front, 0, back, 0],
  };
}

/** [n, c, d, h, w] as pictures [n d, c, h, w]. */
function layersOf(c: OnnxCall, x: NodeId): OnnxOperand {
  const [n = 1, channels = 1, depth = 1, h = 1, w = 1] = c.b.shape(x);
  return c.t.of(c.b.reshape(c.b.transpose(x, [0, 2, 1, 3, 4]), [n * depth, channels, h, w]));
}

/** Back, from what has the numbers of [n, d, c, h, w]. */
function fromLayers(c: OnnxCall, x: NodeId, shape: readonly number[]): OnnxOperand {
  return c.t.of(c.b.transpose(c.b.reshape(x, [...shape]), [0, 2, 1, 3, 4]));
}

function reshaped(c: OnnxCall, value: OnnxOperand, shape: readonly number[]): OnnxOperand {
  if (value.node === undefined) return { ...value, shape };
  return c.t.of(c.b.reshape(c.t.node(value), [...shape]));
}

/** The same node with other lists in its attributes, and other inputs. */
function withLists(c: OnnxCall, lists: Lists, values: readonly (OnnxOperand | undefined)[]): OnnxCall {
  const attributes = new Map<string, OnnxAttribute>(c.file.attributes);
  for (const [name, ints] of Object.entries(lists))
    if (ints === undefined) attributes.delete(name);
    else attributes.set(name, { floats: [], ints });
  return new OnnxCall(c.t, { ...c.file, attributes }, values, c.opset);
}

function missing(): never {
  throw new Untranslatable("it gives nothing");
}
