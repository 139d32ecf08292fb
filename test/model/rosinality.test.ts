import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Model } from "../../src/models/model.js";
import { readRosinality } from "../../src/models/checkpoints/rosinality.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { isDict, newDict, type PickleDict } from "../../src/models/formats/pickle-value.js";
import { readTorchZip } from "../../src/models/formats/torch-zip.js";
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

  it("other files and incomplete ones are refused by name", async () => {
    const file = "stylegan2-rosinality/size64.pt";
    const checkpoint = await readTorchZip(goldenBytes(file), file);
    const read = (found: PickleDict) => readRosinality(found, "x.pt", { name: "x", sha256: "" });
    /** The checkpoint with one tensor left out, or another put in its place. */
    const changed = (name: string, instead?: string): PickleDict => {
      const dict = checkpoint.entries.get("g_ema");
      if (!isDict(dict)) throw new Error("the golden file has no g_ema");
      const [copy, generator] = [newDict(), newDict()];
      for (const [key, value] of dict.entries) if (key !== name) generator.entries.set(key, value);
      if (instead !== undefined) generator.entries.set(name, dict.entries.get(instead) ?? null);
      copy.entries.set("g_ema", generator).set("latent_avg", checkpoint.entries.get("latent_avg") ?? null);
      return copy;
    };
    expect(() => read(newDict())).toThrow(/L5107: x.pt: .*'g_ema' or 'latent_avg' is missing/);
    expect(() => read(changed("style.1.bias"))).toThrow(/L5107: x.pt: .*'style.1.bias' is missing/);
    expect(() => read(changed("convs.3.activate.bias"))).toThrow(
      /L5109: x.pt: the tensor 'synthesis.b16.conv1.bias' is missing/,
    );
    expect(() => read(changed("to_rgbs.1.conv.weight", "to_rgbs.3.conv.weight"))).toThrow(
      /L5109.*'synthesis.b16.torgb.weight' has shape/,
    );
    expect(() => read(changed("convs.0.conv.blur.kernel", "convs.0.noise.weight"))).toThrow(
      /L5107.*is not the FIR kernel/,
    );
  });
});
