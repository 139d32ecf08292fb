// What is found of a photograph: styles whose picture is like it, the z that edits stand on, and what a model that is tuned to it has in its weights.
// In: an opened photograph, how it is looked for, a model on an engine. Out: a FoundPhotograph; what was found once is remembered.
// Invariant: it is found in the model as it was loaded, whatever the task draws with.
import type { DecoderNetwork } from "../../compiler/build/decoded.js";
import type { PhotoStart, SampleTask } from "../../compiler/plan.js";
import type { Encoder } from "../../models/encoder-file.js";
import type { Model } from "../../models/model.js";
import { patchSize } from "../../compiler/build/patch.js";
import { concat } from "../../source/concat.js";
import type { RgbImage } from "../image/rgb.js";
import type { Engine } from "../services/engine.js";
import { encode } from "./encode.js";
import { invert } from "./inversion.js";
import type { SeenAttributes } from "./columns.js";
import { remembered, type ResultCache } from "./result-cache.js";
import type { Likeness } from "./results.js";
import { tune } from "./tune.js";

/** A photograph that is looked for. */
export interface Photograph {
  /** At the size of the model's pictures. */
  readonly picture: RgbImage;
  readonly encoder?: Encoder;
  /** What the model's own labeller says of it, as far as it is clear; absent where there is none. */
  readonly seen?: SeenAttributes;
  /** Of a model whose pictures a decoder makes. */
  readonly decoder?: DecoderNetwork;
}

export interface FoundPhotograph {
  /** [numWs, wDim] */
  readonly styles: Float32Array;
  /** [zDim] */
  readonly z: Float32Array;
  readonly likeness: Likeness;
  /** What is added to the synthesis (compiler/build/patch.ts), where the model is tuned. */
  readonly patch?: Float32Array;
}

interface Around {
  /** With the task's class. */
  readonly model: Model;
  readonly engine: Engine;
  readonly resultCache: ResultCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Looks for a photograph. Errors: LaceError L4106 if `signal` aborts, L52xx of the engine. */
export async function findPhotograph(
  start: PhotoStart,
  task: Pick<SampleTask, "noise" | "class">,
  opened: Photograph,
  around: Around,
): Promise<FoundPhotograph> {
  const { model, engine, resultCache, signal } = around;
  const { numWs, wDim, zDim } = model.info;
  const { picture, encoder, decoder, seen } = opened;
  const { space, prior, tries } = start;
  const pictures = { info: model.info, synthesis: model.synthesis, decoder };
  const noise = task.noise === "const" ? "const" : "none";
  const about = {
    ...{ kind: "photograph", method: 8, space, prior, tries, noise },
    ...{ class: task.class, seen: seen && [...seen] },
  };
  const size = numWs * wDim;
  const bytes = Float32Array.from(picture.data);
  const arrays = [bytes, ...(encoder ? numbersOf(encoder) : [])];
  const numbers = await remembered(resultCache, { about, arrays, length: size + zDim + 2 }, async () => {
    const { width, height } = picture;
    const { styles, z, psnr, nats } = await invert(picture, {
      ...{ model, engine, pictures, noise, space, prior, tries, seen, resultCache, signal },
      ...(encoder && { encode: (target: Float32Array) => encode(target, [width, height], encoder, engine) }),
    });
    return concat([styles, z, [psnr, nats]], Float32Array);
  });
  const styles = numbers.slice(0, size);
  const [psnr = NaN, nats = NaN] = numbers.slice(size + zDim);
  const found = { styles, z: numbers.slice(size, size + zDim), likeness: { psnr, nats, usual: wDim / 2 } };
  const { tune: steps } = start;
  if (steps === 0 || model.synthesis === undefined) return found;
  const many = patchSize(model.synthesis);
  const ofTuning = { about: { kind: "tuning", method: 1, steps, noise }, arrays: [bytes, styles], length: many + 1 };
  const moved = await remembered(resultCache, ofTuning, async () => {
    const tuned = await tune(picture, styles, { model, engine, noise, steps, signal });
    return concat([tuned.patch, [tuned.psnr]], Float32Array);
  });
  const likeness = { ...found.likeness, psnr: moved[many] ?? NaN, untuned: psnr };
  return { ...found, likeness, patch: moved.slice(0, many) };
}

/** The numbers of an encoder, in an order of their own. */
function numbersOf({ weights, scale, offset }: Encoder): readonly Float32Array[] {
  return [
    ...Object.keys(weights)
      .sort()
      .map((name) => weights[name] ?? new Float32Array(0)),
    scale,
    offset,
  ];
}
