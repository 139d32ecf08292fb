import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { nodeHost } from "../../src/node/host.js";
import { loadLabeller, loadModelInfo, loadPack } from "../../src/models/pack/pack.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { buildSynthesis, repeatStyles } from "../../src/compiler/build/synthesis.js";
import { expectClose } from "../support/close.js";
import { headRow, mapRow, rowOf } from "../support/dense.js";

const FIXTURE = fileURLToPath(new URL("../fixtures/avatar.expected.safetensors", import.meta.url));
const host = nodeHost();

/** What PyTorch computed with the shipped pack: `img` and `logits` at truncation 0.7. */
function expected(name: string): { readonly shape: readonly number[]; readonly data: Float64Array } {
  const found = readSafetensors(readFileSync(FIXTURE), FIXTURE).tensor64(name);
  if (found === undefined) throw new Error(`the fixture has no ${name}`);
  return found;
}

describe("the model that ships", () => {
  it("maps z to w as PyTorch does, with and without truncation", async () => {
    const { weights } = await loadPack(host, "builtin:avatar");
    const z = expected("z");
    for (const [name, truncation] of [
      ["w", 1],
      ["w_trunc0.7", 0.7],
    ] as const) {
      const w = expected(name);
      for (let row = 0; row < w.shape[0]!; row++) {
        const got = mapRow(weights, rowOf(z.data, row, weights.zDim), truncation);
        expectClose(got, rowOf(w.data, row, w.shape[1]!), { abs: 2e-5, rel: 2e-5 });
      }
    }
  });

  it("has heads that give PyTorch's logits, side by side in the order of its table", async () => {
    const { weights } = await loadPack(host, "builtin:avatar");
    const [z, w, logits] = [expected("z"), expected("w_trunc0.7"), expected("logits")];
    for (let row = 0; row < logits.shape[0]!; row++) {
      const at = { z: rowOf(z.data, row, z.shape[1]!), w: rowOf(w.data, row, w.shape[1]!) };
      const got = weights.heads.flatMap(({ space = "w" }, head) => headRow(weights, head, at[space]));
      expectClose(got, rowOf(logits.data, row, logits.shape[1]!), { abs: 1e-4, rel: 1e-4 });
    }
  });

  it("draws PyTorch's picture on the interpreter", async () => {
    const model = await loadPack(host, "builtin:avatar");
    const [w, img] = [expected("w_trunc0.7"), expected("img")];
    const image = img.data.subarray(0, img.data.length / img.shape[0]!);
    const ws = repeatStyles(Float32Array.from(rowOf(w.data, 0, model.info.wDim)), 1, model.info.numWs);
    const got = interpret(buildSynthesis(model, { rows: 1, layout: "nchw", noise: "const" }), { ws })["image"]!;
    expectClose(got, image, { abs: 2e-4 * Math.max(...image.map(Math.abs)), rel: 0 });
  });

  it("tells its table from the header alone", async () => {
    const { info } = await loadPack(host, "builtin:avatar");
    expect(await loadModelInfo(host, "builtin:avatar")).toEqual({ ...info, noise: false });
    expect(info.attributes.map((a) => a.name)).toEqual([
      "glasses",
      "smile",
      "beard",
      "hat",
      "hair",
      "skin",
      "tilt",
      "light",
    ]);
  });

  it("has the labeller that its pack names, where it names one", async () => {
    const model = await loadPack(host, "builtin:avatar");
    const bytes = await loadLabeller(host, model);
    expect(bytes === undefined).toBe(model.labeller === undefined);
  });
});
