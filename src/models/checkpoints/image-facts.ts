// What the weights of a synthesis say of its images and layers.
// In: weights that have been checked. Out: the part of ModelInfo that follows from them.
import type { ModelInfo } from "../../compiler/attribute.js";
import { blockSize } from "../../compiler/build/stylegan2.js";
import type { Stylegan2Weights, Stylegan3Weights, SynthesisWeights } from "../../compiler/synthesis-weights.js";
import { InternalError } from "../../source/internal-error.js";
import { defaultLayerGroups, numWsOf } from "../pack/pack-metadata.js";
import { layerSizes } from "./stylegan3-weights.js";

type ImageFacts = Pick<ModelInfo, "numWs" | "resolution" | "imageSize" | "imageChannels" | "layerGroups" | "movable">;

/** Layers, their groups as the papers divide them, and the images. */
export function imageFacts(synthesis: SynthesisWeights): ImageFacts {
  return synthesis.style === "alias-free" ? ofStylegan3(synthesis) : ofStylegan2(synthesis);
}

function ofStylegan2(synthesis: Stylegan2Weights): ImageFacts {
  const { resolution, first, later } = synthesis;
  const [height, width] = blockSize(synthesis, resolution);
  const last = (later.at(-1) ?? first).toRgb;
  return {
    numWs: numWsOf(resolution),
    resolution,
    ...sizeAndChannels(resolution, [width, height], last?.bias.data.length),
    layerGroups: defaultLayerGroups(resolution),
  };
}

/** Layers of up to 64 px (with the margin around the picture) are coarse, as far as 160 px middle; the input is coarse. */
function ofStylegan3(synthesis: Stylegan3Weights): ImageFacts {
  const sizes = layerSizes(synthesis);
  const last = sizes.at(-1);
  if (last === undefined) throw new InternalError("a synthesis without layers");
  const resolution = Math.max(...last);
  const sides = [0, ...sizes.map((size) => Math.max(...size))];
  const groups = [
    ["coarse", 0, 64],
    ["middle", 64, 160],
    ["fine", 160, Infinity],
  ] as const;
  const layerGroups = groups.flatMap(([name, over, to]) => {
    const own = sides.flatMap((side, i) => ((i === 0 ? over === 0 : side > over && side <= to) ? [i] : []));
    const [from, until] = [own[0], own.at(-1)];
    return from === undefined || until === undefined ? [] : [[name, [from, until] as const] as const];
  });
  return {
    numWs: synthesis.layers.length + 1,
    resolution,
    ...sizeAndChannels(resolution, last, synthesis.layers.at(-1)?.bias.data.length),
    layerGroups: Object.fromEntries(layerGroups),
    movable: true,
  };
}

function sizeAndChannels(
  resolution: number,
  [width, height]: readonly [number, number],
  channels: number | undefined,
): Pick<ModelInfo, "imageSize" | "imageChannels"> {
  return {
    ...((width !== resolution || height !== resolution) && { imageSize: [width, height] as const }),
    ...(channels === 4 && { imageChannels: 4 as const }),
  };
}
