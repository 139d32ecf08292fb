import { describe, expect, it } from "vitest";
import { forClass } from "../../src/compiler/graph/for-class.js";
import { interpret } from "../../src/compiler/graph/interpret.js";
import { compileReadout } from "../../src/compiler/passes/compile-energy.js";
import { readCheckpoint } from "../../src/runtime/model/import-checkpoint.js";
import { buildSynthesis } from "../../src/runtime/model/stylegan2.js";
import { expectClose } from "../support/close.js";
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
