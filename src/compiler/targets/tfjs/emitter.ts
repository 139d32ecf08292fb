// What the emission of one node for TensorFlow.js is given, and what it gives.
// In: nothing. Out: types.
import type * as TfCore from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Node } from "../../graph/graph.js";

/** What is used of the tfjs-core module: a bundle for browsers need hold no more of it. */
export type Tf = Pick<typeof TfCore, Used>;

type Used =
  | ("abs" | "add" | "broadcastTo" | "cast" | "clipByValue" | "clone" | "concat" | "conv2dTranspose" | "depthToSpace")
  | (
      | "depthwiseConv2d"
      | "div"
      | "exp"
      | "expm1"
      | "floor"
      | "fused"
      | "greater"
      | "keep"
      | "leakyRelu"
      | "less"
      | "log"
    )
  | ("log1p" | "logSumExp" | "matMul" | "max" | "maximum" | "mean" | "minimum" | "mul" | "neg" | "notEqual" | "pad")
  | (
      | "reciprocal"
      | "relu"
      | "reshape"
      | "rsqrt"
      | "sigmoid"
      | "sign"
      | "sin"
      | "slice"
      | "slice4d"
      | "softplus"
      | "sqrt"
    )
  | ("square" | "squeeze" | "step" | "stridedSlice" | "sub" | "sum" | "tensor" | "tidy" | "transpose" | "where")
  | ("env" | "getBackend" | "setBackend" | "version_core");
/** Computes a node's value from its operands' tensors. Makes a new tensor; keeps no other. */
export type TensorKernel = (operands: readonly Tensor[]) => Tensor;

/** What the emission of one node may ask for. */
export interface NodeEmitter {
  readonly tf: Tf;
  readonly node: Node;
  /** The backend's elementary functions are accurate only absolutely. */
  readonly coarse: boolean;
  /** The node's value is only a condition: its kernel may give a Boolean tensor. */
  readonly isCondition: boolean;
  shape(operand: number): readonly number[];
  /** Whether an operand is the memory of another value, seen in another shape. */
  isReshaped(operand: number): boolean;
  /** The numbers of a constant operand; undefined for any other. */
  constant(operand: number): Float32Array | undefined;
  /** Uploads numbers that live as long as the executable. */
  upload(data: Float32Array, shape: readonly number[]): Tensor;
}
