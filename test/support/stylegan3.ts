// A small StyleGAN3 of seeded random weights, for tests that need one without a file; and what its layers and those of the bench's are made by.
// In: a seed, whether filters are radial. Out: a model. Invariants: the same seed gives the same weights; a layer keeps its rate, one doubles it, the last
// makes colours; filters are short and uneven, so that a tap in a wrong place shows.
import type { FilteredLayer, FourierInput } from "../../src/compiler/synthesis-weights.js";
import type { Tensor } from "../../src/compiler/weights.js";
import { checkpointModel } from "../../src/models/checkpoints/checkpoint-model.js";
import type { StyleganModel } from "../../src/models/model.js";
import { random } from "./random.js";

/** Sizes and rates of a layer, and where its numbers come from. */
export interface LayerPlan {
  readonly name: string;
  readonly toRgb: boolean;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  /** Pixels of a side, before and after. */
  readonly size: number;
  readonly out: number;
  readonly up: number;
  readonly down: number;
  readonly upTaps: number;
  readonly downTaps: number;
  readonly radial: boolean;
  readonly magnitude: number;
  readonly wDim: number;
  readonly numbers: (shape: readonly number[], deviation: number) => Tensor;
  readonly filter: (taps: number, square: boolean) => Tensor;
  /** Of the affine layer that makes styles. */
  readonly affine: number;
  readonly bias: number;
}

/** A layer whose pads bring its sides from one size to the other, as the publication's do. */
export function makeLayer(plan: LayerPlan): FilteredLayer {
  const { name, toRgb, inputs, outputs, kernel: k, size, out, up, down, magnitude, wDim, numbers } = plan;
  const [upTaps, downTaps] = toRgb ? [1, 1] : [plan.upTaps, plan.downTaps];
  const total = (out - 1) * down + 1 - (size + k - 1) * up + upTaps + downTaps - 2;
  const before = Math.floor((total + up) / 2);
  return {
    ...{ name, toRgb, up, down, magnitude },
    pads: [before, total - before, before, total - before],
    weight: numbers([outputs, inputs, k, k], 1),
    bias: numbers([outputs], plan.bias),
    affineWeight: numbers([inputs, wDim], plan.affine),
    affineBias: { shape: [inputs], data: new Float32Array(inputs).fill(1) },
    ...(!toRgb && { upFilter: plan.filter(upTaps, false), downFilter: plan.filter(downTaps, plan.radial) }),
  };
}

/** What a Fourier input of so many channels has beside its sizes, without a transform of its own. */
export function makeInput(
  channels: number,
  wDim: number,
  affine: number,
  numbers: (shape: readonly number[], deviation: number) => Tensor,
): Omit<FourierInput, "size" | "samplingRate" | "bandwidth"> {
  return {
    weight: numbers([channels, channels], 1),
    affineWeight: numbers([4, wDim], affine),
    affineBias: { shape: [4], data: Float32Array.of(1, 0, 0, 0) },
    frequencies: numbers([channels, 2], 1),
    phases: numbers([channels], 0.3),
    transform: { shape: [3, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1) },
  };
}

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
    return makeLayer({
      ...{
        name,
        toRgb,
        inputs: channels,
        outputs,
        kernel: toRgb || radial ? 1 : 3,
        size,
        out,
        up,
        down: toRgb ? 1 : 2,
      },
      ...{
        upTaps: 2 * up + 1,
        downTaps: 4,
        radial,
        magnitude: 1.3,
        wDim,
        numbers: normal,
        filter,
        affine: 1,
        bias: 0.2,
      },
    });
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
          ...makeInput(channels, wDim, 0.2, normal),
        },
        layers: [layer("L0_6_3", 6, 6, 2), layer("L1_9_3", 6, 9, 4), layer(`L2_9_${colours}`, 9, 9, 1, colours)],
      },
    },
  );
}
