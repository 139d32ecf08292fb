// A small StyleGAN3 of seeded random weights, for tests that need one without a file.
// In: a seed, whether filters are radial. Out: a model. Invariants: the same seed gives the same weights; a layer keeps its rate, one doubles it, the last
// makes colours; filters are short and uneven, so that a tap in a wrong place shows.
import type { FilteredLayer } from "../../src/compiler/synthesis-weights.js";
import type { Tensor } from "../../src/compiler/weights.js";
import { checkpointModel } from "../../src/models/checkpoints/checkpoint-model.js";
import type { StyleganModel } from "../../src/models/model.js";
import { random } from "./random.js";

export interface RandomStylegan3 {
  readonly seed?: number;
  readonly radial?: boolean;
  /** Of the picture: 3, or 4 with alpha. */
  readonly colours?: 3 | 4;
}

export function randomStylegan3({ seed = 1, radial = false, colours = 3 }: RandomStylegan3 = {}): StyleganModel {
  const r = random(seed);
  const [zDim, wDim, channels] = [4, 5, 3];
  const normal = (shape: readonly number[], scale = 1): Tensor => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * r.normal()),
  });
  const filter = (taps: number, square = false): Tensor => {
    const uneven = normal(square ? [taps, taps] : [taps], 0.3);
    const mean = 1 / uneven.data.length;
    return { shape: uneven.shape, data: uneven.data.map((v) => v * mean + mean) };
  };
  const layer = (name: string, size: number, out: number, up: number, outputs = channels): FilteredLayer => {
    const toRgb = up === 1;
    const [upTaps, downTaps, down] = toRgb ? [1, 1, 1] : [2 * up + 1, 4, 2];
    const k = toRgb || radial ? 1 : 3;
    const total = (out - 1) * down + 1 - (size + k - 1) * up + upTaps + downTaps - 2;
    const before = Math.floor((total + up) / 2);
    return {
      name,
      toRgb,
      up,
      down,
      pads: [before, total - before, before, total - before],
      magnitude: 1.3,
      weight: normal([outputs, channels, k, k]),
      bias: normal([outputs], 0.2),
      affineWeight: normal([channels, wDim]),
      affineBias: { shape: [channels], data: new Float32Array(channels).fill(1) },
      ...(!toRgb && { upFilter: filter(upTaps), downFilter: filter(downTaps, radial) }),
    };
  };
  return checkpointModel(
    { name: "random", sha256: "" },
    {
      zDim,
      classes: 0,
      mapping: {
        normalize: true,
        layers: [{ weight: normal([wDim, zDim]), bias: normal([wDim]), weightGain: 0.5, biasGain: 1 }],
        wAverage: normal([wDim], 0.1),
      },
      synthesis: {
        style: "alias-free",
        wDim,
        clamp: 256,
        outputScale: 0.25,
        input: {
          size: [6, 6],
          samplingRate: 4,
          bandwidth: 1,
          weight: normal([channels, channels]),
          affineWeight: normal([4, wDim], 0.2),
          affineBias: { shape: [4], data: Float32Array.of(1, 0, 0, 0) },
          frequencies: normal([channels, 2]),
          phases: normal([channels], 0.3),
          transform: { shape: [3, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1) },
        },
        layers: [layer("L0_6_3", 6, 6, 2), layer("L1_9_3", 6, 9, 4), layer(`L2_9_${colours}`, 9, 9, 1, colours)],
      },
    },
  );
}
