// The child of synthesis-gpu.test.ts: draws golden images of a small checkpoint on one engine, and says as JSON how far they are
// from the reference's, as a share of the greatest value. Argument: the engine's name.
import type { EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { goldenArrays, goldenBytes } from "../support/golden.js";

const NAME = "skip32_conditional";
const engine = await openEngine(process.argv.at(-1) as EngineName);
const { model } = await readCheckpoint(goldenBytes(`stylegan2-ada/${NAME}.pkl`), NAME, { name: NAME, sha256: "" });
const expected = goldenArrays(`stylegan2-ada/${NAME}.expected.safetensors`);
const { numWs, wDim, resolution } = model.info;
const graph = buildSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" });
const executable = await engine.compile({ ...graph, outputs: graph.outputs.filter((o) => o.name === "image") });
const out = await executable.run({ ws: Float32Array.from(expected("wplus").data.subarray(0, numWs * wDim)) });
await executable.dispose();
await engine.dispose();
const pixels = resolution * resolution;
const want = expected("img_wplus_noise_const").data.subarray(0, 3 * pixels);
let [worst, greatest] = [0, 0];
want.forEach((value, i) => {
  const at = engine.layout === "nchw" ? i : (i % pixels) * 3 + Math.floor(i / pixels);
  const got = out["image"]?.[at];
  worst = got === undefined || Number.isNaN(got) ? Infinity : Math.max(worst, Math.abs(got - value));
  greatest = Math.max(greatest, Math.abs(value));
});
console.log(JSON.stringify({ description: engine.description, error: worst / greatest }));
