import { describe, expect, it } from "vitest";
import { forClass } from "../../src/compiler/build/for-class.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import type { StyleganModel } from "../../src/models/model.js";
import { readPack } from "../../src/models/pack/pack.js";
import { writePack } from "../../src/models/pack/write-pack.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { stylesOf as layersOf } from "../../src/runtime/draw/styles.js";
import { expectClose } from "../support/close.js";
import { engineOf } from "../support/engines.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";

const NAMES = ["t64", "r64", "t32_conditional"] as const;
const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

async function load(name: string): Promise<StyleganModel> {
  const source = await openSource(goldenBytes(`stylegan3/${name}.pkl`), name, { name, sha256: "" });
  if (!("model" in source)) throw new Error(source.kind);
  expect(source.kind).toBe("stylegan3");
  expect(source.assumed).toEqual([]);
  return source.model;
}

/** To 2e-4 of the greatest absolute value. */
function expectGolden(got: ArrayLike<number>, want: Float64Array): void {
  expectClose(got, want, { abs: 2e-4 * want.reduce((m, v) => Math.max(m, Math.abs(v)), 0), rel: 0 });
}

function transforms(rows: number, one: ArrayLike<number> = IDENTITY): Float32Array {
  return Float32Array.from({ length: 9 * rows }, (_, i) => one[i % 9]!);
}

/** [rows, H, W, C] -> [rows, C, H, W] */
function planar(x: Float32Array, rows: number): Float32Array {
  const pixels = x.length / rows / 3;
  return x.map((_, i) => x[(Math.floor(i / (3 * pixels)) * pixels + (i % pixels)) * 3 + (Math.floor(i / pixels) % 3)]!);
}

describe.skipIf(!GOLDEN_PRESENT)("stylegan3 checkpoints (skipped without ../shared/golden)", () => {
  it.each(NAMES)("%s has the reference's styles in every layer for each truncation and cutoff", async (name) => {
    const model = await load(name);
    const file = `stylegan3/${name}.expected.safetensors`;
    const expected = goldenArrays(file);
    const keys = [...readSafetensors(goldenBytes(file), file).tensors.keys()].filter((key) => key.startsWith("ws_psi"));
    expect(keys).toHaveLength(3);
    const [z, c] = [expected("z"), expected("c")];
    const [rows = 0, zDim = 0] = z.shape;
    const classes = c.shape[1] ?? 0;
    for (const key of keys) {
      const [, psi = "", cutoff = ""] = /^ws_psi(.+)_cutoff(.+)$/.exec(key) ?? [];
      const got = Array.from({ length: rows }, (_, row) => {
        const index = Math.max(0, c.data.subarray(row * classes, (row + 1) * classes).indexOf(1));
        const wOf = (truncation: number): Float32Array => {
          const readout = compileReadout({ weights: forClass(model.weights, index), truncation, rows: 1 });
          const input = Float32Array.from(z.data.subarray(row * zDim, (row + 1) * zDim));
          return Float32Array.from(interpret(readout, { z: input })["w"]!);
        };
        const far = cutoff === "None" ? {} : { far: { from: Number(cutoff), w: wOf(1) } };
        return [...layersOf({ w: wOf(Number(psi)), ...far }, model.info.numWs)];
      }).flat();
      expectGolden(got, expected(key).data);
    }
  });

  it.each(NAMES)("%s draws the reference's moved image on the interpreter", { timeout: 300_000 }, async (name) => {
    const model = await load(name);
    const expected = goldenArrays(`stylegan3/${name}.expected.safetensors`);
    const { numWs, wDim, resolution } = model.info;
    const graph = buildSynthesis(model, { rows: 1, layout: "nchw", noise: "const" });
    const ws = Float32Array.from(expected("ws_psi1.0_cutoffNone").data.subarray(0, numWs * wDim));
    const transform = transforms(1, expected("transform").data);
    const want = expected("img_transform").data.subarray(0, 3 * resolution * resolution);
    expectGolden(interpret(graph, { ws, transform })["image"]!, want);
  });

  it.each(NAMES)("%s comes back from a pack as it was", async (name) => {
    const model = await load(name);
    const bytes = writePack(model, { source: "a test" });
    const read = readPack(readSafetensors(bytes, "x"), "x", { resolve: (n) => n, sha256: "" });
    expect(read.info).toEqual(model.info);
    expect(read.synthesis).toEqual(model.synthesis);
  });
});

describe.skipIf(!GOLDEN_PRESENT).each(["onnx-cpu", "tfjs-wasm"] as const)("stylegan3 on %s", (engineName) => {
  it.each(NAMES)(
    "%s draws the reference's images, from w and w+, moved and not",
    { timeout: 300_000 },
    async (name) => {
      const model = await load(name);
      const expected = goldenArrays(`stylegan3/${name}.expected.safetensors`);
      const engine = await engineOf(engineName);
      for (const [styles, image, transform] of [
        ["ws_psi1.0_cutoffNone", "img", IDENTITY],
        ["ws_psi1.0_cutoffNone", "img_transform", expected("transform").data],
        ["wplus", "img_wplus", IDENTITY],
      ] as const) {
        const rows = expected(styles).shape[0]!;
        const executable = await engine.compile(buildSynthesis(model, { rows, layout: engine.layout, noise: "none" }));
        const ws = Float32Array.from(expected(styles).data);
        const out = await executable.run({ ws, transform: transforms(rows, transform) });
        await executable.dispose();
        expectGolden(engine.layout === "nchw" ? out["image"]! : planar(out["image"]!, rows), expected(image).data);
      }
    },
  );
});
