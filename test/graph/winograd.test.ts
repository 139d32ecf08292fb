import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { Graph, ImageLayout } from "../../src/compiler/graph/graph.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { verify } from "../../src/compiler/graph/verify.js";
import { countMultiplyAdds, countOps } from "../../src/compiler/graph/print.js";
import { winograd } from "../../src/compiler/passes/winograd.js";
import { expectClose } from "../support/close.js";
import { randomArray } from "../targets/cases.js";

const EVERY = { minSide: 4, maxSide: 1000, minPairs: 1 };

interface Sizes {
  readonly rows?: number;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly height: number;
  readonly width: number;
  readonly kernel?: number;
  readonly layout?: ImageLayout;
}

/** One convolution with bias and leaky ReLU, or with neither, and its weights as a constant or an input. */
function convolution(sizes: Sizes, plain = false, constant = true): { graph: Graph; x: Float64Array } {
  const { rows = 1, inputs = 2, outputs = 3, height, width, kernel = 3, layout = "nchw" } = sizes;
  const b = new GraphBuilder();
  const shape = layout === "nchw" ? [rows, inputs, height, width] : [rows, height, width, inputs];
  const x = b.input("x", shape);
  const values = randomArray(outputs * inputs * kernel * kernel, 1);
  const weight = constant
    ? b.constant(values, [outputs, inputs, kernel, kernel])
    : b.input("weight", [outputs, inputs, kernel, kernel]);
  const bias = b.constant(randomArray(outputs, 2), [outputs]);
  const y = b.conv2d(x, weight, {
    pad: (kernel - 1) / 2,
    layout,
    ...(!plain && { bias, activation: { slope: 0.2, gain: Math.SQRT2 } }),
  });
  return {
    graph: b.finish({ outputs: { y } }),
    x: Float64Array.from(randomArray(rows * inputs * height * width, 3)),
  };
}

describe("3x3 convolutions as products", () => {
  // 128: two blocks of the inverse transform.
  test.each([
    { height: 4, width: 4 },
    { height: 8, width: 12 },
    { rows: 3, height: 12, width: 8 },
    { inputs: 1, outputs: 1, height: 128, width: 8 },
    { inputs: 1, outputs: 1, height: 4, width: 128 },
  ] as Sizes[])("$height x $width, $rows rows: the same values, with and without bias and activation", (sizes) => {
    for (const plain of [false, true]) {
      const { graph, x } = convolution(sizes, plain);
      const fast = winograd(graph, EVERY);
      expect(verify(fast)).toEqual([]);
      expect(countOps(fast)["conv2d"] ?? 0).toBe(0);
      // The weights' factors are float32.
      expectClose(interpret(fast, { x })["y"]!, interpret(graph, { x })["y"]!, { abs: 1e-5, rel: 1e-5 });
    }
  });

  test("other kernels, sides, layouts and weights that are not constant stay", () => {
    for (const { graph } of [
      convolution({ height: 8, width: 8, kernel: 1 }),
      convolution({ height: 6, width: 8 }),
      convolution({ height: 8, width: 8, layout: "nhwc" }),
      convolution({ height: 8, width: 8 }, false, false),
    ]) {
      expect(winograd(graph, EVERY)).toBe(graph);
    }
  });

  test("by default few channels, small and large images stay, and what changes multiplies less", () => {
    for (const sizes of [
      { height: 64, width: 64 },
      { height: 16, width: 16, inputs: 128, outputs: 128 },
      { height: 256, width: 256, inputs: 128, outputs: 128 },
    ]) {
      const { graph } = convolution(sizes);
      expect(winograd(graph)).toBe(graph);
    }
    const { graph } = convolution({ height: 32, width: 32, inputs: 128, outputs: 128 });
    expect(countMultiplyAdds(winograd(graph))).toBeLessThan(0.6 * countMultiplyAdds(graph));
  });
});
