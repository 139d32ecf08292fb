import { describe, expect, it } from "vitest";
import { filteredRelu, filteredSize } from "../../src/compiler/build/filtered-relu.js";
import { ImageParts } from "../../src/compiler/build/image-parts.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { GraphBuilder } from "../../src/compiler/graph/builder.js";
import type { NodeId } from "../../src/compiler/graph/graph.js";
import { interpret, prepare } from "../../src/compiler/graph/interpret.js";
import { differentiate } from "../../src/compiler/passes/differentiate.js";
import { optimize } from "../../src/compiler/passes/optimize.js";
import { scalar } from "../../src/compiler/graph/builder.js";
import { expectClose } from "../support/close.js";
import { randomArray } from "../support/random-graph.js";
import { random } from "../support/random.js";
import { randomStylegan3 } from "../support/stylegan3.js";

const tensor = (shape: readonly number[], seed: number) => ({
  shape,
  data: Float32Array.from(randomArray(random(seed), shape)),
});
const SETTINGS = [
  { up: 2, down: 2, pads: [3, 2, 1, 4], upTaps: 5, downTaps: 4, square: false },
  { up: 4, down: 2, pads: [-3, -6, 2, 1], upTaps: 8, downTaps: 6, square: false },
  { up: 2, down: 2, pads: [1, 0, 2, 2], upTaps: 4, downTaps: 5, square: true },
  { up: 4, down: 2, pads: [-5, 3, -9, -4], upTaps: 7, downTaps: 3, square: true },
  { up: 2, down: 1, pads: [1, 1, 0, 2], upTaps: 3, downTaps: 2, square: false },
  { up: 1, down: 1, pads: [0, 0, 1, -1], upTaps: 0, downTaps: 0, square: false },
] as const;

describe("a filtered leaky ReLU", () => {
  it.each(SETTINGS.flatMap((s) => (["nchw", "nhwc"] as const).map((layout) => ({ ...s, layout }))))(
    "up $up down $down pads $pads square $square $layout is resampling, activation and resampling in turn",
    ({ up, down, pads, upTaps, downTaps, square, layout }) => {
      const [height, width, channels] = [7, 6, 19];
      const shape = layout === "nchw" ? [2, channels, height, width] : [2, height, width, channels];
      const upFilter = upTaps === 0 ? undefined : tensor([upTaps], 1);
      const downFilter = downTaps === 0 ? undefined : tensor(square ? [downTaps, downTaps] : [downTaps], 2);
      const settings = { up, down, pads, upFilter, downFilter, slope: 0.2, gain: 1.4, clamp: 0.6 };
      const graphOf = (build: (parts: ImageParts, x: NodeId) => NodeId) => {
        const g = new GraphBuilder();
        const out = build(new ImageParts(g, 2, layout), g.input("x", shape));
        return g.finish({ outputs: { out } });
      };
      const inTurn = graphOf(({ g }, x) => {
        const [left, right, top, bottom] = pads;
        const kernel = [...(upFilter?.data ?? [1])];
        const raised = g.upfirdn2d(x, { kernel, gain: up * up, up, pads: [top, bottom, left, right], layout });
        const activated = g.clip(g.mul(g.leakyRelu(raised, 0.2), scalar(1.4)), -0.6, 0.6);
        const flat = [...(downFilter?.data ?? [1])];
        const rows = Array.from({ length: downTaps }, (_, i) => flat.slice(i * downTaps, (i + 1) * downTaps));
        return g.upfirdn2d(activated, { kernel: square ? rows : flat, down, pads: [0, 0, 0, 0], layout });
      });
      const phases = graphOf((parts, x) => filteredRelu(parts, x, settings));
      const x = randomArray(random(3), shape);
      const [got, want] = [interpret(phases, { x })["out"]!, interpret(inTurn, { x })["out"]!];
      expectClose(got, want, { abs: 1e-9, rel: 1e-6 });
      const taps = { up, down, upTaps: upTaps || 1, downTaps: downTaps || 1 };
      const [rows, columns] = [
        filteredSize(height, taps, [pads[2], pads[3]]),
        filteredSize(width, taps, [pads[0], pads[1]]),
      ];
      expect(got).toHaveLength(2 * channels * rows * columns);
      if (down === 1) return;
      // No image of the raised size is ever made.
      const raised = height * up * width * up;
      for (const node of phases.nodes)
        expect(node.shape.reduce((a, b) => a * b, 1)).toBeLessThan(2 * channels * raised);
    },
  );
});

describe("the gradient of a StyleGAN3", () => {
  it.each([false, true])("in styles and transform is that of central differences (radial filters: %s)", (radial) => {
    const model = randomStylegan3({ radial });
    const graph = buildSynthesis(model, { rows: 2, layout: "nchw", noise: "const" });
    const { shape } = graph.nodes[graph.outputs.find((o) => o.name === "image")!.node]!;
    // Weighed entry by entry, so that no symmetry hides a mistake.
    const b = new GraphBuilder();
    const mapped: NodeId[] = [];
    for (const node of graph.nodes)
      mapped.push(
        node.op.kind === "input"
          ? b.input(node.op.name, node.shape)
          : node.op.kind === "constant"
            ? b.constant(node.op.data, node.shape)
            : b.emit(
                node.op,
                node.inputs.map((i) => mapped[i]!),
              ),
      );
    const image = mapped[graph.outputs.find((o) => o.name === "image")!.node]!;
    const weights = b.constant(randomArray(random(5), shape), shape);
    const value = b.finish({ outputs: { value: b.sum(b.mul(image, weights)) } });
    const gradient = optimize(differentiate(value, { of: "value", wrt: { ws: "dws", transform: "dtransform" } }));
    const inputs: Record<string, Float64Array> = {
      ws: randomArray(random(6), [2, model.info.numWs, model.info.wDim]),
      transform: Float64Array.of(1, 0.1, 0.2, -0.1, 1, 0.05, 0, 0, 1, 0.9, 0, -0.1, 0.2, 1.1, 0, 0, 0, 1),
    };
    const got = interpret(gradient, inputs);
    const run = prepare(value);
    const step = 1e-5;
    for (const name of ["ws", "transform"]) {
      const x = inputs[name]!;
      const want = x.map((_, i) => {
        const at = (d: number): number => {
          const moved = x.slice();
          moved[i]! += d;
          return run({ ...inputs, [name]: moved })["value"]![0]!;
        };
        return (at(step) - at(-step)) / (2 * step);
      });
      // A kink of the activation within the step shows as a difference of this order.
      const size = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      expectClose(got[`d${name}`]!, want, { abs: 1e-5 * size, rel: 1e-5 });
      expect(size).toBeGreaterThan(1e-3);
    }
  });
});
