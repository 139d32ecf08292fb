// Training an encoder of a model's pictures, which photographs begin with.
// In: a model. Out: a file, and what it explains of samples that it has not seen. Invariants: model and output are looked at before the first sample; the file
// appears whole.
import { ENCODER_DEFAULTS, trainEncoder as train, type EncoderSettings } from "../learn/encoder/train-encoder.js";
import { writeEncoder } from "../models/encoder-file.js";
import { modelError } from "../models/model-error.js";
import type { StyleganModel } from "../models/model.js";
import { PhaseClock } from "../ports/events.js";
import type { World } from "../runtime/services/world.js";
import { NOWHERE } from "../source/span.js";
import type { Platform } from "./platform.js";
import type { EngineChoice, VerbOptions } from "./verb.js";

export type { EncoderSettings } from "../learn/encoder/train-encoder.js";

export interface TrainEncoderOptions extends VerbOptions, Partial<EncoderSettings> {
  /** Default: encoder.safetensors. */
  readonly output?: string;
  readonly engine?: EngineChoice;
}

/** What a training of an encoder gave. */
export interface EncoderTraining {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly engine: string;
  readonly settings: EncoderSettings;
  /** Share of the variance of w and of z that it explains on samples held out. */
  readonly explained: { readonly w: number; readonly z: number };
  readonly seconds: number;
  /** Paths of what was written. */
  readonly files: readonly string[];
}

/**
 * Trains an encoder on a model's own samples, without data, and writes it.
 *
 * Errors   LaceError L50xx, L51xx of the model, L5325 for one without styles, L4121 if the loss is not finite, L52xx of the engine, L4106 if `signal` aborts.
 */
export async function trainEncoder(
  platform: Platform,
  reference: string,
  options: TrainEncoderOptions = {},
): Promise<EncoderTraining> {
  const { output = "encoder.safetensors", signal } = options;
  const { host } = platform;
  const began = host.now();
  const clock = new PhaseClock(() => host.now(), options.onEvent ?? (() => undefined));
  const given = Object.entries(options).filter(([key, value]) => key in ENCODER_DEFAULTS && value !== undefined);
  const settings: EncoderSettings = { ...ENCODER_DEFAULTS, ...(Object.fromEntries(given) as Partial<EncoderSettings>) };
  const world = platform.world(host, options.engine ?? "auto");
  const model = await clock.run("load", {}, () => loadModel(platform, world, reference));
  await platform.prepareFile(output);
  const engine = await world.openEngine();
  try {
    const { encoder, explained } = await clock.run(
      "train",
      { total: 1 },
      () =>
        train(model, settings, {
          ...{ engine, signal },
          onProgress: ({ phase, done, total, loss }) => {
            const note = loss === undefined ? "small pictures" : `unexplained ${loss.toFixed(3)}`;
            clock.progress("train", phase === "draw" ? "samples" : undefined, done, total, note);
          },
        }),
      (trained) => `explains ${trained.explained.w.toFixed(2)} of w, ${trained.explained.z.toFixed(2)} of z`,
    );
    await clock.run("save", {}, () => host.writeAtomic(output, writeEncoder(encoder)));
    const seconds = (host.now() - began) / 1000;
    return { model: encoder.model, engine: engine.name, settings, explained, seconds, files: [output] };
  } finally {
    await engine.dispose();
  }
}

async function loadModel({ host }: Platform, world: World, reference: string): Promise<StyleganModel> {
  const path = reference.startsWith("builtin:") ? reference : host.resolve("x", reference);
  const model = await world.loadModel({
    ...{ alias: "model", reference: path, heads: [], attributes: [], span: NOWHERE },
  });
  if (model.decoder === undefined) return model;
  throw modelError("L5325", reference, "a decoder has no styles that an encoder could say", [
    "photographs are looked for among its z without one",
  ]);
}
