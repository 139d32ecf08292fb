import { describe, it } from "vitest";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Engine } from "../../src/runtime/services/engine.js";
import { nodeHost } from "../../src/node/host.js";
import type { Model } from "../../src/models/model.js";
import { loadPack } from "../../src/models/pack/pack.js";
import { readCheckpoint } from "../../src/models/checkpoints/import-checkpoint.js";
import { readSafetensors } from "../../src/models/formats/safetensors.js";
import { buildSynthesis, repeatStyles } from "../../src/compiler/build/synthesis.js";
import { imagesFromTile } from "../../src/runtime/image/rgb.js";
import { expectClose } from "../support/close.js";
import { engineOf } from "../support/engines.js";
import { GOLDEN_PRESENT, goldenArrays, goldenBytes } from "../support/golden.js";

/** Draws ws for each list entry with one executable: images as [rows, 3, R, R], and bytes as [rows, R, R, 3]. */
async function draw(engine: Engine, model: Model, list: readonly Float32Array[], rows: number) {
  const executable = await engine.compile(buildSynthesis(model, { rows, layout: engine.layout, noise: "const" }));
  const pictures: { readonly image: Float32Array; readonly bytes: Uint8Array }[] = [];
  for (const ws of list) {
    const { image, pixels } = await executable.run({ ws });
    const bytes = imagesFromTile(pixels!, pixels!.length, 1)[0]!.data;
    pictures.push({ image: engine.layout === "nchw" ? image! : planar(image!, rows), bytes });
  }
  await executable.dispose();
  return pictures;
}

/** [rows, R, R, 3] -> [rows, 3, R, R] */
function planar(x: ArrayLike<number>, rows: number): Float32Array {
  const pixels = x.length / rows / 3;
  return Float32Array.from(
    x,
    (_, i) => x[(Math.floor(i / (3 * pixels)) * pixels + (i % pixels)) * 3 + (Math.floor(i / pixels) % 3)]!,
  );
}

function maximum(x: ArrayLike<number>): number {
  return Array.from(x).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
}

/** The same picture: planar in [-1, 1], and as the interleaved colours of a display. */
function expectPicture(
  got: { readonly image: Float32Array; readonly bytes: Uint8Array },
  image: Float64Array,
  rows: number,
): void {
  const max = maximum(image);
  expectClose(got.image, image, { abs: 2e-4 * max, rel: 0 });
  // A byte is the colour without its fraction: less than one below it, give or take the engine's error.
  const middles = Float32Array.from(image, (v) => Math.min(255, Math.max(0, 127.5 * v + 128)) - 0.5);
  expectClose(planar(got.bytes, rows), middles, { abs: 0.5 + 127.5 * 2e-4 * max, rel: 0 });
}

describe.each(["onnx-cpu", "tfjs-wasm"] as const)("synthesis on %s", (name) => {
  it.skipIf(!GOLDEN_PRESENT)(
    "gives the reference's images of size64, from w, truncated w and w+ (skipped without ../shared/golden)",
    async () => {
      const file = "stylegan2-rosinality/size64.pt";
      const { model } = await readCheckpoint(goldenBytes(file), file, { name: "size64", sha256: "" });
      const expected = goldenArrays("stylegan2-rosinality/size64.expected.safetensors");
      const engine = await engineOf(name);
      const list = ["w", "w_trunc0.7"].map((key) =>
        repeatStyles(Float32Array.from(expected(key).data), 4, model.info.numWs),
      );
      const pictures = await draw(engine, model, [...list, Float32Array.from(expected("wplus").data)], 4);
      ["img", "img_trunc0.7", "img_wplus"].forEach((key, i) => expectPicture(pictures[i]!, expected(key).data, 4));
    },
  );

  it("draws the shipped model's pictures as PyTorch does", async () => {
    const host = nodeHost();
    const model = await loadPack(host, "builtin:avatar");
    const path = fileURLToPath(new URL("../fixtures/avatar.expected.safetensors", import.meta.url));
    const fixture = readSafetensors(readFileSync(path), path);
    const w = fixture.tensor("w_trunc0.7")!;
    const rows = w.shape[0]!;
    const [got] = await draw(await engineOf(name), model, [repeatStyles(w.data, rows, model.info.numWs)], rows);
    expectPicture(got!, fixture.tensor64("img")!.data, rows);
  });
});

it.skipIf(!GOLDEN_PRESENT)(
  "onnx-cpu gives the reference's images of size256 (skipped without ../shared/golden)",
  async () => {
    const file = "stylegan2-rosinality/size256.pt";
    const { model } = await readCheckpoint(goldenBytes(file), file, { name: "size256", sha256: "" });
    const expected = goldenArrays("stylegan2-rosinality/size256.expected.safetensors");
    const [got] = await draw(await engineOf("onnx-cpu"), model, [Float32Array.from(expected("wplus").data)], 4);
    expectPicture(got!, expected("img_wplus").data, 4);
  },
);
