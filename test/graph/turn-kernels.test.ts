import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph, ImageLayout } from "../../src/compiler/graph/graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { optimize } from "../../src/compiler/passes/optimize.js";
import { turnKernels } from "../../src/compiler/passes/turn-kernels.js";
import { expectClose } from "../support/close.js";
import { randomArray } from "../support/random-graph.js";
import { random } from "../support/random.js";

interface Transposed {
  readonly size: number;
  readonly pad: number;
  readonly stride: number;
  readonly layout: ImageLayout;
  readonly constant: boolean;
}

function transposed({ size, pad, stride, layout, constant }: Transposed): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", layout === "nchw" ? [2, 3, 6, 5] : [2, 6, 5, 3]);
  const shape = [3, 4, size, size];
  const weight = constant ? b.constant(randomArray(random(5), shape), shape) : b.input("weight", shape);
  return b.finish({ outputs: { y: b.convTranspose2d(x, weight, { stride, pad, layout }) } });
}
const kinds = (graph: Graph): string[] => graph.nodes.map(({ op }) => op.kind);
const same: Transposed = { size: 3, pad: 1, stride: 1, layout: "nchw", constant: true };

describe("transposed convolutions of stride 1", () => {
  it.each<Transposed>([
    same,
    { ...same, layout: "nhwc" },
    { ...same, size: 3, pad: 2 },
    { ...same, size: 1, pad: 0 },
    { ...same, size: 4, pad: 2 },
    { ...same, size: 5, pad: 2 },
  ])("are convolutions of the turned kernel: %j", (of) => {
    const graph = transposed(of);
    const turned = turnKernels(graph);
    expect(kinds(turned)).toContain("conv2d");
    const x = randomArray(random(9), [2, 3, 6, 5]);
    expectClose(interpret(turned, { x })["y"]!, interpret(graph, { x })["y"]!, { abs: 1e-12, rel: 1e-12 });
  });

  it.each<[string, Transposed]>([
    ["where the image grows", { ...same, size: 4, pad: 0 }],
    ["of a larger stride", { ...same, stride: 2 }],
    ["whose kernel is no constant", { ...same, constant: false }],
  ])("stay %s", (_, of) => {
    const graph = transposed(of);
    expect(turnKernels(graph)).toBe(graph);
  });

  it("do not occur in gradients of networks of convolutions that keep their size", () => {
    const b = new GraphBuilder();
    const weights = b.constant(randomArray(random(2), [3, 3, 3, 3]), [3, 3, 3, 3]);
    const once = b.leakyRelu(b.conv2d(b.input("x", [1, 3, 8, 8]), weights, { pad: 1, layout: "nchw" }), 0.2);
    const graph = b.finish({ outputs: { y: b.sum(b.conv2d(once, weights, { pad: 1, layout: "nchw" })) } });
    expect(kinds(optimize(differentiate(graph, { of: "y", wrt: { x: "g" } })))).not.toContain("convTranspose2d");
  });
});
