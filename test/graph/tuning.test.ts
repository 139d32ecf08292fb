// Tuning a synthesis to a picture: the gradient of likeness in a patch, and a patch in the weights.
import { describe, expect, test } from "vitest";
import { compileThumbnails, targetName } from "../../src/compiler/build/likeness.js";
import { patchSize, withPatch } from "../../src/compiler/build/patch.js";
import { compileTuning, PATCH_UNIT } from "../../src/compiler/build/tuning.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { randomModel } from "../support/model.js";
import { random } from "../support/random.js";
import { randomStylegan3 } from "../support/stylegan3.js";

const r = random(11);
const normals = (n: number): Float64Array => Float64Array.from({ length: n }, () => r.normal());
const models = [
  ["StyleGAN2, skip", randomModel({ wDim: 8 })],
  ["StyleGAN2, orig", randomModel({ wDim: 8, style: "orig" })],
  ["StyleGAN3", randomStylegan3({})],
] as const;

describe.each(models)("a patch of %s", (_, model) => {
  const { synthesis, info } = model;
  const many = patchSize(synthesis);
  const ws = normals(info.numWs * info.wDim);
  const sizes = [[8, 8]] as const;
  const target = normals(3 * 8 * 8);

  test.each(["nchw", "nhwc"] as const)("has the gradient of central differences, %s", (layout) => {
    const graph = compileTuning({ pictures: model, layout, noise: "const", sizes, strength: 3, prior: 0.5 });
    const at = (u: Float64Array) => interpret(graph, { [targetName(sizes[0])]: target, ws, u });
    const u = normals(many);
    const { grad } = at(u);
    for (const i of [0, Math.floor(many / 3), Math.floor(many / 2), many - 1]) {
      const step = 1e-4;
      const [more, less] = [u.slice(), u.slice()];
      more[i]! += step;
      less[i]! -= step;
      const slope = (at(more)["logp"]![0]! - at(less)["logp"]![0]!) / (2 * step);
      expect(Math.abs(slope - grad![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    }
  });

  test("is in the weights what it is in the graph, and nothing if it is nothing", () => {
    const task = { rows: 1, layout: "nchw", noise: "const", size: [8, 8] } as const;
    const seen = (own: typeof synthesis): Float64Array => {
      const graph = compileThumbnails({ ...task, pictures: { ...model, synthesis: own } });
      return Float64Array.from(interpret(graph, { ws })["small"]!);
    };
    const misfit = (picture: Float64Array): number =>
      picture.reduce((sum, x, i) => sum + (Math.min(1, Math.max(-1, x)) - target[i]!) ** 2, 0) / picture.length;
    const graph = compileTuning({ pictures: model, layout: "nchw", noise: "const", sizes, strength: 1, prior: 0 });
    const u = normals(many).map((x) => 10 * x);
    const told = interpret(graph, { [targetName(sizes[0])]: target, ws, u })["misfit"]![0]!;
    const own = seen(synthesis);
    const patched = seen(
      withPatch(
        synthesis,
        Float32Array.from(u, (x) => PATCH_UNIT * x),
      ),
    );
    expect(misfit(patched)).toBeCloseTo(told, 4);
    expect(Math.abs(misfit(own) - told)).toBeGreaterThan(1e-3);
    expect([...seen(withPatch(synthesis, new Float32Array(many)))]).toEqual([...own]);
  });
});
