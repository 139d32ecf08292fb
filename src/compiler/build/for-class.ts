// One class of a conditional generator: what is left of its mapping once the class is fixed is a mapping of z alone.
// In: weights with an embedding and the number of a class. Out: weights without one.
// Invariants: the same w to rounding. The first layer is linear in [z, e], so its product with the constant e is a bias.
// Source: Karras et al. 2020 (arXiv 2006.06676), the conditional mapping: both halves are normalised, then concatenated.
import { InternalError } from "../../source/internal-error.js";
import type { EnergyWeights, MappingWeights } from "../weights.js";

const EPSILON = 1e-8;

/**
 * The weights with the class fixed; the same weights where the model has no classes.
 * Errors InternalError if the model has no such class (the checker has refused it).
 */
export function forClass(weights: EnergyWeights, index: number): EnergyWeights {
  const { mapping } = weights;
  return mapping?.embedding === undefined ? weights : { ...weights, mapping: fixClass(mapping, index) };
}

function fixClass({ embedding, layers, ...rest }: MappingWeights, index: number): MappingWeights {
  const [first, ...others] = layers;
  const [size = 0, classes = 0] = embedding?.weight.shape ?? [];
  if (embedding === undefined || first === undefined || !(index >= 0 && index < classes))
    throw new InternalError(`class ${index} of ${classes}`);
  const e = Float64Array.from(
    { length: size },
    (_, i) =>
      (embedding.weight.data[i * classes + index] ?? NaN) * embedding.weightGain + (embedding.bias.data[i] ?? NaN),
  );
  const scale = 1 / Math.sqrt(e.reduce((sum, v) => sum + v * v, 0) / size + EPSILON);
  const [outputs = 0, inputs = 0] = first.weight.shape;
  const zDim = inputs - size;
  const weight = new Float32Array(outputs * zDim);
  const bias = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const row = first.weight.data.subarray(o * inputs, (o + 1) * inputs);
    weight.set(row.subarray(0, zDim), o * zDim);
    let fromClass = 0;
    for (let i = 0; i < size; i++) fromClass += (row[zDim + i] ?? NaN) * (e[i] ?? NaN) * scale;
    bias[o] = (first.bias.data[o] ?? NaN) + (fromClass * first.weightGain) / first.biasGain;
  }
  const layer = { ...first, weight: { shape: [outputs, zDim], data: weight }, bias: { shape: [outputs], data: bias } };
  return { ...rest, layers: [layer, ...others] };
}
