import { describe, expect, it } from "vitest";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { planBands, raisedPixels, sizeAfter } from "../../src/compiler/build/row-bands.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { engineOf } from "../support/engines.js";
import { random } from "../support/random.js";
import { randomStylegan3 } from "../support/stylegan3.js";

const TRANSFORM = Float32Array.of(1, 0.1, 0, -0.1, 1, 0.05, 0, 0, 1);

describe("a StyleGAN3 whose last layers are drawn in bands of rows", () => {
  const ws = (model: ReturnType<typeof randomStylegan3>): Float32Array => {
    const r = random(5);
    return Float32Array.from({ length: model.info.numWs * model.info.wDim }, () => r.normal());
  };

  describe.each([false, true])("with radial filters: %s", (radial) => {
    it.each(
      (["nchw", "nhwc"] as const).flatMap((layout) => [20, 60, 150].map((bandPixels) => ({ layout, bandPixels }))),
    )("draws the same numbers ($layout, $bandPixels pixels a band)", ({ layout, bandPixels }) => {
      const model = randomStylegan3({ radial });
      const options = { rows: 1, layout, noise: "none" } as const;
      const inputs = { ws: ws(model), transform: TRANSFORM };
      const whole = buildSynthesis(model, options);
      const bands = buildSynthesis(model, { ...options, bandPixels });
      expect(bands.nodes.length).toBeGreaterThan(whole.nodes.length);
      expect(interpret(bands, inputs)["image"]).toEqual(interpret(whole, inputs)["image"]);
    });

    it.each(["onnx-cpu", "tfjs-wasm"] as const)("draws the same pixels on %s", async (name) => {
      const model = randomStylegan3({ radial });
      const engine = await engineOf(name);
      const drawn = async (bandPixels?: number): Promise<Float32Array> => {
        const options = { rows: 1, layout: engine.layout, noise: "none" as const };
        const executable = await engine.compile(
          buildSynthesis(model, { ...options, ...(bandPixels !== undefined && { bandPixels }) }),
        );
        const { pixels } = await executable.run({ ws: ws(model), transform: TRANSFORM });
        await executable.dispose();
        return pixels!;
      };
      expect(await drawn(30)).toEqual(await drawn());
    });
  });

  describe("of two layers that make 400 rows of 100", () => {
    const filter = (taps: number) => ({ shape: [taps], data: new Float32Array(taps) });
    const layer = (up: number, pad: number) => ({
      ...{ toRgb: false, up, down: 2, pads: [pad, pad - 1, pad, pad - 1] as const },
      ...{ weight: { shape: [4, 4, 3, 3], data: new Float32Array(144) } },
      ...{ upFilter: filter(6 * up), downFilter: filter(12) },
    });
    const layers = [layer(4, 180), layer(2, 9)];
    const sizes = layers.reduce(
      (list, own) => [...list, sizeAfter(own, list.at(-1)!)],
      [[100, 100] as readonly [number, number]],
    );
    const height = sizes.at(-1)![1];
    const bands = planBands(layers, 100, 4);
    const rowsRead = (i: number): number[] => bands.map((band) => band[i]!.to - band[i]!.from);

    it("bands cover the image once", () => {
      const made = bands.map(
        ([, step]) => sizeAfter({ ...layers[1]!, pads: [9, 8, ...step!.pads] }, [100, step!.to - step!.from])[1],
      );
      expect(made).toHaveLength(4);
      expect(made.reduce((a, b) => a + b, 0)).toBe(height);
      for (const n of rowsRead(1)) expect(n).toBeLessThan(height / 4 + 12 + 30);
    });

    it("no two bands read as many rows of a layer, so that no runtime keeps a buffer of one for another", () => {
      for (const i of [0, 1]) expect(new Set(rowsRead(i)).size).toBe(4);
    });

    it("the raised image has as many pixels as padding and the first filter leave", () => {
      expect(raisedPixels(layers[0]!, [100, 100])).toBe((102 * 4 + 180 + 179 - 24 + 1) ** 2);
    });
  });
});
