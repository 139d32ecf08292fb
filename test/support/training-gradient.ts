// The gradient of a training loss against central differences of it.
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { expectClose } from "./close.js";

/**
 * Expects the gradient of each parameter to be what central differences give.
 *
 * `graph`      a scalar output `loss` of inputs, the parameters among them
 * `inputs`     data of each input, float64
 * `rel`        the relative error that may be, beside 1e-8
 * Returns the largest difference of each parameter.
 */
export function expectTrainingGradient(
  graph: Graph,
  inputs: Readonly<Record<string, Float64Array>>,
  parameters: readonly { readonly name: string }[],
  rel: number,
): number[] {
  const wrt = Object.fromEntries(parameters.map(({ name }) => [name, `${name}.g`]));
  const gradients = interpret(differentiate(graph, { of: "loss", wrt }), inputs);
  const run = prepare(graph);
  const STEP = 1e-5;
  return parameters.map(({ name }) => {
    const differences = inputs[name]!.map((_, i) => {
      const at = (delta: number): number => {
        const moved = inputs[name]!.slice();
        moved[i]! += delta;
        return run({ ...inputs, [name]: moved })["loss"]![0]!;
      };
      return (at(STEP) - at(-STEP)) / (2 * STEP);
    });
    expectClose(gradients[`${name}.g`]!, differences, { abs: 1e-8, rel });
    return Math.max(...differences.map(Math.abs));
  });
}
