// Heads on one layer that all share, as files hold them: with the logistic function, and nothing shared.
// In: the shared layer of tanh, a head's own weights. Out: two layers that compute the same.
//
//   tanh(u) = 2 logistic(2 u) - 1
import { InternalError } from "../../source/internal-error.js";

interface Dense {
  /** [in, out] and [out]. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The layers of logistic(x U' + u') W' + w', which is tanh(x U + u) W + w. */
export function logisticLayers(units: Dense, last: Dense): readonly Dense[] {
  const [width, outputs] = [units.bias.length, last.bias.length];
  if (last.weight.length !== width * outputs) throw new InternalError("the parts of a head do not fit each other");
  const twice = (list: Float32Array): Float32Array => list.map((v) => 2 * v);
  const bias = last.bias.map((shift, o) => {
    let sum = shift;
    for (let k = 0; k < width; k++) sum -= last.weight[k * outputs + o] ?? 0;
    return sum;
  });
  return [
    { weight: twice(units.weight), bias: twice(units.bias) },
    { weight: twice(last.weight), bias },
  ];
}
