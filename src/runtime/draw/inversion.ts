// The styles of a photograph: those whose picture is like it, among those that the model would draw (compiler/build/likeness.ts).
// In: a picture of the model's size, a model on an engine. Out: styles, how like they are, how far from the model's own, and the z that they are near.
// Method: the nearest of many samples at a low resolution; from the best few one style for all layers, and a z, at a low resolution; from the best z one at
// full resolution (256 pixels at most); from its w and from the best style, a style for all layers; from the better one a style for each. What heads of z say
// of the picture, and edits of it, stand on a z: that one, or the one whose w is nearest to what was found, whichever has the liker picture. Adam throughout. Invariant: the same photograph gives the same styles on the same engine.
import { compileMapping } from "../../compiler/build/gradient.js";
import { compileLikeness, compileThumbnails, targetName, type LikenessTask } from "../../compiler/build/likeness.js";
import { resamplingTaps } from "../../compiler/build/resample.js";
import { repeatStyles } from "../../compiler/build/synthesis.js";
import { imageSizeOf } from "../../compiler/attribute.js";
import type { Model } from "../../models/model.js";
import { stopIfAborted } from "../../ports/stop.js";
import { concat } from "../../source/concat.js";
import type { RgbImage } from "../image/rgb.js";
import { drawLatents } from "../sample/noise-source.js";
import type { Engine } from "../services/engine.js";
import { ascend, bestRow, type Ascent } from "./ascent.js";
import { nearestZ, toSphere } from "./nearest-z.js";
import { coordinatesOf, distributionOf, styleOf } from "./style-distribution.js";
import { meanStyle } from "./styles.js";

/** Samples that styles are distributed as, and how many of them are looked at. */
const SAMPLES = 8192;
const LOOKED_AT = 1024;
/** The same where small pictures cost as much as whole ones: a synthesis that cannot stop early. */
const LOOKED_AT_WHOLE = 64;
const MAPPING_ROWS = 256;
const THUMBNAIL_ROWS = 32;
/** Width of the pictures that are looked at, and of those that the first descent compares. */
const THUMBNAIL = 32;
const COARSE = 32;
/** The largest width that is compared: finer layers of a larger model end at the average style, and a descent at 1024 pixels would take many minutes. */
const FINEST = 256;
const COARSE_STEPS = 120;
const COARSE_RATE = 0.2;
const LATENT_RATE = 0.1;
const WHOLE_STEPS = 100;
const FINE_STEPS = 120;
const FINE_RATE = 0.1;
/** Nats of a mean square of 1, in colours from -1 to 1: as many numbers as a picture of 32 x 32 has, each known to a fortieth of the range. */
const STRENGTH = (3 * 32 * 32) / (2 * 0.05 ** 2);

export interface Inversion {
  /** [numWs, wDim] */
  readonly styles: Float32Array;
  /** [zDim] */
  readonly z: Float64Array;
  /** Of the picture in colours from 0 to 1, dB. */
  readonly psnr: number;
  /** Mean over the layers of |u|^2 / 2, nats: samples have wDim / 2. */
  readonly nats: number;
}

export interface InversionTask {
  readonly model: Model;
  readonly engine: Engine;
  readonly noise: "const" | "none";
  /** One style for all layers, or one for each. */
  readonly space: "w" | "w+";
  /** Factor of the prior's nats. */
  readonly prior: number;
  /** Starts of the first descent. */
  readonly tries: number;
  readonly signal?: AbortSignal | undefined;
}

/** The styles of a picture. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine. */
export async function invert(picture: RgbImage, task: InversionTask): Promise<Inversion> {
  const { model, engine, tries, prior, space, noise } = task;
  const { numWs, wDim } = model.info;
  const { width, height } = imageSizeOf(model.info);
  const target = floatsOf(picture);
  const w = await stylesAt(drawZ(SAMPLES, model.info.zDim), MAPPING_ROWS, task);
  const styles = distributionOf(w, wDim);
  const common = { model, layout: engine.layout, noise, styles, strength: STRENGTH, prior };
  const sizesBelow = (edge: number): [number, number][] => sizesFrom(width, height, edge);
  const descend = async (
    u: Float64Array,
    options: Pick<LikenessTask, "rows" | "layers" | "sizes" | "mapping"> & { steps: number; rate: number },
  ): Promise<Ascent> => {
    const graph = await engine.compile(compileLikeness({ ...common, ...options }));
    try {
      const [first = [width, height] as const] = options.sizes;
      const largest = resampled(target, [width, height], first);
      const inputs = Object.fromEntries(
        options.sizes.map((size) => [targetName(size), resampled(largest, first, size)]),
      );
      const { rows, steps, rate } = options;
      const seen = { of: "u", value: "logp", beside: "misfit" };
      return await ascend(u, { graph, inputs, ...seen, rows, steps, rate, signal: task.signal });
    } finally {
      await graph.dispose();
    }
  };
  const starts = await nearestSamples(target, w, task);
  const first = concat(
    starts.map((s) => coordinatesOf(s.w, styles)),
    Float64Array,
  );
  const below = { layers: 1, sizes: sizesBelow(COARSE), steps: COARSE_STEPS };
  const coarse = await descend(first, { ...below, rows: tries, rate: COARSE_RATE });
  const found = [bestRow(coarse)];
  const mapping = model.weights.mapping && model.weights;
  const latents: Float64Array[] = [];
  if (mapping) {
    const z = concat(
      starts.map((s) => s.z),
      Float64Array,
    );
    const far = await descend(z, { ...below, rows: tries, rate: LATENT_RATE, mapping });
    const near = await descend(bestRow(far), {
      ...{ rows: 1, layers: 1, sizes: sizesBelow(FINEST), steps: WHOLE_STEPS, rate: LATENT_RATE, mapping },
    });
    if (mapping.mapping?.normalize === true) toSphere(near.x, near.x.length);
    latents.push(near.x);
    found.push(coordinatesOf(await stylesAt(near.x, 1, task), styles));
  }
  const layers = space === "w" ? 1 : numWs;
  const whole = await descend(concat(found, Float64Array), {
    ...{ rows: found.length, layers: 1, sizes: sizesBelow(FINEST), steps: WHOLE_STEPS, rate: FINE_RATE },
  });
  const fine = await descend(
    concat(
      Array.from({ length: layers }, () => bestRow(whole)),
      Float64Array,
    ),
    {
      ...{ rows: 1, layers, sizes: sizesBelow(FINEST), steps: FINE_STEPS, rate: FINE_RATE },
    },
  );
  const rows = Array.from({ length: layers }, (_, l) => styleOf(fine.x.subarray(l * wDim, (l + 1) * wDim), styles));
  const misfit = fine.beside[0] ?? NaN;
  const mean = meanStyle(concat(rows, Float32Array), wDim);
  let z: Float64Array = Float64Array.from(mean);
  if (mapping) {
    latents.push(...(await nearestZ([mean], { model, engine, truncation: 1, signal: task.signal })));
    const own = await descend(concat(latents, Float64Array), {
      ...{ rows: latents.length, layers: 1, sizes: sizesBelow(FINEST), steps: 0, rate: LATENT_RATE, mapping },
    });
    z = bestRow({ ...own, value: own.beside.map((m) => -m) });
  }
  return {
    z,
    styles: layers === 1 ? repeatStyles(rows[0] ?? new Float32Array(wDim), 1, numWs) : concat(rows, Float32Array),
    psnr: -10 * Math.log10(misfit / 4),
    nats: fine.x.reduce((sum, x) => sum + x * x, 0) / (2 * layers),
  };
}

/** Sizes from the largest that is wanted down to 8 pixels. */
function sizesFrom(width: number, height: number, edge: number): [number, number][] {
  const sizes: [number, number][] = [];
  for (let w = width; w >= 8; w /= 2) {
    const h = Math.round((height * w) / width);
    if (w <= edge && h >= 1) sizes.push([Math.round(w), h]);
  }
  return sizes.length === 0 ? [[width, height]] : sizes;
}

/** z of the samples that are looked at, [n, zDim]. */
function drawZ(n: number, zDim: number): Float64Array {
  return drawLatents(0, [...Array(n).keys()], zDim);
}

/** w of some z [n, zDim], without truncation; n a multiple of `rows`. */
async function stylesAt(
  z: Float64Array,
  rows: number,
  { model, engine, signal }: InversionTask,
): Promise<Float32Array> {
  const { zDim, wDim } = model.info;
  const w = new Float32Array((z.length / zDim) * wDim);
  const mapping = await engine.compile(compileMapping(model.weights, rows));
  try {
    for (let at = 0; at < z.length / zDim; at += rows) {
      stopIfAborted(signal);
      const read = await mapping.run({ z: Float32Array.from(z.subarray(at * zDim, (at + rows) * zDim)) });
      w.set(read["w"] ?? [], at * wDim);
    }
  } finally {
    await mapping.dispose();
  }
  return w;
}

/** Of the first samples, those whose small pictures are nearest. They are looked at half way to the average: there pictures are whole. */
async function nearestSamples(
  target: Float32Array,
  w: Float32Array,
  { model, engine, noise, tries, signal }: InversionTask,
): Promise<readonly { readonly z: Float64Array; readonly w: Float32Array }[]> {
  const { wDim, numWs, zDim } = model.info;
  const { width, height } = imageSizeOf(model.info);
  const size = [THUMBNAIL, Math.max(1, Math.round((height * THUMBNAIL) / width))] as const;
  const wanted = resampled(target, [width, height], size);
  const average = model.weights.mapping?.wAverage.data;
  const looked = stopsEarly(model) ? LOOKED_AT : LOOKED_AT_WHOLE;
  const own = w.subarray(0, looked * wDim).map((x, i) => {
    const centre = average?.[i % wDim] ?? 0;
    return centre + SHOWN_AT * (x - centre);
  });
  const graph = await engine.compile(
    compileThumbnails({ model, rows: THUMBNAIL_ROWS, layout: engine.layout, noise, size }),
  );
  const distances: number[] = [];
  try {
    for (let at = 0; at < looked; at += THUMBNAIL_ROWS) {
      stopIfAborted(signal);
      const rows = own.subarray(at * wDim, (at + THUMBNAIL_ROWS) * wDim);
      const { small = new Float32Array() } = await graph.run({ ws: repeatStyles(rows, THUMBNAIL_ROWS, numWs) });
      for (let row = 0; row < THUMBNAIL_ROWS; row++) {
        let sum = 0;
        for (let i = 0; i < wanted.length; i++) sum += ((small[row * wanted.length + i] ?? 0) - (wanted[i] ?? 0)) ** 2;
        distances.push(sum);
      }
    }
  } finally {
    await graph.dispose();
  }
  const order = [...distances.keys()].sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0));
  const z = drawZ(looked, zDim);
  return order
    .slice(0, tries)
    .map((k) => ({ z: z.slice(k * zDim, (k + 1) * zDim), w: own.slice(k * wDim, (k + 1) * wDim) }));
}

/** Whether each block of a synthesis paints, so that a smaller picture is had of the first ones. */
function stopsEarly({ synthesis }: Model): boolean {
  return synthesis?.style !== "alias-free" && synthesis?.first.toRgb !== undefined;
}

/** psi at which samples are looked at. */
const SHOWN_AT = 0.7;

/** A picture as [3, height, width] in [-1, 1]: bytes as the synthesis rounds them (floor(127.5 x + 128)). */
function floatsOf({ width, height, data }: RgbImage): Float32Array {
  const size = width * height;
  const out = new Float32Array(3 * size);
  for (let p = 0; p < size; p++)
    for (let c = 0; c < 3; c++) out[c * size + p] = ((data[p * 3 + c] ?? 0) - 127.5) / 127.5;
  return out;
}

/** [3, height, width] at another size, step by step down by halves as the graph has it. */
function resampled(
  image: Float32Array,
  [width, height]: readonly [number, number],
  [newWidth, newHeight]: readonly [number, number],
): Float32Array {
  if (width === newWidth && height === newHeight) return image;
  const [columns, rows] = [resamplingTaps(width, newWidth), resamplingTaps(height, newHeight)];
  const out = new Float32Array(3 * newWidth * newHeight);
  for (let c = 0; c < 3; c++)
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        let sum = 0;
        row.weights.forEach((a, j) => {
          column.weights.forEach((b, i) => {
            sum += a * b * (image[(c * height + row.from + j) * width + column.from + i] ?? 0);
          });
        });
        out[(c * newHeight + y) * newWidth + x] = sum;
      });
    });
  return out;
}
