// The parts of pictures that are compared with texts: the whole, and others by chance.
// In: nothing. Out: crops. Invariant: always the same, so that what is followed is one energy, in every run and on every machine.
import type { PictureCrop } from "../../compiler/picture-head.js";
import { fillUniformNoise } from "../../runtime/sample/noise.js";

/** How many there are. */
const COUNT = 8;
/** Share of the width and height of the smallest. */
const SMALLEST = 0.6;

export function promptCrops(): readonly PictureCrop[] {
  const others = Array.from({ length: COUNT - 1 }, (_, sample): PictureCrop => {
    const [size = 0, left = 0, top = 0] = uniform(sample);
    const share = SMALLEST + (1 - SMALLEST) * size;
    return { size: share, left: (1 - share) * left, top: (1 - share) * top };
  });
  return [{ left: 0, top: 0, size: 1 }, ...others];
}

function uniform(sample: number): Float64Array {
  const numbers = new Float64Array(3);
  fillUniformNoise({ seed: 0, sample, purpose: "crop", step: 0 }, numbers);
  return numbers;
}
