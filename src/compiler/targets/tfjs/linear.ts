// Products and dense layers on TensorFlow.js: tf.fused.matMul with bias and leaky ReLU in one kernel.
// In: a dense or matmul node. Out: its kernel.
// Invariants: the activation's gain (positive) goes into constant weights and bias, uploaded scaled, so that nothing follows the
//   fused kernel; a layer with leading dimensions on its weight is a batched product, unfused.
import type { Tensor } from "@tensorflow/tfjs-core";
import { InternalError } from "../../../source/internal-error.js";
import type { LeakyRelu } from "../../graph/graph.js";
import { leakyRelu } from "./elementwise.js";
import type { TensorKernel, NodeEmitter, Tf } from "./emitter.js";

/** The kernel of a product alone. */
export function emitMatmul(e: NodeEmitter): TensorKernel {
  const { tf, node } = e;
  // tfjs-wasm keeps packed weights by their memory: a weight that is seen in two shapes must not share it.
  const weight = (w: Tensor): Tensor => (e.isReshaped(1) ? tf.mul(w, 1) : w);
  const [k = 0] = e.shape(1);
  // Rows of one weight: as a batch of products tfjs-wasm takes thirty times as long.
  if (e.shape(0).length > 2 && e.shape(1).length === 2)
    return (operands) => {
      const flat = tf.reshape(at(operands, 0), [-1, k]);
      return tf.reshape(tf.matMul(flat, weight(at(operands, 1))), [...node.shape]);
    };
  return (operands) => tf.matMul(at(operands, 0), weight(at(operands, 1)));
}

/** The kernel of matmul, bias and activation. */
export function emitDense(e: NodeEmitter, hasBias: boolean, activation: LeakyRelu | undefined): TensorKernel {
  const { tf, node } = e;
  const weightShape = e.shape(1);
  const [k = 0, n = 0] = weightShape;
  const biasSize = hasBias ? e.shape(2).reduce((a, m) => a * m, 1) : n;
  if (weightShape.length !== 2 || biasSize !== n) return batched(tf, hasBias, activation);
  const gain = activation !== undefined && activation.gain > 0 ? activation.gain : 1;
  const weight = scaledOperand(e, 1, gain, [k, n]);
  const bias = hasBias ? scaledOperand(e, 2, gain, [n]) : undefined;
  const fusible = activation !== undefined && activation.gain > 0;
  return (operands) => {
    const x = at(operands, 0);
    const a = x.rank === 2 ? x : tf.reshape(x, [-1, k]);
    const b = weight(operands);
    const c = bias?.(operands);
    const y = tf.fused.matMul({
      a,
      b,
      transposeA: false,
      transposeB: false,
      ...(c !== undefined && { bias: c }),
      ...(fusible && fusedActivation(activation)),
    });
    const z = activation === undefined || fusible ? y : leakyRelu(tf, activation, y);
    return node.shape.length === 2 ? z : tf.reshape(z, [...node.shape]);
  };
}

/** How the fused kernels of tfjs-core are told of a leaky ReLU. */
export function fusedActivation({ slope }: LeakyRelu): { activation: "relu" | "leakyrelu"; leakyreluAlpha?: number } {
  return slope === 0 ? { activation: "relu" } : { activation: "leakyrelu", leakyreluAlpha: slope };
}

/**
 * An operand times gain, in the given shape: uploaded so if it is a constant, else computed at each run.
 */
export function scaledOperand(
  e: NodeEmitter,
  index: number,
  gain: number,
  shape: readonly number[],
): (operands: readonly Tensor[]) => Tensor {
  const { tf } = e;
  const data = e.constant(index);
  if (data !== undefined) {
    const tensor = e.upload(gain === 1 ? data : data.map((v) => v * gain), shape);
    return () => tensor;
  }
  // The WebAssembly kernels ask a bias for the shape of its memory, which is that of the value it was reshaped from.
  const isShared = e.isReshaped(index) || e.shape(index).length !== shape.length;
  const copied = shape.length === 1 && isShared;
  return (operands) => {
    const shaped = tf.reshape(at(operands, index), [...shape]);
    return gain === 1 && !copied ? shaped : tf.mul(shaped, gain);
  };
}

function batched(tf: Tf, hasBias: boolean, activation: LeakyRelu | undefined): TensorKernel {
  return (operands) => {
    const y = tf.matMul(at(operands, 0), at(operands, 1));
    const shifted = hasBias ? tf.add(y, at(operands, 2)) : y;
    return activation === undefined ? shifted : leakyRelu(tf, activation, shifted);
  };
}

function at(operands: readonly Tensor[], index: number): Tensor {
  const operand = operands[index];
  if (operand === undefined) throw new InternalError(`operand ${index} is missing`);
  return operand;
}
