// Gradients of the image operations: convolution, transposed convolution, FIR resampling.
// In: a node of the forward graph, seen from its adjoint. Out: adjoints of its operands.
// Invariants: they use the forward operations only, so that every target that runs images runs their gradients.
import type { NodeId, Op } from "../graph/graph.js";
import { at, imageSizes } from "../graph/shape.js";
import { sumTo, type AdjointSite } from "./adjoint-site.js";

/** Adjoints of x, weight and bias of a convolution whose activation is dealt with already. */
export function conv2dAdjoints(
  { b, inputs, needs, gradient: g }: AdjointSite,
  op: Extract<Op, { kind: "conv2d" }>,
): readonly (NodeId | undefined)[] {
  const [x, weight] = [at(inputs, 0), at(inputs, 1)];
  const { stride, pad, layout } = op;
  return [
    needs[0] === true ? convInputAdjoint(b, x, weight, g, op) : undefined,
    needs[1] === true
      ? kernelAdjoint(b, planes(b, x, layout), planes(b, g, layout), b.shape(weight), stride, pad)
      : undefined,
    ...(op.hasBias ? [needs[2] === true ? biasAdjoint(b, g, layout) : undefined] : []),
  ];
}

type Builder = AdjointSite["b"];

function convInputAdjoint(
  b: Builder,
  x: NodeId,
  weight: NodeId,
  g: NodeId,
  { stride, pad, layout }: Extract<Op, { kind: "conv2d" }>,
): NodeId {
  const [from, kernel, to] = [
    imageSizes(b.shape(x), layout),
    imageSizes(b.shape(weight), "nchw"),
    imageSizes(b.shape(g), layout),
  ];
  // Rows and columns at the end that a stride leaves unread.
  const below = from.height + 2 * pad - ((to.height - 1) * stride + kernel.height);
  const beside = from.width + 2 * pad - ((to.width - 1) * stride + kernel.width);
  if (below === 0 && beside === 0) return b.convTranspose2d(g, weight, { stride, pad, layout });
  const whole = b.convTranspose2d(g, weight, { stride, pad: 0, layout });
  const spatial = (rows: number, columns: number): number[] =>
    layout === "nchw" ? [0, 0, rows, columns] : [0, rows, columns, 0];
  return b.pad(whole, spatial(-pad, -pad), spatial(below - pad, beside - pad));
}

/**
 * Gradient of a kernel: the correlation of the image that was read with stride and padding and the adjoint (or image) that was
 * written, batch and channels exchanged. Both come as planes [C, N, H, W]; the result is [C of written, C of read, kh, kw].
 */
function kernelAdjoint(
  b: Builder,
  read: NodeId,
  written: NodeId,
  kernel: readonly number[],
  stride: number,
  pad: number,
): NodeId {
  const spread =
    stride === 1
      ? written
      : b.upfirdn2d(written, { kernel: [1], up: stride, pads: [0, 1 - stride, 0, 1 - stride], layout: "nchw" });
  const whole = b.conv2d(read, spread, { pad, layout: "nchw" });
  const [height, width] = [at(kernel, 2), at(kernel, 3)];
  const cropped = b.sliceAxis(b.sliceAxis(whole, 2, 0, height), 3, 0, width);
  return b.transpose(cropped, [1, 0, 2, 3]);
}

/** An image batch as [C, N, H, W]. */
function planes(b: Builder, x: NodeId, layout: "nchw" | "nhwc"): NodeId {
  return b.transpose(x, layout === "nchw" ? [1, 0, 2, 3] : [3, 0, 1, 2]);
}

function biasAdjoint(b: Builder, g: NodeId, layout: "nchw" | "nhwc"): NodeId {
  return layout === "nchw" ? b.sum(g, [0, 2, 3]) : sumTo(b, g, [at(b.shape(g), 3)]);
}

/** Adjoints of x and weight of a transposed convolution. */
export function convTranspose2dAdjoints(
  { b, inputs, needs, gradient: g }: AdjointSite,
  { stride, pad, layout }: Extract<Op, { kind: "convTranspose2d" }>,
): readonly (NodeId | undefined)[] {
  const [x, weight] = [at(inputs, 0), at(inputs, 1)];
  return [
    needs[0] === true ? b.conv2d(g, weight, { stride, pad, layout }) : undefined,
    needs[1] === true
      ? kernelAdjoint(b, planes(b, g, layout), planes(b, x, layout), b.shape(weight), stride, pad)
      : undefined,
  ];
}

/** FIR resampling backwards is FIR resampling with up and down exchanged, the kernel reversed, and pads that restore the size. */
export function upfirdn2dAdjoint(
  { b, inputs, output, gradient: g }: AdjointSite,
  { kernel, gain, up, down, pads, layout }: Extract<Op, { kind: "upfirdn2d" }>,
): NodeId {
  const from = imageSizes(b.shape(at(inputs, 0)), layout);
  const to = imageSizes(b.shape(output), layout);
  const [rows, columns] = [kernel.length, at(kernel, 0).length];
  const [top, , left] = pads;
  return b.upfirdn2d(g, {
    kernel: [...kernel].reverse().map((row) => [...row].reverse()),
    gain,
    up: down,
    down: up,
    pads: [
      rows - 1 - top,
      from.height * up - to.height * down + top - up + 1,
      columns - 1 - left,
      from.width * up - to.width * down + left - up + 1,
    ],
    layout,
  });
}
