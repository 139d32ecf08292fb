import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { StyleganModel } from "../../src/models/model.js";
import { buildSynthesis, repeatStyles, type SynthesisOptions } from "../../src/compiler/build/synthesis.js";
import { expectClose } from "../support/close.js";
import { imagesFromTile } from "../../src/runtime/image/rgb.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";

const rows = 2;

function draw(model: StyleganModel, options: Partial<SynthesisOptions> = {}) {
  const r = random(5);
  const { wDim, numWs } = model.info;
  const ws = Float32Array.from({ length: rows * numWs * wDim }, () => r.normal());
  return interpret(buildSynthesis(model, { rows, layout: "nchw", noise: "const", ...options }), { ws });
}

describe("synthesis of random models", () => {
  for (const style of ["skip", "orig", "resnet"] as const) {
    it(`style ${style}: both layouts give the same colours, which are the image between 0 and 255`, () => {
      const model = randomModel({ style });
      const nchw = draw(model);
      const nhwc = draw(model, { layout: "nhwc" });
      expect(nchw["pixels"]).toEqual(nhwc["pixels"]);
      const [image] = imagesFromTile(Float32Array.from(nhwc["pixels"]!), nhwc["pixels"]!.length, 1);
      const bytes = nhwc["image"]!.map((v) => Math.floor(Math.min(255, Math.max(0, 127.5 * v + 128))));
      expect([...image!.data]).toEqual([...bytes]);
    });
  }

  it("noise none is the model without its noise", () => {
    const [noisy, quiet] = [randomModel(), randomModel()];
    const strip = <T extends { readonly conv1: object; readonly conv0?: object }>(block: T): T => {
      const without = (conv: object): object => ({ ...conv, noise: undefined });
      return { ...block, conv1: without(block.conv1), ...(block.conv0 && { conv0: without(block.conv0) }) };
    };
    const { first, later } = quiet.synthesis;
    const stripped = { ...quiet, synthesis: { ...quiet.synthesis, first: strip(first), later: later.map(strip) } };
    const none = draw(noisy, { noise: "none" })["image"]!;
    expectClose(none, draw(stripped)["image"]!, { abs: 1e-12, rel: 1e-12 });
    expect(none).not.toEqual(draw(noisy)["image"]);
  });

  it("each row is drawn from its own styles", () => {
    const model = randomModel();
    const { wDim, numWs } = model.info;
    const r = random(6);
    const w = Float32Array.from({ length: wDim }, () => r.normal());
    const other = w.map((v) => -v);
    const pair = (a: Float32Array, b: Float32Array) => repeatStyles(Float32Array.of(...a, ...b), rows, numWs);
    const graph = buildSynthesis(model, { rows, layout: "nchw", noise: "const" });
    const [one, two] = [pair(w, w), pair(other, w)].map((ws) => interpret(graph, { ws })["image"]!);
    const half = one!.length / 2;
    expectClose(one!.subarray(half), two!.subarray(half), { abs: 0, rel: 1e-12 });
    expect(one!.subarray(0, half)).not.toEqual(two!.subarray(0, half));
  });
});
