// The child of synthesis-gpu.test.ts: draws golden images of a small checkpoint on one engine, and says as JSON how far they are
// from the reference's, as a share of the greatest value. Arguments: the engine's name, the checkpoint's.
import type { EngineName } from "../../src/runtime/services/engine.js";
import { openEngine } from "../../src/node/engines/open.js";
import { openSource } from "../../src/models/checkpoints/open-source.js";
import { buildSynthesis } from "../../src/compiler/build/synthesis.js";
import { goldenArrays, goldenBytes } from "../support/golden.js";

const [name, checkpoint = ""] = process.argv.slice(-2);
const engine = await openEngine(name as EngineName);
const source = await openSource(goldenBytes(`${checkpoint}.pkl`), checkpoint, { name: checkpoint, sha256: "" });
if (!("model" in source)) throw new Error(source.kind);
const { model } = source;
const expected = goldenArrays(`${checkpoint}.expected.safetensors`);
const { numWs, wDim, resolution } = model.info;
const graph = buildSynthesis(model, { rows: 1, layout: engine.layout, noise: "const" });
const executable = await engine.compile({ ...graph, outputs: graph.outputs.filter((o) => o.name === "image") });
const ws = Float32Array.from(expected("wplus").data.subarray(0, numWs * wDim));
const moves = graph.inputs.some((input) => input.name === "transform");
const out = await executable.run({ ws, ...(moves && { transform: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1) }) });
await executable.dispose();
await engine.dispose();
const pixels = resolution * resolution;
const want = expected(moves ? "img_wplus" : "img_wplus_noise_const").data.subarray(0, 3 * pixels);
let [worst, greatest] = [0, 0];
want.forEach((value, i) => {
  const at = engine.layout === "nchw" ? i : (i % pixels) * 3 + Math.floor(i / pixels);
  const got = out["image"]?.[at];
  worst = got === undefined || Number.isNaN(got) ? Infinity : Math.max(worst, Math.abs(got - value));
  greatest = Math.max(greatest, Math.abs(value));
});
console.log(JSON.stringify({ description: engine.description, error: worst / greatest }));
