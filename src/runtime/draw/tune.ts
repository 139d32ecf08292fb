// Tuning a model to a photograph (compiler/build/tuning.ts): styles that were found for it are held, and the synthesis moves until their picture is like it.
// In: a picture of the model's size, styles, a model on an engine. Out: a patch of the synthesis, and how like it is then.
// Invariant: the same picture, styles and engine give the same patch.
import { imageSizeOf } from "../../compiler/attribute.js";
import type { LikenessTask } from "../../compiler/build/likeness.js";
import { patchSize } from "../../compiler/build/patch.js";
import { compileTuning, PATCH_UNIT } from "../../compiler/build/tuning.js";
import type { Engine } from "../services/engine.js";
import type { RgbImage } from "../image/rgb.js";
import { bestRow } from "./ascent.js";
import { FINEST, psnrOf, sizesFrom, STRENGTH, targetsAt } from "./inversion.js";
import { ascendLbfgs } from "./lbfgs.js";
import { floatsOf } from "./picture-floats.js";
import type { StyleganModel } from "../../models/model.js";

/** Nats of half of the square of each number of a patch: numbers move by hundredths of what weights are. */
const PRIOR = 0.1;

export interface TuneTask {
  readonly model: StyleganModel;
  readonly engine: Engine;
  readonly noise: LikenessTask["noise"];
  /** Evaluations. */
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Tuned {
  readonly patch: Float32Array;
  /** dB, as of an Inversion. */
  readonly psnr: number;
}

/** Tunes a model. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine. */
export async function tune(picture: RgbImage, styles: Float32Array, task: TuneTask): Promise<Tuned> {
  const { model, engine, noise, steps, signal } = task;
  const { width, height } = imageSizeOf(model.info);
  const whole = [width, height] as const;
  const sizes = sizesFrom(whole, Math.min(FINEST, width));
  const settings = { pictures: model, layout: engine.layout, noise, sizes, strength: STRENGTH, prior: PRIOR };
  const graph = await engine.compile(compileTuning(settings));
  try {
    const start = new Float64Array(patchSize(model.synthesis));
    const inputs = { ...targetsAt(floatsOf(picture), whole, sizes), ws: styles };
    const climb = { graph, inputs, of: "u", value: "logp", beside: "misfit", rows: 1, steps, signal };
    const found = await ascendLbfgs(start, climb);
    const patch = Float32Array.from(bestRow(found), (u) => PATCH_UNIT * u);
    return { patch, psnr: psnrOf(found.beside[0] ?? NaN) };
  } finally {
    await graph.dispose();
  }
}
