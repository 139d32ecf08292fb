// Faces that a small generator of photographs draws (shared/golden/celeba-dcgan-64), and whether what finds faces is installed.
import { createRequire } from "node:module";
import { openOnnxModel } from "../../src/node/engines/open-onnx-model.js";
import { imagesFromTile, type RgbImage } from "../../src/runtime/image/rgb.js";
import { drawLatents } from "../../src/runtime/sample/noise-source.js";
import { openDecoder } from "../../src/runtime/services/onnx-decoder.js";
import { goldenBytes } from "./golden.js";

const require = createRequire(import.meta.url);
export const FACE_API_PRESENT = (() => {
  try {
    return require.resolve("@vladmandic/face-api/package.json") !== "";
  } catch {
    return false;
  }
})();

/** The first pictures of seed 1, 64 x 64. */
export async function celebrities(count: number): Promise<RgbImage[]> {
  const decoder: Parameters<typeof openDecoder>[1] = {
    file: "generator.onnx",
    input: "z",
    output: "img",
    inputShape: [64],
    channels: 3,
    layout: "nchw",
    clip: [-1, 127 / 128],
    outputRange: [-1, 1],
  };
  const synthesis = openDecoder(await openOnnxModel(goldenBytes("celeba-dcgan-64/generator.onnx")), decoder, {
    zDim: 64,
    resolution: 64,
  });
  const z = drawLatents(
    1,
    Array.from({ length: count }, (_, i) => i),
    64,
  );
  const images: RgbImage[] = [];
  for (let k = 0; k < count; k++) {
    const { pixels } = await synthesis.run({ ws: Float32Array.from(z.subarray(k * 64, (k + 1) * 64)) });
    images.push(...imagesFromTile(pixels!, 64, 64));
  }
  await synthesis.dispose();
  return images;
}
