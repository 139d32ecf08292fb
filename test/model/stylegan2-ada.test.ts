import { describe, expect, it } from "vitest";
import { forClass } from "../../src/compiler/build/for-class.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { compileReadout } from "../../src/compiler/build/gradient.js";
import { stylesOf as layersOf } from "../../src/runtime/draw/styles.js";
import { concat } from "../../src/source/concat.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { expectClose } from "../support/close.js";
import { engineOf } from "../support/engines.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";

const NAMES = ["skip64", "skip32_conditional", "orig32", "resnet32"] as const;

async function load(name: string) {
  const file = `stylegan2-ada/${name}.pkl`;
  return readCheckpoint(goldenBytes(file), file, { name, sha256: "" });
}

/** To 2e-4 of the greatest absolute value. */
function expectGolden(got: ArrayLike<number>, want: Float64Array): void {
  expectClose(got, want, { abs: 2e-4 * want.reduce((m, v) => Math.max(m, Math.abs(v)), 0), rel: 0 });
}

describe.skipIf(!GOLDEN_PRESENT)("stylegan2-ada checkpoints (skipped without ../shared/golden)", () => {
  it.each(NAMES)(
    "%s maps z to the reference's w, of each sample's class, with and without truncation",
    async (name) => {
      const { kind, model } = await load(name);
      expect(kind).toBe("stylegan2-ada-pytorch");
      const expected = goldenArrays(`stylegan2-ada/${name}.expected.safetensors`);
      const [z, c] = [expected("z"), expected("c")];
      const [rows = 0, zDim = 0] = z.shape;
      const { wDim, numWs } = model.info;
      for (const truncation of [1, 0.7]) {
        const ws = expected(`ws_psi${truncation.toFixed(1)}_cutoffNone`).data;
        for (let row = 0; row < rows; row++) {
          const classes = c.shape[1] ?? 0;
          const index = Math.max(0, c.data.subarray(row * classes, (row + 1) * classes).indexOf(1));
          const weights = forClass(model.weights, index);
          const input = Float32Array.from(z.data.subarray(row * zDim, (row + 1) * zDim));
          const { w } = interpret(compileReadout({ weights, truncation, rows: 1 }), { z: input });
          expectGolden(w!, ws.subarray(row * numWs * wDim, row * numWs * wDim + wDim));
        }
      }
    },
  );

  it.each(NAMES)(
    "%s draws the reference's images on the interpreter, from w+ and w, with and without noise",
    async (name) => {
      const { model } = await load(name);
      const expected = goldenArrays(`stylegan2-ada/${name}.expected.safetensors`);
      const { numWs, wDim, resolution } = model.info;
      for (const [styles, image, noise] of [
        ["wplus", "img_wplus_noise_const", "const"],
        ["ws_psi1.0_cutoffNone", "img_noise_none", "none"],
      ] as const) {
        const ws = Float32Array.from(expected(styles).data.subarray(0, numWs * wDim));
        const got = interpret(buildSynthesis(model, { rows: 1, layout: "nchw", noise }), { ws })["image"]!;
        expectGolden(got, expected(image).data.subarray(0, 3 * resolution * resolution));
      }
    },
  );
});

/** ws [rows, numWs, wDim] of a truncation with and without cutoff, as a run makes them: w from the read-out, that of far layers from one without truncation. */
async function stylesOf(name: string, truncation: number, cutoff: number | undefined): Promise<Float32Array> {
  const { model } = await load(name);
  const expected = goldenArrays(`stylegan2-ada/${name}.expected.safetensors`);
  const [z, c] = [expected("z"), expected("c")];
  const [rows = 0, zDim = 0] = z.shape;
  const classes = c.shape[1] ?? 0;
  const styles = Array.from({ length: rows }, (_, row) => {
    const index = Math.max(0, c.data.subarray(row * classes, (row + 1) * classes).indexOf(1));
    const wOf = (psi: number): Float32Array => {
      const readout = compileReadout({ weights: forClass(model.weights, index), truncation: psi, rows: 1 });
      const w = interpret(readout, { z: Float32Array.from(z.data.subarray(row * zDim, (row + 1) * zDim)) })["w"]!;
      return Float32Array.from(w);
    };
    const far = cutoff === undefined ? {} : { far: { from: cutoff, w: wOf(1) } };
    return layersOf({ w: wOf(truncation), ...far }, model.info.numWs);
  });
  return concat(styles, Float32Array);
}

describe.skipIf(!GOLDEN_PRESENT)("truncation of stylegan2-ada checkpoints (skipped without ../shared/golden)", () => {
  it.each(NAMES)("%s has the reference's styles in every layer for each truncation and cutoff", async (name) => {
    const file = `stylegan2-ada/${name}.expected.safetensors`;
    const keys = [...readSafetensors(goldenBytes(file), file).tensors.keys()].filter((key) => key.startsWith("ws_psi"));
    expect(keys.some((key) => !key.endsWith("None"))).toBe(true);
    for (const key of keys) {
      const [, psi = "", cutoff = ""] = /^ws_psi(.+)_cutoff(.+)$/.exec(key) ?? [];
      const ws = await stylesOf(name, Number(psi), cutoff === "None" ? undefined : Number(cutoff));
      expectGolden(ws, goldenArrays(file)(key).data);
    }
  });
});

describe.skipIf(!GOLDEN_PRESENT).each(["onnx-cpu", "tfjs-wasm"] as const)("stylegan2-ada on %s", (engineName) => {
  it.each(NAMES)("%s draws the reference's images, from w and w+, with and without noise", async (name) => {
    const { model } = await load(name);
    const expected = goldenArrays(`stylegan2-ada/${name}.expected.safetensors`);
    const engine = await engineOf(engineName);
    const rows = expected("wplus").shape[0]!;
    for (const [styles, image, noise] of [
      ["wplus", "img_wplus_noise_const", "const"],
      ["ws_psi1.0_cutoffNone", "img_noise_const", "const"],
      ["ws_psi1.0_cutoffNone", "img_noise_none", "none"],
    ] as const) {
      const executable = await engine.compile(buildSynthesis(model, { rows, layout: engine.layout, noise }));
      const out = await executable.run({ ws: Float32Array.from(expected(styles).data) });
      await executable.dispose();
      expectGolden(engine.layout === "nchw" ? out["image"]! : planar(out["image"]!, rows), expected(image).data);
    }
  });
});

/** [rows, R, R, 3] -> [rows, 3, R, R] */
function planar(x: Float32Array, rows: number): Float32Array {
  const pixels = x.length / rows / 3;
  return x.map((_, i) => x[(Math.floor(i / (3 * pixels)) * pixels + (i % pixels)) * 3 + (Math.floor(i / pixels) % 3)]!);
}
