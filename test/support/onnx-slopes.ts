// The slope of an ONNX network as a graph, by differentiation and by differences.
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import { inline } from "../../src/compiler/graph/copy.js";
import type { Graph } from "../../src/compiler/graph/graph.js";
import { prepare } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";

/** Whose derivative is not that of the values, on purpose: they are rounded. */
export const STRAIGHT_THROUGH = ["Round", "QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"];
const STEP = 1e-6;

/** The derivative of a weighed sum of all outputs along a direction, by differentiation and by central differences. */
export function slopes({
  graph,
  inputs,
}: {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float32Array>>;
}): readonly [own: number, differences: number] {
  const b = new GraphBuilder();
  const names = Object.keys(inputs);
  const own = Object.fromEntries(graph.inputs.map(({ name, node }) => [name, b.input(name, graph.nodes[node]!.shape)]));
  const outputs = inline(b, graph, own);
  const sums = Object.values(outputs).map((y) => {
    const size = b.shape(y).reduce((n, m) => n * m, 1);
    const weights = Float64Array.from({ length: size }, (_, i) => Math.cos(2.1 * i + 0.4));
    return b.sum(b.mul(y, b.constant(weights, b.shape(y))));
  });
  const value = b.finish({ outputs: { f: sums.reduce((p, q) => b.add(p, q)) } });
  // Away from where something has a corner: vectors like whole numbers.
  const at = (t: number): Record<string, Float64Array> =>
    Object.fromEntries(
      names.map((name) => [
        name,
        Float64Array.from(inputs[name]!, (x, i) => x + 0.013 * Math.sin(7.7 * i + 1) + t * Math.sin(3.3 * i + 2)),
      ]),
    );
  const run = prepare(value);
  const f = (t: number): number => run(at(t))["f"]![0]!;
  const wrt = Object.fromEntries(names.map((name) => [name, `d_${name}`]));
  const gradient = prepare(differentiate(value, { of: "f", wrt }))(at(0));
  const along = names.reduce(
    (sum, name) => gradient[`d_${name}`]!.reduce((part, g, i) => part + g * Math.sin(3.3 * i + 2), sum),
    0,
  );
  return [along, (f(STEP) - f(-STEP)) / (2 * STEP)];
}
