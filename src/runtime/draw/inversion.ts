// The styles of a photograph: those whose picture is like it, among those that the model would draw (compiler/build/likeness.ts).
// In: a picture of the model's size, a model on an engine. Out: styles, how like they are, how far from the model's own, and the z that they are near.
// Method: from the nearest of many samples (survey.ts), and from what an encoder says, one style for all layers, at higher and higher resolutions; from there a
// style for each. Edits stand on the z whose w is near to what was found and of which heads of z say what the picture shows (nearest-z.ts). Of a decoder z is all there is.
// Invariant: the same photograph gives the same styles on the same engine.
import { compileLikeness, targetName, type LikenessTask } from "../../compiler/build/likeness.js";
import { repeatStyles } from "../../compiler/build/synthesis.js";
import { imageSizeOf } from "../../compiler/attribute.js";
import type { PhotoSpace } from "../../compiler/plan.js";
import { concat } from "../../source/concat.js";
import type { RgbImage } from "../image/rgb.js";
import { ascend, bestRow, type Ascent } from "./ascent.js";
import { ascendLbfgs } from "./lbfgs.js";
import type { SeenAttributes } from "./columns.js";
import { nearestZ } from "./nearest-z.js";
import { floatsOf, resampled } from "./picture-floats.js";
import { coordinatesOf, styleOf } from "./style-distribution.js";
import { meanStyle } from "./styles.js";
import { nearestSamples, surveyStyles, type SurveyTask } from "./survey.js";

/** The largest width that is compared: finer layers of a larger model end at the average style, and a descent at 1024 pixels would take many minutes. */
export const FINEST = 256;
/** The smallest that a search begins at: below it faces are all alike. */
const LEAST_EDGE = 32;
/** Above this width a step is so dear that there are fewer of them. */
const ALL_STEPS = 128;
/** Share of the steps at smaller sizes of models that are larger than what is compared: each of those costs what hundreds of a small model do. */
const PART_OF_LARGE = 1 / 2;
/**
 * Stages of the search for styles: part of the largest width, steps, and Adam's rate, or L-BFGS without one. Adam leaves shallow hollows, L-BFGS comes to the
 * ground. All starts go through the first, the best through the others; first one style for all layers, which cannot go far astray.
 */
const STYLE_STAGES: readonly Stage[] = [
  { part: 1 / 4, steps: 30 },
  { part: 1 / 2, steps: 50, rate: 0.15 },
];
/** The same of a style for each layer, or of the one. */
const LAYER_STAGES: readonly Stage[] = [
  { part: 1 / 2, steps: 80, rate: 0.15 },
  { part: 1, steps: 200 },
];
/** Of a decoder, which has nothing but z. */
const DECODER_STAGES: readonly Stage[] = [
  { part: 1, steps: 250, rate: 0.1 },
  { part: 1, steps: 300, rate: 0.02 },
];
/** Nats of a mean square of 1, in colours from -1 to 1: as many numbers as a picture of 32 x 32 has, each known to a fortieth of the range. */
export const STRENGTH = (3 * 32 * 32) / (2 * 0.05 ** 2);

interface Stage {
  readonly part: number;
  readonly steps: number;
  readonly rate?: number;
}

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

/** Where a search begins, in place of samples: what an encoder says of the picture. */
export interface EncodedStart {
  readonly z: Float64Array;
  readonly w: Float32Array;
}

export interface InversionTask extends SurveyTask {
  readonly space: PhotoSpace;
  /** Factor of the prior's nats. */
  readonly prior: number;
  /** Samples that the search begins at. */
  readonly tries: number;
  /** What the picture shows, where that is known: heads of the z that is found say the same. */
  readonly seen?: SeenAttributes | undefined;
  /** What an encoder says of a picture [3, height, width]; absent: the search begins at samples. */
  readonly encode?: ((target: Float32Array) => Promise<EncodedStart>) | undefined;
}

/** The styles of a picture. Errors: LaceError L4106 if `signal` aborts, L5204 of a decoder, L52xx of the engine. */
export async function invert(picture: RgbImage, task: InversionTask): Promise<Inversion> {
  const search = new Search(picture, task);
  return task.model.decoder === undefined ? search.inStyles() : search.inLatents();
}

type Where = Pick<LikenessTask, "rows" | "layers" | "styles" | "mapping">;

class Search {
  private readonly target: Float32Array;
  private readonly whole: readonly [width: number, height: number];

  constructor(
    picture: RgbImage,
    private readonly task: InversionTask,
  ) {
    const { width, height } = imageSizeOf(task.model.info);
    this.whole = [width, height];
    this.target = floatsOf(picture);
  }

  async inStyles(): Promise<Inversion> {
    const { task } = this;
    const { model, engine, space, resultCache, signal } = task;
    const { numWs, wDim } = model.info;
    const styles = await surveyStyles(space.startsWith("w") ? "w" : "p", task);
    const starts = await this.starts();
    const begun = concat(
      starts.map((s) => coordinatesOf(s.w, styles)),
      Float64Array,
    );
    const layers = space.endsWith("+") ? numWs : 1;
    const one = await this.through(STYLE_STAGES, begun, { rows: starts.length, layers: 1, styles });
    const each = concat(
      Array.from({ length: layers }, () => bestRow(one)),
      Float64Array,
    );
    const found = await this.through(LAYER_STAGES, each, { rows: 1, layers, styles });
    const own = concat(
      Array.from({ length: layers }, (_, l) => styleOf(bestRow(found).subarray(l * wDim, (l + 1) * wDim), styles)),
      Float32Array,
    );
    const source = { model, engine, truncation: 1, resultCache, signal };
    const [z = Float64Array.from(own)] = await nearestZ([meanStyle(own, wDim)], source, [task.seen]);
    return { z, styles: layers === 1 ? repeatStyles(own, 1, numWs) : own, ...likenessOf(found, layers) };
  }

  /** Of a decoder, whose z is its style. */
  async inLatents(): Promise<Inversion> {
    const starts = await this.starts();
    const begun = concat(
      starts.map((s) => s.z),
      Float64Array,
    );
    const found = await this.through(DECODER_STAGES, begun, { rows: starts.length, layers: 1 });
    const z = bestRow(found);
    return { z, styles: Float32Array.from(z), ...likenessOf(found, 1) };
  }

  /** What the search begins at, the nearest first. */
  private async starts(): Promise<readonly EncodedStart[]> {
    const { task, target } = this;
    if (task.encode === undefined) return nearestSamples(target, task.tries, task);
    const said = await task.encode(target);
    return task.tries === 1 ? [said] : [said, ...(await nearestSamples(target, task.tries - 1, task))];
  }

  /** Several stages, after the first from the best row. */
  private async through(stages: readonly Stage[], start: Float64Array, where: Where): Promise<Ascent> {
    let found: Ascent | undefined;
    for (const stage of stages) {
      const [x, rows] = found === undefined ? [start, where.rows] : [bestRow(found), 1];
      found = await this.descend(x, stage, { ...where, rows });
    }
    return found ?? { x: start, value: new Float64Array(where.rows), beside: new Float64Array(where.rows) };
  }

  private async descend(x: Float64Array, { part, steps, rate }: Stage, where: Where): Promise<Ascent> {
    const { engine, pictures, noise, prior, signal } = this.task;
    const { whole } = this;
    const edge = Math.max(Math.min(LEAST_EDGE, whole[0]), part * Math.min(FINEST, whole[0]));
    const sizes = sizesFrom(whole, edge);
    const common = { pictures, layout: engine.layout, noise, strength: STRENGTH, prior };
    const graph = await engine.compile(compileLikeness({ ...common, ...where, sizes }));
    try {
      const inputs = targetsAt(this.target, whole, sizes);
      const share = whole[0] > FINEST && part < 1 ? PART_OF_LARGE : 1;
      const fewer = Math.round(steps * share * Math.min(1, ALL_STEPS / edge));
      const climb = { graph, inputs, of: "u", value: "logp", beside: "misfit", rows: where.rows, steps: fewer, signal };
      const project = within(pictures.decoder?.clip);
      return await (rate === undefined ? ascendLbfgs(x, climb) : ascend(x, { ...climb, rate, project }));
    } finally {
      await graph.dispose();
    }
  }
}

/** Puts z where a decoder does not clip it: beyond, it would have no slope. */
function within(clip: readonly [number, number] | undefined): ((x: Float64Array) => void) | undefined {
  if (clip === undefined) return undefined;
  const [low, high] = clip.map((bound) => bound * (1 - 1e-6));
  return (x) => x.forEach((v, i) => (x[i] = Math.min(high ?? v, Math.max(low ?? v, v))));
}

/** How like the best row is, and how unlike the model's own. */
function likenessOf(found: Ascent, layers: number): Pick<Inversion, "psnr" | "nats"> {
  const best = bestRow(found);
  const misfit = bestRow({ x: found.beside, value: found.value })[0] ?? NaN;
  return {
    psnr: psnrOf(misfit),
    nats: best.reduce((sum, x) => sum + x * x, 0) / (2 * layers),
  };
}

/** dB of a mean square in colours from -1 to 1. */
export function psnrOf(misfit: number): number {
  return -10 * Math.log10(misfit / 4);
}

/** A picture [3, height, width] at the sizes at which it is compared, as the inputs of a graph of likeness. */
export function targetsAt(
  target: Float32Array,
  whole: readonly [number, number],
  sizes: readonly (readonly [number, number])[],
): Readonly<Record<string, Float32Array>> {
  const [first = whole] = sizes;
  const largest = resampled(target, whole, first);
  return Object.fromEntries(sizes.map((size) => [targetName(size), resampled(largest, first, size)] as const));
}

/** Sizes from the largest that is wanted down to 8 pixels. */
export function sizesFrom([width, height]: readonly [number, number], edge: number): [number, number][] {
  const sizes: [number, number][] = [];
  for (let w = width; w >= 8; w /= 2) {
    const h = Math.round((height * w) / width);
    if (w <= edge && h >= 1) sizes.push([Math.round(w), h]);
  }
  return sizes.length === 0 ? [[width, height]] : sizes;
}
