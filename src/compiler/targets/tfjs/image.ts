// Image operations (conv2d, convTranspose2d, upfirdn2d) on TensorFlow.js.
// In: image nodes. Out: their kernels.
// Invariants: TensorFlow images are NHWC and filters HWIO: constant weights are turned at emission; a graph in NCHW is served by
//   transposing around each operation, correct but slow. Upsampling never inserts zeros: each output phase is its own small FIR.
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { InternalError } from "../../../source/internal-error.js";
import type { FirKernel, ImageLayout, Op } from "../../graph/graph.js";
import { leakyRelu, pad } from "./elementwise.js";
import { fusedActivation, scaledOperand } from "./linear.js";
import type { TensorKernel, NodeEmitter, Tf } from "./emitter.js";

type ConvOp = Extract<Op, { kind: "conv2d" }>;
type ConvTransposeOp = Extract<Op, { kind: "convTranspose2d" }>;
type UpfirdnOp = Extract<Op, { kind: "upfirdn2d" }>;
type Operands = readonly Tensor[];

/** Convolution, bias and activation in one kernel. */
export function emitConv(e: NodeEmitter, op: ConvOp): TensorKernel {
  const { tf } = e;
  const constant = e.constant(1) !== undefined && (!op.hasBias || e.constant(2) !== undefined);
  const { activation } = op;
  const fusible = activation !== undefined && activation.gain > 0 && (constant || activation.gain === 1);
  const gain = fusible ? activation.gain : 1;
  // [O, I, kh, kw] to [kh, kw, I, O]
  const filter = permutedFilter(e, [2, 3, 1, 0], gain);
  const bias = op.hasBias ? scaledOperand(e, 2, gain, e.shape(2)) : undefined;
  return (operands) => {
    const b = bias?.(operands);
    const y = tf.fused.conv2d({
      x: toNhwc(tf, at(operands, 0), op.layout),
      filter: filter(operands),
      strides: op.stride,
      pad: op.pad,
      ...(b !== undefined && { bias: b }),
      ...(fusible && fusedActivation(activation)),
    });
    return fromNhwc(tf, activation === undefined || fusible ? y : leakyRelu(tf, activation, y), op.layout);
  };
}

/** Transposed convolution. */
export function emitConvTranspose(e: NodeEmitter, op: ConvTransposeOp): TensorKernel {
  const { tf, node } = e;
  const [n, c, h, w] = nchwShape(node.shape, op.layout);
  // [I, O, kh, kw] to [kh, kw, O, I]
  const filter = permutedFilter(e, [2, 3, 1, 0], 1);
  return (operands) => {
    const x = toNhwc(tf, at(operands, 0), op.layout);
    return fromNhwc(tf, tf.conv2dTranspose(x, filter(operands), [n, h, w, c], op.stride, op.pad), op.layout);
  };
}

/** FIR resampling of every channel. */
export function emitUpfirdn(e: NodeEmitter, op: UpfirdnOp): TensorKernel {
  const { tf, node } = e;
  const [, c, h, w] = nchwShape(e.shape(0), op.layout);
  const [, , outH, outW] = nchwShape(node.shape, op.layout);
  const kernel = op.up === 1 ? firDown(e, op, c) : firUp(e, op, c, [h, w], [outH, outW]);
  return ([x]) => {
    if (x === undefined) throw new InternalError("upfirdn2d has one operand");
    return fromNhwc(tf, kernel(toNhwc(tf, x, op.layout)), op.layout);
  };
}

function firDown(e: NodeEmitter, op: UpfirdnOp, c: number): (x: Tensor4D) => Tensor4D {
  const { tf } = e;
  const [y0, y1, x0, x1] = op.pads;
  const filter = firFilter(
    e,
    [...op.kernel].reverse().map((row) => [...row].reverse()),
    op.gain,
    c,
  );
  return (x) =>
    tf.depthwiseConv2d<Tensor4D>(pad(tf, x, [0, y0, x0, 0], [0, y1, x1, 0]) as Tensor4D, filter, op.down, "valid");
}

/** One direction of one output phase: which taps it has, and where its window begins relative to the phase's index. */
interface Phase {
  /** Indices of the kernel; none stands for a window of one pixel that does not count. */
  readonly taps: readonly number[];
  readonly start: number;
}

/**
 * Output o = up q + phase reads input q + start + j with factor kernel[K - 1 - k], k = k0 + up j: of the zero-stuffed image only every
 * up-th tap meets a pixel.
 */
function phasesOf(up: number, before: number, length: number): Phase[] {
  return Array.from({ length: up }, (_, phase) => {
    const k0 = (((before - phase) % up) + up) % up;
    const taps: number[] = [];
    for (let k = k0; k < length; k += up) taps.push(length - 1 - k);
    return { taps: taps.length === 0 ? [-1] : taps, start: (phase + k0 - before) / up };
  });
}

function firUp(
  e: NodeEmitter,
  op: UpfirdnOp,
  c: number,
  [h, w]: readonly [number, number],
  [outH, outW]: readonly [number, number],
): (x: Tensor4D) => Tensor4D {
  const { tf } = e;
  const { up, down } = op;
  // Sizes before the final decimation, and per phase (the last phases may get one row too many, cut off at the end).
  const [fullH, fullW] = [(outH - 1) * down + 1, (outW - 1) * down + 1];
  const [rows, columns] = [Math.ceil(fullH / up), Math.ceil(fullW / up)];
  const horizontal = phasesOf(up, op.pads[2], op.kernel[0]?.length ?? 0);
  const tap = (i: number, j: number): number => op.kernel[i]?.[j] ?? 0;
  const windows = phasesOf(up, op.pads[0], op.kernel.length).flatMap((y) =>
    horizontal.map((x) => ({
      filter: firFilter(
        e,
        y.taps.map((i) => x.taps.map((j) => tap(i, j))),
        op.gain,
        c,
      ),
      before: [0, -y.start, -x.start, 0],
      after: [0, rows - 1 + y.start + y.taps.length - h, columns - 1 + x.start + x.taps.length - w, 0],
    })),
  );
  return (x) => {
    const phases = windows.map(({ filter, before, after }) =>
      tf.depthwiseConv2d<Tensor4D>(pad(tf, x, before, after) as Tensor4D, filter, 1, "valid"),
    );
    const woven = tf.depthToSpace(tf.concat<Tensor4D>(phases, 3), up, "NHWC");
    const [n, wovenH, wovenW] = woven.shape;
    const exact = wovenH === fullH && wovenW === fullW ? woven : tf.slice4d(woven, [0, 0, 0, 0], [n, fullH, fullW, c]);
    return down === 1
      ? exact
      : (tf.stridedSlice(exact, [0, 0, 0, 0], [n, fullH, fullW, c], [1, down, down, 1]) as Tensor4D);
  };
}

/** The kernel times gain, for each channel: [rows, columns, c, 1]. */
function firFilter(e: NodeEmitter, kernel: FirKernel, gain: number, c: number) {
  const columns = kernel[0]?.length ?? 0;
  const data = new Float32Array(kernel.length * columns * c);
  kernel.flat().forEach((v, i) => data.fill(v * gain, i * c, (i + 1) * c));
  return e.upload(data, [kernel.length, columns, c, 1]) as Tensor4D;
}

/** The weights (operand 1) with their axes permuted and scaled: at emission if they are constant, else at each run. */
function permutedFilter(
  e: NodeEmitter,
  permutation: [number, number, number, number],
  gain: number,
): (operands: Operands) => Tensor4D {
  const { tf } = e;
  const data = e.constant(1);
  if (data === undefined) return (operands) => tf.transpose(at(operands, 1), permutation) as Tensor4D;
  const shape = e.shape(1);
  const tensor = e.upload(
    permute(data, shape, permutation, gain),
    permutation.map((axis) => shape[axis] ?? 0),
  ) as Tensor4D;
  return () => tensor;
}

function permute(
  data: Float32Array,
  shape: readonly number[],
  permutation: readonly [number, number, number, number],
  gain: number,
): Float32Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, n) => a * n, 1));
  const [n0, n1, n2, n3] = permutation.map((axis) => shape[axis] ?? 0) as [number, number, number, number];
  const [s0, s1, s2, s3] = permutation.map((axis) => strides[axis] ?? 0) as [number, number, number, number];
  const out = new Float32Array(data.length);
  let to = 0;
  for (let i = 0; i < n0; i++) {
    for (let j = 0; j < n1; j++) {
      for (let k = 0; k < n2; k++) {
        for (let l = 0; l < n3; l++) out[to++] = gain * (data[i * s0 + j * s1 + k * s2 + l * s3] ?? NaN);
      }
    }
  }
  return out;
}

function toNhwc(tf: Tf, x: Tensor, layout: ImageLayout): Tensor4D {
  return (layout === "nhwc" ? x : tf.transpose(x, [0, 2, 3, 1])) as Tensor4D;
}

function fromNhwc(tf: Tf, x: Tensor, layout: ImageLayout): Tensor {
  return layout === "nhwc" ? x : tf.transpose(x, [0, 3, 1, 2]);
}

function nchwShape(shape: readonly number[], layout: ImageLayout): [number, number, number, number] {
  const [a = 0, p = 0, q = 0, r = 0] = shape;
  return layout === "nchw" ? [a, p, q, r] : [a, r, p, q];
}

function at(operands: Operands, index: number): Tensor {
  const operand = operands[index];
  if (operand === undefined) throw new InternalError(`operand ${index} is missing`);
  return operand;
}
