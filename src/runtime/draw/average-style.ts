// The average w of a mapping network whose file does not have it: the centre that truncation pulls to.
// In: an engine, a mapping. Out: the mean of w over many z. Invariant: the same z on every machine, added in float64.
import { compileMapping } from "../../compiler/build/gradient.js";
import type { MappingWeights } from "../../compiler/weights.js";
import type { Engine } from "../services/engine.js";
import { gaussianNoise } from "../sample/noise.js";

/** As many as rosinality's and NVIDIA's code average over. */
const AVERAGE_SAMPLES = 10_000;
const ROWS = 16;

/**
 * The mean of w over z ~ N(0, I) of seed 0.
 * Shapes   -> [wDim].
 * Errors   LaceError L52xx of the engine.
 */
export async function averageStyle(
  engine: Engine,
  mapping: MappingWeights,
  zDim: number,
  samples = AVERAGE_SAMPLES,
): Promise<Float32Array> {
  const executable = await engine.compile(compileMapping({ zDim, mapping, heads: [] }, ROWS));
  const wDim = mapping.wAverage.data.length;
  const sum = new Float64Array(wDim);
  try {
    for (let at = 0; at < samples; at += ROWS) {
      const z = new Float32Array(ROWS * zDim);
      const rows = Math.min(ROWS, samples - at);
      for (let row = 0; row < rows; row++)
        z.set(gaussianNoise({ seed: 0, sample: at + row, purpose: "latent", step: 0 }, zDim), row * zDim);
      const { w = new Float32Array(0) } = await executable.run({ z });
      for (let i = 0; i < rows * wDim; i++) sum[i % wDim] = (sum[i % wDim] ?? 0) + (w[i] ?? 0);
    }
  } finally {
    await executable.dispose();
  }
  return Float32Array.from(sum, (v) => v / samples);
}
