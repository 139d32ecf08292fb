import { describe, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Model } from "../../src/runtime/model/model.js";
import { readRosinality } from "../../src/runtime/model/rosinality.js";
import { buildSynthesis } from "../../src/runtime/model/stylegan2.js";
import { readTorchZip } from "../../src/runtime/model/torch-zip.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";

async function load(name: string): Promise<Model> {
  const file = `stylegan2-rosinality/${name}.pt`;
  return readRosinality(await readTorchZip(goldenBytes(file), file), file, { name, sha256: "" });
}

describe.skipIf(!GOLDEN_PRESENT)("rosinality checkpoints (skipped without ../shared/golden)", () => {
  it("size64 gives the reference's images on the interpreter, in both layouts", async () => {
    const model = await load("size64");
    const expected = goldenArrays("stylegan2-rosinality/size64.expected.safetensors");
    const image = expected("img_wplus").data.subarray(0, 3 * 64 * 64);
    const ws = expected("wplus").data.subarray(0, 10 * 48);
    const max = image.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    for (const layout of ["nchw", "nhwc"] as const) {
      const out = interpret(buildSynthesis(model, { rows: 1, layout, noise: "const" }), { ws })["image"]!;
      const got = layout === "nchw" ? out : out.map((_, i) => out[(i % 4096) * 3 + Math.floor(i / 4096)]!);
      expectClose(got, image, { abs: 2e-4 * max, rel: 0 });
    }
  });
});
