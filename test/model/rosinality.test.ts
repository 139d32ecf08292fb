import { describe, expect, it } from "vitest";
import { interpret } from "../../src/compiler/graph/interpret.js";
import type { Model } from "../../src/models/model.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { readRosinality } from "../../src/models/checkpoints/rosinality.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { isDict } from "../../src/models/formats/pickle-value.js";
import type { StateDict } from "../../src/models/formats/state-dict.js";
import { tensorsOf } from "../../src/models/formats/torch-tensor.js";
import { readTorchZip } from "../../src/models/formats/torch-zip.js";
import { expectClose } from "../support/close.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";

async function load(name: string): Promise<Model> {
  const file = `stylegan2-rosinality/${name}.pt`;
  return (await readCheckpoint(goldenBytes(file), file, { name, sha256: "" })).model;
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
    const generator = tensorsOf(isDict(checkpoint) ? checkpoint.entries.get("g_ema") : undefined);
    expect(generator.size).toBeGreaterThan(20);
    const read = (stored: StateDict) => readRosinality(stored, undefined, "x.pt", { name: "x", sha256: "" });
    /** The generator with one tensor left out, or another put in its place. */
    const changed = (name: string, instead?: string): StateDict => {
      const copy = new Map(generator);
      const other = generator.get(instead ?? "");
      if (other === undefined) copy.delete(name);
      else copy.set(name, other);
      return copy;
    };
    expect(() => read(new Map())).toThrow(/L5107: x.pt: .*it has no mapping network/);
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
