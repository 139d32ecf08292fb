// Small models of seeded random weights, for tests that need a whole model without a file.
// In: a seed and sizes. Out: Model. Invariants: the same seed gives the same weights; images stay within a few units of [-1, 1].
import type { Attribute } from "../../src/compiler/attribute.js";
import type { HeadWeights, Tensor } from "../../src/compiler/weights.js";
import type { StyleganModel } from "../../src/models/model.js";
import { numWsOf } from "../../src/models/pack/pack-metadata.js";
import type {
  ConvWeights,
  LaterBlock,
  ModulatedWeights,
  Stylegan2Weights,
  SynthesisStyle,
  SynthesisWeights,
} from "../../src/compiler/synthesis-weights.js";
import { random } from "./random.js";

export interface RandomModelOptions {
  readonly seed?: number;
  readonly resolution?: number;
  readonly zDim?: number;
  readonly wDim?: number;
  readonly channels?: number;
  readonly style?: SynthesisStyle;
  readonly noise?: boolean;
  readonly mappingLayers?: number;
  readonly attributes?: readonly Attribute[];
  /** Makes it conditional. */
  readonly classes?: number;
  /** Attributes whose heads take z. */
  readonly inZ?: readonly string[];
  /** Attributes whose heads are smooth. */
  readonly smooth?: readonly string[];
}

export const RANDOM_ATTRIBUTES: readonly Attribute[] = [
  { name: "glasses", type: "binary", classes: ["no", "yes"], temperature: 1 },
  { name: "hair", type: "category", classes: ["black", "brown", "blond"], temperature: 1.5 },
  { name: "tilt", type: "scalar", min: 0, max: 1, sigma: 0.1 },
];

/** The blocks of a StyleGAN2. Fails on anything else. */
export function blocksOf(synthesis: SynthesisWeights | undefined): Stylegan2Weights {
  if (synthesis === undefined || synthesis.style === "alias-free") throw new Error("no StyleGAN2");
  return synthesis;
}

export function randomModel(
  options: RandomModelOptions = {},
): StyleganModel & { readonly synthesis: Stylegan2Weights } {
  const { seed = 1, resolution = 16, zDim = 6, wDim = 8, channels = 5, style = "skip", noise = true } = options;
  const { mappingLayers = 2, attributes = RANDOM_ATTRIBUTES, classes = 0, inZ = [], smooth = [] } = options;
  const r = random(seed);
  const normal = (shape: readonly number[], scale = 1): Tensor => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * r.normal()),
  });
  const modulated = (inputs: number, outputs: number, k: number): ModulatedWeights => ({
    weight: normal([outputs, inputs, k, k]),
    bias: normal([outputs], 0.1),
    affineWeight: normal([inputs, wDim]),
    affineBias: { shape: [inputs], data: new Float32Array(inputs).fill(1) },
  });
  const conv = (inputs: number, px: number): ConvWeights => ({
    ...modulated(inputs, channels, 3),
    ...(noise && { noise: { strength: Math.fround(0.1 * r.normal()), constant: normal([px, px]) } }),
  });
  const tail = (px: number) => ({
    conv1: conv(channels, px),
    ...((style === "skip" || px === resolution) && { toRgb: modulated(channels, 3, 1) }),
  });
  const later: LaterBlock[] = [];
  const first = { resolution: 4, constant: normal([channels, 4, 4]), ...tail(4) };
  for (let px = 8; px <= resolution; px *= 2) {
    later.push({
      resolution: px,
      conv0: conv(channels, px),
      ...(style === "resnet" && { skip: normal([channels, channels, 1, 1]) }),
      ...tail(px),
    });
  }
  const mapping = {
    normalize: true,
    layers: Array.from({ length: mappingLayers }, (_, i) => {
      const first = classes > 0 ? zDim + wDim : zDim;
      const [inputs, outputs] = [i === 0 ? first : wDim + 1, i === mappingLayers - 1 ? wDim : wDim + 1];
      return {
        weight: normal([outputs, inputs], 100),
        bias: normal([outputs], 10),
        weightGain: 0.01 / Math.sqrt(inputs),
        biasGain: 0.01,
      };
    }),
    wAverage: normal([wDim], 0.1),
    ...(classes > 0 && {
      embedding: { weight: normal([wDim, classes]), bias: normal([wDim]), weightGain: 1 / Math.sqrt(classes) },
    }),
  };
  const head = (attribute: Attribute): HeadWeights => {
    const outputs = attribute.type === "scalar" ? 1 : attribute.classes.length;
    const isInZ = inZ.includes(attribute.name);
    return {
      attribute: attribute.name,
      ...(isInZ && { space: "z" as const }),
      layers: [
        { weight: normal([7, isInZ ? zDim : wDim], 0.5), bias: normal([7], 0.1) },
        { weight: normal([outputs, 7], 0.5), bias: normal([outputs], 0.1) },
      ],
      ...(smooth.includes(attribute.name) && { direct: normal([outputs, isInZ ? zDim : wDim], 0.5) }),
    };
  };
  return {
    info: {
      name: "random",
      zDim,
      wDim,
      numWs: numWsOf(resolution),
      resolution,
      attributes,
      layerGroups: { coarse: [0, 1] },
      ...(classes > 0 && { classes }),
    },
    weights: { zDim, mapping, heads: attributes.map(head) },
    synthesis: { style, firKernel: [1, 3, 3, 1], wDim, resolution, first, later },
    sha256: "0".repeat(64),
    licence: "CC0-1.0",
  };
}
