// What an encoder says of a picture: where the search for its styles begins.
// In: an encoder as it was read, an engine, a picture. Out: a w and a z.
import { compileEncoder, ENCODER_SIZE, encoderNames } from "../../compiler/build/encoder.js";
import type { Encoder } from "../../models/encoder-file.js";
import type { Engine } from "../services/engine.js";
import type { EncodedStart } from "./inversion.js";
import { resampled } from "./picture-floats.js";

/** The latents that an encoder guesses of a picture [3, height, width] in [-1, 1]. Errors: LaceError L52xx of the engine. */
export async function encode(
  picture: Float32Array,
  size: readonly [width: number, height: number],
  { network, weights, scale, offset, wDim }: Encoder,
  engine: Engine,
): Promise<EncodedStart> {
  const graph = await engine.compile(compileEncoder(network, 1));
  try {
    const small = resampled(picture, size, [ENCODER_SIZE, ENCODER_SIZE]);
    const said = (await graph.run({ [encoderNames.input]: small, ...weights }))[encoderNames.outputs] ?? [];
    const own = Float32Array.from(said, (x, i) => x * (scale[i] ?? 1) + (offset[i] ?? 0));
    return { w: own.slice(0, wDim), z: Float64Array.from(own.subarray(wDim)) };
  } finally {
    await graph.dispose();
  }
}
