import { describe, expect, it } from "vitest";
import type { DecoderHints } from "../../src/models/decoder-facts.js";
import { examineDecoder } from "../../src/runtime/services/examine-decoder.js";
import { openDecoder } from "../../src/runtime/services/onnx-decoder.js";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { expectClose } from "../support/close.js";
import { tinyDecoder, type TinyDecoderOptions } from "../support/decoder.js";
import { imagesFromTile } from "../../src/runtime/image/rgb.js";
import { random } from "../support/random.js";

const examine = (options: TinyDecoderOptions, hints: DecoderHints = {}) =>
  openOnnxModel(tinyDecoder(options)).then((model) => examineDecoder(model, "d.onnx", hints));

/** The images of 3 latents, [3, R, R, 3]. */
async function draw(options: TinyDecoderOptions, hints: DecoderHints = {}, z?: Float32Array): Promise<Uint8Array> {
  const { seen, ...facts } = await examine(options, hints);
  expect(seen[0]).toBeLessThan(seen[1]);
  const decoder = openDecoder(await openOnnxModel(tinyDecoder(options)), { ...facts, file: "d.onnx" }, facts);
  const r = random(9);
  const ws = z ?? Float32Array.from({ length: 3 * facts.zDim }, () => r.normal());
  const { pixels } = await decoder.run({ ws });
  await decoder.dispose();
  return imagesFromTile(pixels!, pixels!.length, 1)[0]!.data;
}

describe("ONNX decoders", () => {
  it("tell sizes, layout, channels and range", async () => {
    expect(await examine({})).toMatchObject({
      input: "z",
      output: "img",
      inputShape: [6],
      batch: 2,
      layout: "nchw",
      channels: 3,
      zDim: 6,
      resolution: 8,
      outputRange: [-1, 1],
    });
    expect(await examine({ layout: "nhwc", white: 1 })).toMatchObject({ layout: "nhwc", outputRange: [0, 1] });
    expect(await examine({ channels: 1, white: 255 })).toMatchObject({ channels: 1, outputRange: [0, 255] });
  });

  it("give the same picture whatever the batch, layout and range they are written for", async () => {
    const one = await draw({ batch: 1, resolution: 4 });
    expect(one).toHaveLength(3 * 4 * 4 * 3);
    expectClose(await draw({ batch: 2, resolution: 4 }), one, { abs: 1, rel: 0 });
    expectClose(await draw({ batch: 4, resolution: 4, white: 1 }), one, { abs: 1, rel: 0 });
    expectClose(await draw({ batch: 4, resolution: 4, white: 255 }), one, { abs: 1, rel: 0 });
    const grey = await draw({ channels: 1, white: 1 });
    for (let p = 0; p < 64; p++) expect(grey[3 * p]).toBe(grey[3 * p + 2]);
  });

  it("take pixels of both layouts in their own order", async () => {
    const [nchw, nhwc] = await Promise.all([draw({ resolution: 4 }), draw({ resolution: 4, layout: "nhwc" })]);
    // The product's columns are the same numbers: planes of one are pixels of the other.
    const planes = Array.from(nhwc, (_, i) => nhwc[i]!);
    const at = (image: number, pixel: number, colour: number): number => nchw[(image * 16 + pixel) * 3 + colour]!;
    for (let k = 0; k < 48; k++) expect(at(1, k % 16, Math.floor(k / 16))).toBe(planes[48 + k]!);
  });

  it("see z kept within the clip", async () => {
    const wild = new Float32Array(6).fill(50);
    const edge = new Float32Array(6).fill(0.5);
    expect(await draw({}, { clip: [-0.5, 0.5] }, wild)).toEqual(await draw({}, {}, edge));
  });

  it.each([
    ["another latent size", {}, { latent: 7 }, /L5107.*\[2, 6\] does not take 7 numbers/],
    ["a layout that the images do not have", {}, { layout: "nhwc" }, /L5107.*shape \[2, 3, 8, 8\]/],
    ["images of two channels", { channels: 2 }, {}, /L5107.*no pictures of 3 channels, 1 or 4/],
    ["values whose range cannot be guessed", { white: 40_000 }, {}, /L5107.*which are black and white/],
  ] as const)("refuse %s", async (_, options, hints, error) => {
    await expect(examine(options, hints)).rejects.toThrow(error);
  });

  it("that are no ONNX files are refused by onnxruntime", async () => {
    await expect(openOnnxModel(new Uint8Array(64))).rejects.toThrow(/L5202/);
  });
});
