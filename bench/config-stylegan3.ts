// A model of the size of StyleGAN3's published configurations with seeded random weights: what synthesis is timed with, since nobody's weights are here.
// In: T or R, a resolution. Out: a Model. Invariants: the same numbers everywhere; sizes, rates and channels as the publication has them; filters have its
// lengths, but are plain windows: they cost what real ones do.
// Source: Karras et al. 2021 (arXiv 2106.12423), section 3 and table 2: 14 layers, cutoffs from 2, first stopband 2^2.1, last 2^0.3 beyond the cutoff.
import type { FilteredLayer } from "../src/compiler/synthesis-weights.js";
import type { Tensor } from "../src/compiler/weights.js";
import { checkpointModel } from "../src/models/checkpoints/checkpoint-model.js";
import type { StyleganModel } from "../src/models/model.js";
import { makeInput, makeLayer } from "../test/support/stylegan3.js";
import { uniformWeights } from "./uniform-weights.js";

const WIDTH = 512;
const LAYERS = 14;
const MARGIN = 10;
const FILTER_TAPS = 6;

/** The model of 256, 512 or 1024 px. */
export function configStylegan3(configuration: "T" | "R", resolution: number): StyleganModel {
  const numbers = uniformWeights(resolution);
  const [base, most] = configuration === "T" ? [32768, 512] : [65536, 1024];
  const steps = Array.from({ length: LAYERS + 1 }, (_, i) => Math.min(i / (LAYERS - 2), 1));
  const [firstCutoff, lastCutoff] = [2, resolution / 2];
  const [firstStop, lastStop] = [2 ** 2.1, lastCutoff * 2 ** 0.3];
  const cutoffs = steps.map((e) => firstCutoff * (lastCutoff / firstCutoff) ** e);
  const rates = steps.map(
    (e) => 2 ** Math.ceil(Math.log2(Math.min(firstStop * (lastStop / firstStop) ** e * 2, resolution))),
  );
  const sizes = rates.map((rate, i) => (i >= LAYERS - 1 ? resolution : rate + 2 * MARGIN));
  const channels = cutoffs.map((cutoff, i) => (i === LAYERS ? 3 : Math.round(Math.min(base / 2 / cutoff, most))));
  const layers = sizes.map((out, i): FilteredLayer => {
    const from = Math.max(i - 1, 0);
    const [size, inputs, outputs] = [sizes[from]!, channels[from]!, channels[i]!];
    const toRgb = i === LAYERS;
    const raised = Math.max(rates[from]!, rates[i]!) * (toRgb ? 1 : 2);
    const [up, down] = [raised / rates[from]!, raised / rates[i]!];
    return makeLayer({
      ...{ name: `L${i}_${out}_${outputs}`, toRgb, inputs, outputs, kernel: toRgb || configuration === "R" ? 1 : 3 },
      ...{ size, out, up, down, upTaps: up * FILTER_TAPS, downTaps: down * FILTER_TAPS },
      ...{ radial: configuration === "R" && cutoffs[i]! * 2 < rates[i]!, magnitude: 1, wDim: WIDTH },
      ...{ numbers, filter: bell, affine: 0.5, bias: 0.1 },
    });
  });
  return checkpointModel(
    { name: `stylegan3-${configuration.toLowerCase()}`, sha256: "" },
    {
      zDim: WIDTH,
      classes: 0,
      mapping: {
        normalize: true,
        layers: [0, 1].map(() => ({
          ...{ weight: numbers([WIDTH, WIDTH], 100), bias: numbers([WIDTH], 10) },
          ...{ weightGain: 0.01 / Math.sqrt(WIDTH), biasGain: 0.01 },
        })),
        wAverage: numbers([WIDTH], 0.1),
      },
      synthesis: {
        style: "alias-free",
        wDim: WIDTH,
        clamp: 256,
        outputScale: 0.25,
        input: {
          size: [sizes[0]!, sizes[0]!],
          samplingRate: rates[0]!,
          bandwidth: firstCutoff,
          ...makeInput(channels[0]!, WIDTH, 0.1, numbers),
        },
        layers,
      },
    },
  );
}

/** A window that sums to 1. */
function bell(taps: number, isSquare: boolean): Tensor {
  const line = Float32Array.from({ length: taps }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / taps) ** 2);
  const data = isSquare
    ? Float32Array.from({ length: taps * taps }, (_, i) => line[Math.floor(i / taps)]! * line[i % taps]!)
    : line;
  const sum = data.reduce((a, b) => a + b, 0);
  return { shape: isSquare ? [taps, taps] : [taps], data: data.map((v) => v / sum) };
}
