// Gaussian noise by address: the number at (seed, sample, purpose, step, position) is a pure function of these.
// In: an address. Out: standard normal numbers. So sample 7 of seed 42 is the same alone, in a batch of 16, or on another
// machine's shard, and no order of drawing matters.
// Invariants: the layout below and every operation on the way are frozen; a golden test holds fixed values.
//
//   key      word 0: seed mod 2^32                word 1: floor(seed / 2^32)
//   counter  word 0: block, position div 4        word 1: step
//            word 2: purpose + 256 slot           word 3: sample index
//
// One Philox block gives four words x0..x3 and so four numbers. With u = (x + 1/2) / 2^32, Box and Muller:
//   n0 = r(u0) cos 2 pi u1,  n1 = r(u0) sin 2 pi u1,  n2 = r(u2) cos 2 pi u3,  n3 = r(u2) sin 2 pi u3,  r(u) = sqrt(-2 log u)
// A word of 32 bits reaches 6.76 standard deviations, which is enough for latents.
import { InternalError } from "../../source/internal-error.js";
import { exactLog, exactSinCosTurns } from "./exact-math.js";
import { philox4x32 } from "./philox.js";

/** What a draw is for. A number is never given another meaning. */
const PURPOSES = {
  latent: 0,
  langevin: 1,
  predictor: 2,
  corrector: 3,
  hmc: 4,
  label: 16,
  bootstrap: 17,
  synthesis: 64,
  split: 32,
  shuffle: 33,
  augment: 34,
  bank: 35,
  initial: 36,
  wish: 37,
  crop: 38,
} as const;
export type Purpose = keyof typeof PURPOSES;

/** Slots of one attempt. */
export const ATTEMPT_SLOTS = 4096;

/** Where a vector of noise lives. */
export interface NoiseAddress {
  /** Integer in [0, 2^53). */
  readonly seed: number;
  /** Index of the sample in its seed's sequence, in [0, 2^32). */
  readonly sample: number;
  readonly purpose: Purpose;
  /** Step of the sampler, in [0, 2^32); 0 for latents. */
  readonly step: number;
  /** Which of a step's vectors, in [0, 2^24); default 0. Corrector j of a step is in slot j; attempt a of a sample has those from a ATTEMPT_SLOTS on. */
  readonly slot?: number;
}

const TWO_TO_32 = 4294967296;

/**
 * A vector of independent standard normal numbers, the same bits on every machine.
 *
 * Shapes  -> [dim] doubles; a shorter vector is a prefix of a longer one.
 * Errors  InternalError if the address is outside its ranges (the checker has refused such seeds).
 */
export function gaussianNoise(address: NoiseAddress, dim: number): Float64Array {
  const noise = new Float64Array(dim);
  fillGaussianNoise(address, noise);
  return noise;
}

/** As gaussianNoise, into an array that exists. */
export function fillGaussianNoise(address: NoiseAddress, noise: Float64Array): void {
  const { key, counter } = blocksAt(address);
  const words = new Uint32Array(4);
  const circle = new Float64Array(2);
  for (let start = 0, block = 0; start < noise.length; start += 4, block += 1) {
    counter[0] = block;
    philox4x32(counter, key, words);
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * exactLog(unit(words[pair] ?? 0)));
      exactSinCosTurns(unit(words[pair + 1] ?? 0), circle);
      // Writes past the end of a typed array are ignored: the last block may be cut.
      noise[start + pair] = radius * (circle[1] ?? 0);
      noise[start + pair + 1] = radius * (circle[0] ?? 0);
    }
  }
}

/** Independent numbers, uniform in (0, 1), at an address: position i is word i of its blocks. */
export function fillUniformNoise(address: NoiseAddress, numbers: Float64Array): void {
  const { key, counter } = blocksAt(address);
  const words = new Uint32Array(4);
  for (let start = 0; start < numbers.length; start += 4) {
    counter[0] = start / 4;
    philox4x32(counter, key, words);
    words.forEach((word, i) => (numbers[start + i] = unit(word))); // writes past the end are ignored
  }
}

/** Key and counter of an address, at its first block. Errors InternalError if it is outside its ranges. */
function blocksAt(address: NoiseAddress): { readonly key: Uint32Array; readonly counter: Uint32Array } {
  const { seed, sample, step, purpose, slot = 0 } = address;
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InternalError(`seed ${seed} is not an integer in [0, 2^53)`);
  if (!isWord(sample) || !isWord(step)) throw new InternalError(`noise address ${sample}, ${step} is out of range`);
  if (!isWord(slot * 256)) throw new InternalError(`noise slot ${slot} is out of range`);
  return {
    key: Uint32Array.of(seed % TWO_TO_32, Math.floor(seed / TWO_TO_32)),
    counter: Uint32Array.of(0, step, PURPOSES[purpose] + 256 * slot, sample),
  };
}

/** Centre of the word's cell in (0, 1): never 0 or 1, exact in a double. */
function unit(word: number): number {
  return (word + 0.5) / TWO_TO_32;
}

function isWord(x: number): boolean {
  return Number.isInteger(x) && x >= 0 && x < TWO_TO_32;
}
