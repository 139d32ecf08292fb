// How like what was found of a photograph is in the eyes of a network: by features of the model's labeller, which `keep identity` compares too.
// In: a task that looks for a photograph, the sinks of its picture. Out: a sink that looks at the picture that is made, and what it has seen.
// Invariant: a picture is made for it only where something else wants it; who compares is no judge of the run.
import { startOf, type Task } from "../../compiler/plan.js";
import type { Model } from "../../models/model.js";
import type { SampleResult } from "../draw/results.js";
import { onWhite, type RgbImage } from "../image/rgb.js";
import type { Labeller } from "../services/services.js";
import type { World } from "../services/world.js";
import type { Sink } from "../show/saves.js";
import { openPhotograph } from "./open-photograph.js";
import type { Request } from "./request.js";
import type { Resources } from "./resources.js";

interface FeatureSink extends Sink {
  /** The cosine of the features of both; undefined: no picture came, or the labeller shows none. */
  readonly cosine: () => number | undefined;
}

/** Of a photograph whose picture is shown: what compares both, where the model has a labeller. Errors: those of openPhotograph and openLabeller. */
export async function openFeatures(
  { task, model, loaded }: { readonly task: Task; readonly model: Model; readonly loaded: Model },
  saving: readonly Sink[],
  { world, resources, request }: { readonly world: World; readonly resources: Resources; readonly request: Request },
): Promise<FeatureSink | undefined> {
  const start = startOf(task);
  if (start?.kind !== "photo" || saving.length === 0 || request.piece !== undefined) return undefined;
  const labeller = await world.openLabeller(loaded);
  if (labeller === undefined) return undefined;
  const { picture } = await openPhotograph(start, { model, world, codec: resources.codec });
  return featureSink(picture, labeller, (shown) => saving.some((sink) => sink.wants(shown)));
}

/** A sink that compares the picture of a photograph with it. Owns the labeller. */
function featureSink(photograph: RgbImage, labeller: Labeller, wants: Sink["wants"]): FeatureSink {
  let found: number | undefined;
  return {
    wants,
    accept: async (image) => {
      if (image === undefined) return;
      const { features } = await labeller.look([photograph, onWhite(image)]);
      if (features !== undefined) found = cosineOf(features);
    },
    finish: async () => {
      await labeller.dispose();
      return [];
    },
    cosine: () => found,
  };
}

/** Samples whose likeness tells of features too, where there is something to tell. */
export function withFeatures(samples: readonly SampleResult[], features: number | undefined): readonly SampleResult[] {
  if (features === undefined) return samples;
  return samples.map((s) => (s.likeness === undefined ? s : { ...s, likeness: { ...s.likeness, features } }));
}

/** A cosine of features, for people. */
export function featuresText(cosine: number): string {
  return `features ${cosine.toFixed(2)} like the photograph's`;
}

/** The cosine of two rows side by side. */
function cosineOf(both: Float32Array): number {
  const width = both.length / 2;
  let [along, a, b] = [0, 0, 0];
  for (let i = 0; i < width; i++) {
    const [x, y] = [both[i] ?? 0, both[width + i] ?? 0];
    along += x * y;
    a += x * x;
    b += y * y;
  }
  return along / Math.sqrt(Math.max(a * b, Number.MIN_VALUE));
}
