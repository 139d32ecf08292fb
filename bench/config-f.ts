// A model of the size of FFHQ config-f with seeded random weights: what synthesis is timed with, since nobody's weights are here.
// In: a resolution. Out: a Model. Invariants: the same numbers everywhere; activations keep about unit power, images stay near [-1, 1].
// Source: Karras et al. 2020 (arXiv 1912.04958), config F: 512 channels, halved at each resolution from 128 px on.
import type { StyleganModel } from "../src/models/model.js";
import { numWsOf } from "../src/models/pack/pack-metadata.js";
import type { ConvWeights, LaterBlock, ModulatedWeights } from "../src/compiler/synthesis-weights.js";
import { random } from "../test/support/random.js";
import { uniformWeights } from "./uniform-weights.js";

const WIDTH = 512;
const LAYERS = 8;
const LR_MULTIPLIER = 0.01;

/** Channels of the activations at a resolution, for channel multiplier 2. */
function channelsAt(resolution: number): number {
  return Math.min(WIDTH, 32768 / resolution);
}

/** The model: resolution 4 ... 1024, one binary attribute `smile` with a head of two layers. */
export function configF(resolution: number): StyleganModel {
  const numbers = uniformWeights(resolution);
  const modulated = (inputs: number, outputs: number, k: number, deviation = 1): ModulatedWeights => ({
    weight: numbers([outputs, inputs, k, k], deviation),
    bias: numbers([outputs], 0.1),
    affineWeight: numbers([inputs, WIDTH], 0.5),
    affineBias: { shape: [inputs], data: new Float32Array(inputs).fill(1) },
  });
  const conv = (inputs: number, outputs: number, px: number): ConvWeights => ({
    ...modulated(inputs, outputs, 3),
    noise: { strength: 0.1, constant: numbers([px, px]) },
  });
  const tail = (px: number) => ({
    conv1: conv(channelsAt(px), channelsAt(px), px),
    toRgb: modulated(channelsAt(px), 3, 1, 0.1),
  });
  const first = { resolution: 4, constant: numbers([channelsAt(4), 4, 4]), ...tail(4) };
  const later: LaterBlock[] = [];
  for (let px = 8; px <= resolution; px *= 2) {
    later.push({ resolution: px, conv0: conv(channelsAt(px / 2), channelsAt(px), px), ...tail(px) });
  }
  const layers = Array.from({ length: LAYERS }, () => ({
    weight: numbers([WIDTH, WIDTH], 1 / LR_MULTIPLIER),
    bias: numbers([WIDTH]),
    weightGain: LR_MULTIPLIER / Math.sqrt(WIDTH),
    biasGain: LR_MULTIPLIER,
  }));
  const dense = (inputs: number, outputs: number) => ({
    weight: numbers([outputs, inputs], 1 / Math.sqrt(inputs)),
    bias: numbers([outputs], 0.1),
  });
  return {
    info: {
      name: `config_f_${resolution}`,
      zDim: WIDTH,
      wDim: WIDTH,
      numWs: numWsOf(resolution),
      resolution,
      attributes: [{ name: "smile", type: "binary", classes: ["no", "yes"], temperature: 1 }],
      layerGroups: { coarse: [0, 3] },
    },
    weights: {
      zDim: WIDTH,
      mapping: { normalize: true, layers, wAverage: numbers([WIDTH], 0.1) },
      heads: [{ attribute: "smile", layers: [dense(WIDTH, 128), dense(128, 2)] }],
    },
    synthesis: { style: "skip", firKernel: [1, 3, 3, 1], wDim: WIDTH, resolution, first, later },
    sha256: "0".repeat(64),
    licence: "CC0-1.0",
  };
}

/** Styles of `count` pictures, one w each: [count, 512]. */
export function styles(count: number): Float32Array {
  const r = random(7);
  return Float32Array.from({ length: count * WIDTH }, () => r.normal());
}
