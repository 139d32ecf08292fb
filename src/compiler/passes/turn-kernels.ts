// Transposed convolutions of stride 1 as convolutions, with the kernel turned by half a round: what gradients of convolutions are.
// In: a graph. Out: an equal graph; the same object if there is none. Invariants: values are kept up to rounding; the kernel is a constant, turned here, once.
// Engines compute a transposed convolution as a product of which every pixel has kh kw numbers (1.2 GB for 32 channels of 1024 pixels) before they are added up: a convolution
// takes a third of the time and no such memory. Not where the image grows: there most of what is multiplied would be padding.
import type { Graph, NodeId } from "../graph/graph.js";
import { at } from "../graph/shape.js";
import { rewrite, type ConstantValue, type RewriteSite, ruleFor } from "./rewrite.js";

/** Replaces the transposed convolutions that do not make the image larger. */
export function turnKernels(graph: Graph): Graph {
  return rewrite(graph, [ruleFor(["convTranspose2d"], direct)]);
}

function direct(site: RewriteSite): NodeId | undefined {
  const { op } = site.node;
  const weight = site.constant(site.operand(1));
  if (op.kind !== "convTranspose2d" || op.stride !== 1 || weight === undefined) return undefined;
  const [height, width] = [at(weight.shape, 2), at(weight.shape, 3)];
  if (height !== width || 2 * op.pad < height - 1 || op.pad > height - 1) return undefined;
  const { b } = site;
  const kernel = turned(weight);
  return b.conv2d(site.new(site.operand(0)), b.constant(kernel.data, kernel.shape), {
    pad: height - 1 - op.pad,
    layout: op.layout,
  });
}

/** [I, O, kh, kw] -> [O, I, kh, kw], rows and columns from the other end. */
function turned({ data, shape }: ConstantValue): ConstantValue {
  const [inputs, outputs] = [at(shape, 0), at(shape, 1)];
  const taps = at(shape, 2) * at(shape, 3);
  const out = data.slice();
  for (let i = 0; i < inputs; i++)
    for (let o = 0; o < outputs; o++) {
      const [from, to] = [(i * outputs + o) * taps, (o * inputs + i) * taps];
      for (let t = 0; t < taps; t++) out[to + taps - 1 - t] = data[from + t] ?? NaN;
    }
  return { data: out, shape: [outputs, inputs, ...shape.slice(2)] };
}
