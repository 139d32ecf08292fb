// The mapping network and the heads row by row in plain float64: what the readers' tests compare with, independent of the graph IR.
// In: EnergyWeights. Out: arrays. Invariants: written after docs/packs.md, not after the code under test.
import type { EnergyWeights, Tensor } from "../../src/compiler/weights.js";

type Activation = (v: number) => number;

function layer(
  x: readonly number[],
  weight: Tensor,
  bias: Tensor,
  weightGain: number,
  biasGain: number,
  act: Activation,
): number[] {
  const inputs = x.length;
  return Array.from(bias.data, (b, o) =>
    act(x.reduce((sum, v, i) => sum + v * weight.data[o * inputs + i]! * weightGain, b * biasGain)),
  );
}

function leaky(v: number): number {
  return v > 0 ? v : 0.2 * v;
}

/** w = g(z), truncated towards the centre. */
export function mapRow(weights: EnergyWeights, z: readonly number[], truncation: number): number[] {
  const { mapping } = weights;
  if (mapping === undefined) return [...z];
  const scale = mapping.normalize ? 1 / Math.sqrt(z.reduce((s, v) => s + v * v, 0) / z.length + 1e-8) : 1;
  let x = z.map((v) => v * scale);
  for (const l of mapping.layers)
    x = layer(x, l.weight, l.bias, l.weightGain, l.biasGain, (v) => Math.SQRT2 * leaky(v));
  return x.map((v, i) => mapping.wAverage.data[i]! + truncation * (v - mapping.wAverage.data[i]!));
}

/** The outputs of one head at w. */
export function headRow(weights: EnergyWeights, head: number, w: readonly number[]): number[] {
  const { layers, direct } = weights.heads[head]!;
  const between = direct === undefined ? leaky : (v: number): number => 1 / (1 + Math.exp(-v));
  let x = [...w];
  layers.forEach((l, i) => (x = layer(x, l.weight, l.bias, 1, 1, i < layers.length - 1 ? between : (v) => v)));
  if (direct === undefined) return x;
  return x.map((sum, o) => w.reduce((s, v, i) => s + v * direct.data[o * w.length + i]!, sum));
}

/** Row `row` of a row-major matrix of `width` columns. */
export function rowOf(data: ArrayLike<number>, row: number, width: number): number[] {
  return Array.from({ length: width }, (_, i) => data[row * width + i]!);
}
