// Image operations of the IR (conv2d, convTranspose2d, upfirdn2d) as ONNX nodes.
// In: IR nodes whose operands are lowered. Out: the name of the result.
// Invariants: ONNX images are NCHW; a graph in NHWC is served by transposing around each operation, correct but slow.
import { InternalError } from "../../../source/internal-error.js";
import type { FirKernel, ImageLayout, LeakyRelu, Node, NodeId, Op, Shape } from "../../graph/graph.js";
import { int, ints } from "./builder.js";
import type { OnnxBuilder } from "./builder.js";
import { lowerLeakyRelu, rectify } from "./elementwise.js";
import { reshape } from "./linear.js";
import { convolvePhases } from "./phases.js";

type ConvOp = Extract<Op, { kind: "conv2d" }>;
type ConvTransposeOp = Extract<Op, { kind: "convTranspose2d" }>;
type UpfirdnOp = Extract<Op, { kind: "upfirdn2d" }>;

/** Convolution, bias and activation. Conv followed by LeakyRelu becomes one FusedConv in onnxruntime. */
export function lowerConv(b: OnnxBuilder, node: Node, op: ConvOp): string {
  const [x, weight] = operands(node);
  const gain = foldableGain(b, weight, op.hasBias ? node.inputs[2] : undefined, op.activation);
  const inputs = [toNchw(b, x, op.layout), scaled(b, weight, gain)];
  if (op.hasBias) inputs.push(scaled(b, nth(node, 2), gain));
  const y = b.op("Conv", inputs, {
    kernel_shape: ints(b.node(weight).shape.slice(2)),
    strides: ints([op.stride, op.stride]),
    pads: ints([op.pad, op.pad, op.pad, op.pad]),
  });
  return fromNchw(b, activated(b, y, op.activation, gain), op.layout);
}

/** Transposed convolution with torch's weight order, which is ONNX's. In phases, what is cut off at its end is cut only if asked for. */
export function lowerConvTranspose(b: OnnxBuilder, node: Node, op: ConvTransposeOp): string | (() => string) {
  const [x, weight] = operands(node);
  const [, , kh, kw] = nchwShape(b.node(weight).shape, "nchw");
  const data = b.constantData(weight);
  const image = toNchw(b, x, op.layout);
  if (!b.traits.splitTransposed || data === undefined || op.stride === 1 || Math.min(kh, kw) < op.stride) {
    const y = b.op("ConvTranspose", [image, b.value(weight)], {
      kernel_shape: ints([kh, kw]),
      strides: ints([op.stride, op.stride]),
      pads: ints([op.pad, op.pad, op.pad, op.pad]),
    });
    return fromNchw(b, y, op.layout);
  }
  const shape = nchwShape(b.node(x).shape, op.layout);
  const weightShape = nchwShape(b.node(weight).shape, "nchw");
  const wide = convolvePhases(b, { image, shape, weight: data, weightShape, stride: op.stride });
  if (op.pad === 0 && op.layout === "nchw") b.bindWide(node, wide);
  const [, , h, w] = nchwShape(node.shape, op.layout);
  const [from, to] = [
    [op.pad, op.pad],
    [op.pad + h, op.pad + w],
  ];
  return () => fromNchw(b, b.op("Slice", [wide.name, b.int64s(from), b.int64s(to), b.int64s([2, 3])]), op.layout);
}

/**
 * FIR resampling. Upsampling is a depthwise transposed convolution (which inserts the zeros for free), otherwise a depthwise
 * convolution with the flipped kernel.
 */
export function lowerUpfirdn(b: OnnxBuilder, node: Node, op: UpfirdnOp): string {
  const x = nth(node, 0);
  const [n, c, h, w] = nchwShape(b.node(x).shape, op.layout);
  const [outN, outC, outH, outW] = nchwShape(node.shape, op.layout);
  if (n !== outN || c !== outC) throw new InternalError("upfirdn2d keeps rows and channels");
  const y =
    (op.up === 1 ? firDownWide(b, x, c, op) : undefined) ??
    (op.up === 1
      ? firDown(b, toNchw(b, x, op.layout), c, [h, w], op)
      : firUp(b, toNchw(b, x, op.layout), c, [h, w], [outH, outW], op));
  return fromNchw(b, y, op.layout);
}

/** On an image that comes with zeros after it, where the pads would put as many. */
function firDownWide(b: OnnxBuilder, x: NodeId, c: number, op: UpfirdnOp): string | undefined {
  const wide = b.wideOf(x);
  const [y0, y1, x0, x1] = op.pads;
  if (wide === undefined || y1 < wide.rows || x1 < wide.columns) return undefined;
  const [, , h, w] = nchwShape(b.node(x).shape, op.layout);
  const pads = [y0, y1 - wide.rows, x0, x1 - wide.columns] as const;
  return firDown(b, wide.name, c, [h + wide.rows, w + wide.columns], { ...op, pads });
}

function firDown(b: OnnxBuilder, image: string, c: number, size: readonly [number, number], op: UpfirdnOp): string {
  const [y0, y1, x0, x1] = op.pads;
  const cropped = crop(b, image, size, op.pads);
  const flipped = [...op.kernel].reverse().map((row) => [...row].reverse());
  return b.op("Conv", [cropped, firWeight(b, flipped, op.gain, c)], {
    group: int(c),
    kernel_shape: ints(sidesOf(op.kernel)),
    strides: ints([op.down, op.down]),
    pads: ints([y0, x0, y1, x1].map((p) => Math.max(p, 0))),
  });
}

function firUp(
  b: OnnxBuilder,
  image: string,
  c: number,
  [h, w]: readonly [number, number],
  [outH, outW]: readonly [number, number],
  op: UpfirdnOp,
): string {
  const [y0, y1, x0, x1] = op.pads;
  const [tall, wide] = sidesOf(op.kernel);
  // The whole convolution of the zero-stuffed image, of (n - 1) up + taps values, is cut (or grown) to what the pads leave of it.
  const cuts = [tall - 1 - y0, wide - 1 - x0, tall - op.up - y1, wide - op.up - x1];
  const full = b.op("ConvTranspose", [image, firWeight(b, op.kernel, op.gain, c)], {
    group: int(c),
    kernel_shape: ints([tall, wide]),
    strides: ints([op.up, op.up]),
    pads: ints(cuts.map((p) => Math.max(p, 0))),
  });
  const grow = cuts.map((p) => Math.max(-p, 0));
  const [top = 0, left = 0, bottom = 0, right = 0] = grow;
  const grown = grow.every((p) => p === 0)
    ? full
    : b.op("Pad", [full, b.int64s([0, 0, top, left, 0, 0, bottom, right])]);
  if (op.down === 1) return grown;
  const fullH = h * op.up + y0 + y1 - tall + 1;
  const fullW = w * op.up + x0 + x1 - wide + 1;
  if (Math.ceil(fullH / op.down) !== outH || Math.ceil(fullW / op.down) !== outW) {
    throw new InternalError("upfirdn2d has another size than its shape says");
  }
  return b.op("Slice", [
    grown,
    b.int64s([0, 0]),
    b.int64s([fullH, fullW]),
    b.int64s([2, 3]),
    b.int64s([op.down, op.down]),
  ]);
}

/** Cuts off what negative pads ask for. */
function crop(b: OnnxBuilder, image: string, [h, w]: readonly [number, number], pads: UpfirdnOp["pads"]): string {
  if (pads.every((p) => p >= 0)) return image;
  const [y0, y1, x0, x1] = pads.map((p) => Math.min(p, 0)) as [number, number, number, number];
  return b.op("Slice", [image, b.int64s([-y0, -x0]), b.int64s([h + y1, w + x1]), b.int64s([2, 3])]);
}

/** The kernel times gain, once for each channel: [c, 1, kh, kw]. Equal ones are stored once. */
function firWeight(b: OnnxBuilder, kernel: FirKernel, gain: number, c: number): string {
  const taps = kernel.flatMap((row) => row.map((v) => v * gain));
  const dims = [c, 1, ...sidesOf(kernel)];
  return b.once(`fir ${dims.join(",")}: ${taps.join(",")}`, () => {
    const data = new Float32Array(c * taps.length);
    for (let i = 0; i < c; i++) data.set(taps, i * taps.length);
    return b.floats(data, dims);
  });
}

function sidesOf(kernel: FirKernel): [number, number] {
  return [kernel.length, kernel[0]?.length ?? 0];
}

/** The gain that can go into constant weights and bias before a leaky ReLU; 1 where it cannot. */
function foldableGain(
  b: OnnxBuilder,
  weight: NodeId,
  bias: NodeId | undefined,
  activation: LeakyRelu | undefined,
): number {
  if (activation === undefined || activation.gain <= 0) return 1;
  const constant = [weight, ...(bias === undefined ? [] : [bias])].every((id) => b.node(id).op.kind === "constant");
  return constant ? activation.gain : 1;
}

function activated(b: OnnxBuilder, y: string, activation: LeakyRelu | undefined, folded: number): string {
  if (activation === undefined) return y;
  return folded === activation.gain ? rectify(b, activation.slope, y) : lowerLeakyRelu(b, activation, y);
}

function scaled(b: OnnxBuilder, id: NodeId, gain: number): string {
  if (gain === 1) return b.value(id);
  const data = b.constantData(id);
  if (data === undefined) throw new InternalError("only constants are scaled at emission");
  return b.floats(
    data.map((v) => v * gain),
    b.node(id).shape,
  );
}

function toNchw(b: OnnxBuilder, id: NodeId, layout: ImageLayout): string {
  if (layout === "nchw") return b.value(id);
  const [n, h, w, c] = b.node(id).shape;
  // One channel or one pixel: the same numbers in the same order.
  if (c === 1 || (h === 1 && w === 1)) return reshape(b, b.value(id), [n ?? 1, c ?? 1, h ?? 1, w ?? 1]);
  return b.op("Transpose", [b.value(id)], { perm: ints([0, 3, 1, 2]) });
}

function fromNchw(b: OnnxBuilder, x: string, layout: ImageLayout): string {
  return layout === "nchw" ? x : b.op("Transpose", [x], { perm: ints([0, 2, 3, 1]) });
}

function nchwShape(shape: Shape, layout: ImageLayout): [number, number, number, number] {
  const [a = 0, p = 0, q = 0, r = 0] = shape;
  return layout === "nchw" ? [a, p, q, r] : [a, r, p, q];
}

function operands(node: Node): [NodeId, NodeId] {
  return [nth(node, 0), nth(node, 1)];
}

function nth(node: Node, index: number): NodeId {
  const id = node.inputs[index];
  if (id === undefined) throw new InternalError(`${node.op.kind} lacks operand ${index}`);
  return id;
}
