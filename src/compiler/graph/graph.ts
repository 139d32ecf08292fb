// The tensor graph IR: a small typed language of tensors. All shapes are static (a graph is built for a tile of rows).
// In: builders (energies, mapping, heads, synthesis). Out: interpret (float64, the meaning), passes, targets.
// Invariants: `nodes` is in topological order and a node's inputs are earlier indices; a node's shape is what inferShape gives;
// no dead entries are promised (prune removes them); constants hold float32 or float64 arrays in row-major order.

export type Shape = readonly number[];
export type NodeId = number;

/** Index of a node in `Graph.nodes`, with its operation, operands and result shape. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly NodeId[];
  readonly shape: Shape;
}

export type UnaryKind =
  | "neg"
  | "exp"
  | "log"
  | "log1p"
  | "expm1"
  | "sqrt"
  | "rsqrt"
  | "square"
  | "abs"
  | "reciprocal"
  | "sin"
  | "sigmoid"
  | "softplus"
  | "log1mexp" // log1mexp(x) = log(1 - exp(x)) for x <= 0, clamped at x = -LOG1MEXP_GUARD
  | "step" // 1 where x > 0, else 0; no gradient
  | "sign" // -1, 0, 1; no gradient
  | "floor" // no gradient
  | "detach"; // identity without gradient
export type BinaryKind = "add" | "sub" | "mul" | "div" | "max" | "min" | "greater"; // greater: 1 where a > b, else 0; no gradient

/** Nearest to zero that log1mexp's argument may come: keeps "not" of a certainty finite, value and gradient. */
export const LOG1MEXP_GUARD = 1e-6;

export type ImageLayout = "nchw" | "nhwc";
/** Leaky ReLU with a slope for negatives and a gain: y = gain * (x > 0 ? x : slope * x). */
export interface LeakyRelu {
  readonly slope: number;
  readonly gain: number;
}

/** Rows of taps, all of one length: [kh][kw]. */
export type FirKernel = readonly (readonly number[])[];

export type Op =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "constant"; readonly data: Float32Array | Float64Array }
  | { readonly kind: "unary"; readonly fn: UnaryKind }
  /** NumPy broadcasting. */
  | { readonly kind: "binary"; readonly fn: BinaryKind }
  | { readonly kind: "leakyRelu"; readonly activation: LeakyRelu }
  /** min(max(x, min), max), elementwise; the gradient is 1 strictly inside, else 0. */
  | { readonly kind: "clip"; readonly min: number; readonly max: number }
  /** inputs: condition (non-zero is true), a, b; all broadcast. */
  | { readonly kind: "select" }
  /** [..., M, K] x [..., K, N]; leading dimensions broadcast. */
  | { readonly kind: "matmul" }
  /** inputs: x [..., M, K], weight [..., K, N], and bias [..., N] or [..., 1, N] if hasBias: matmul, bias, activation in one. Made by the fuse pass. */
  | { readonly kind: "dense"; readonly hasBias: boolean; readonly activation?: LeakyRelu }
  | {
      readonly kind: "reduce";
      readonly fn: "sum" | "max" | "mean" | "logSumExp";
      readonly axes: readonly number[];
      readonly keepDims: boolean;
    }
  | { readonly kind: "reshape"; readonly to: Shape }
  | { readonly kind: "transpose"; readonly permutation: readonly number[] }
  | { readonly kind: "broadcast"; readonly to: Shape }
  | { readonly kind: "slice"; readonly start: readonly number[]; readonly size: readonly number[] }
  | { readonly kind: "pad"; readonly before: readonly number[]; readonly after: readonly number[] } // zeros; negative crops
  | { readonly kind: "concat"; readonly axis: number }
  /** inputs: x (layout), weight [O, I, kh, kw] and bias [O] if hasBias. Zero padding `pad` on each side. Weight order is OIHW in both layouts. */
  | {
      readonly kind: "conv2d";
      readonly stride: number;
      readonly pad: number;
      readonly layout: ImageLayout;
      readonly hasBias: boolean;
      readonly activation?: LeakyRelu;
    }
  /** inputs: x, weight [I, O, kh, kw] (as torch). Output size (n - 1) * stride + k - 2 pad. */
  | { readonly kind: "convTranspose2d"; readonly stride: number; readonly pad: number; readonly layout: ImageLayout }
  /** Upsample by zero insertion, pad (y before, y after, x before, x after; negative crops), convolve every channel with one FIR kernel (rows of taps; flipped, as StyleGAN2), downsample. */
  | {
      readonly kind: "upfirdn2d";
      readonly kernel: FirKernel;
      readonly gain: number;
      readonly up: number;
      readonly down: number;
      readonly pads: readonly [number, number, number, number];
      readonly layout: ImageLayout;
    };

export interface Graph {
  readonly nodes: readonly Node[];
  readonly inputs: readonly { readonly name: string; readonly node: NodeId }[];
  readonly outputs: readonly { readonly name: string; readonly node: NodeId }[];
}

export type Arrays = Readonly<Record<string, Float32Array>>;

/** A value where its engine computed it, not read yet. It is its owner's to dispose. */
export interface Resident {
  /** Waits for all that was queued before it. Out: an array of the caller's own. */
  read(): Promise<Float32Array>;
  dispose(): void;
}

/** Inputs of a queued run: arrays, or values that the same engine keeps. */
export type QueueInputs = Readonly<Record<string, Float32Array | Resident>>;

/** A compiled graph on some engine. The one contract of every target. */
export interface Executable {
  /**
   * Inputs by name, row-major, of the graph's shapes; outputs likewise, owned by the caller. An output that `into` has an array for is
   * written there, and that array is returned: no array is made anew at each run. None of `into` may be an input of the same run.
   */
  run(inputs: Arrays, into?: Arrays): Promise<Record<string, Float32Array>>;
  /**
   * Runs without waiting for the results: outputs stay where they are computed, the caller's to dispose. Kept inputs stay valid. Absent where
   * the engine was not told to keep values when it compiled the graph.
   */
  readonly queue?: (inputs: QueueInputs) => Promise<Record<string, Resident>>;
  dispose(): Promise<void>;
}
