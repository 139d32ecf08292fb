// How like what was found of a photograph is in the eyes of networks: of the model's labeller, and of one that the script names (a network that tells faces apart, say).
// In: a task that looks for a photograph, the sinks of its picture. Out: a sink that looks at the picture that is made, and what was seen.
// Invariants: a picture is made for it only where something else wants it; who compares is no judge of the run. Features are told from their mean over samples of
// the model, beside which any two pictures look alike (draw/feature-origin.ts).
import { imageSizeOf } from "../../compiler/attribute.js";
import { compileFeatures } from "../../compiler/build/pictures.js";
import type { FeatureHead } from "../../compiler/picture-head.js";
import { startOf, type Task } from "../../compiler/plan.js";
import type { Executable } from "../../compiler/graph/graph.js";
import type { Model } from "../../models/model.js";
import { concat } from "../../source/concat.js";
import { floatsOf, imagesFromFloats } from "../draw/picture-floats.js";
import { remembered, type ResultCache } from "../draw/result-cache.js";
import type { Likeness, SampleResult } from "../draw/results.js";
import { samplePictures } from "../draw/survey.js";
import type { Photograph } from "../draw/photograph.js";
import { onWhite, type RgbImage } from "../image/rgb.js";
import type { Engine } from "../services/engine.js";
import type { Labeller } from "../services/services.js";
import type { World } from "../services/world.js";
import type { Sink } from "../show/saves.js";
import type { Request } from "./request.js";
import type { Resources } from "./resources.js";

/** Samples whose mean features are told from: fewer where a picture takes long. */
const COUNT = 64;
const COUNT_OF_LARGE = 24;
/** Pixels of a side from which a picture is large, and that samples are looked at at most. */
const LARGE = 512;
const WIDEST = 256;

/** What sees features of pictures. */
interface Eye {
  readonly tells: "features" | "identity";
  readonly key: string;
  /** [n, F]; undefined: it shows none. */
  see(pictures: readonly RgbImage[]): Promise<Float32Array | undefined>;
  dispose(): Promise<void>;
}

type Seen = Pick<Likeness, "features" | "identity">;

interface FeatureSink extends Sink {
  /** Cosines of the features of both; without those of a network that shows none, empty if no picture came. */
  readonly cosines: () => Seen;
}

interface Compared {
  readonly task: Task;
  /** With the task's class, as it was loaded. */
  readonly model: Model;
  readonly loaded: Model;
  readonly resultCache: ResultCache | undefined;
  readonly photograph: () => Promise<Photograph>;
}

/** Of a photograph whose picture is shown: what compares both. Errors: those of openPhotograph and openLabeller, LaceError L52xx of the engine. */
export async function openFeatures(
  own: Compared,
  saving: readonly Sink[],
  { world, resources, request }: { readonly world: World; readonly resources: Resources; readonly request: Request },
): Promise<FeatureSink | undefined> {
  const start = startOf(own.task);
  if (start?.kind !== "photo" || saving.length === 0 || request.piece !== undefined) return undefined;
  const labeller = await world.openLabeller(own.loaded);
  const head = start.compare === undefined ? undefined : own.loaded.weights.watches?.get(start.compare);
  const { engine } = resources;
  const eyes = [...(labeller ? [eyeOf(labeller)] : []), ...(head ? [networkEye(head, engine)] : [])];
  if (eyes.length === 0) return undefined;
  return featureSink(own, eyes, engine, (shown) => saving.some((sink) => sink.wants(shown)));
}

/** A sink that compares the picture of a photograph with it. Owns what sees. */
function featureSink(own: Compared, eyes: readonly Eye[], engine: Engine, wants: Sink["wants"]): FeatureSink {
  let found: Seen = {};
  return {
    wants,
    accept: async (image) => {
      if (image === undefined) return;
      const photograph = await own.photograph();
      for (const eye of eyes) {
        const both = await eye.see([photograph.picture, onWhite(image)]);
        if (both === undefined) continue;
        const mean = await meanOf(eye, photograph, both.length / 2, own, engine);
        found = { ...found, [eye.tells]: cosineOf(both.map((x, i) => x - (mean[i % mean.length] ?? 0))) };
      }
    },
    finish: async () => {
      for (const eye of eyes) await eye.dispose();
      return [];
    },
    cosines: () => found,
  };
}

function eyeOf(labeller: Labeller): Eye {
  return {
    tells: "features",
    key: labeller.sha256 ?? labeller.name,
    see: async (pictures) => (await labeller.look(pictures)).features,
    dispose: () => labeller.dispose(),
  };
}

/** Pictures are looked at one by one: what is seen of one does not depend on the others. */
function networkEye(head: FeatureHead, engine: Engine): Eye {
  const graphs = new Map<string, Promise<Executable>>();
  const see = async (picture: RgbImage): Promise<Float32Array> => {
    const { width, height } = picture;
    const size = `${width} ${height}`;
    const graph =
      graphs.get(size) ?? engine.compile(compileFeatures(head, { rows: 1, width, height, layout: engine.layout }));
    graphs.set(size, graph);
    const { features = new Float32Array(0) } = await (await graph).run({ pictures: floatsOf(picture) });
    return Float32Array.from(features);
  };
  return {
    tells: "identity",
    key: head.look.sha256,
    see: async (pictures) => {
      const rows: Float32Array[] = [];
      for (const picture of pictures) rows.push(await see(picture));
      return concat(rows, Float32Array);
    },
    dispose: async () => {
      for (const graph of graphs.values()) await (await graph).dispose();
    },
  };
}

/** The mean of features over samples of the model, [F]. */
async function meanOf(
  eye: Eye,
  { decoder }: Photograph,
  width: number,
  { model, resultCache, task }: Compared,
  engine: Engine,
): Promise<Float32Array> {
  const count = model.info.resolution < LARGE ? COUNT : COUNT_OF_LARGE;
  const { width: columns, height: rows } = imageSizeOf(model.info);
  const share = Math.min(1, WIDEST / columns);
  const size = [Math.round(columns * share), Math.round(rows * share)] as const;
  const about = { kind: "mean features", count, size, class: task.class, sees: eye.key };
  return remembered(resultCache, { about, length: width }, async () => {
    const pictures = { info: model.info, synthesis: model.synthesis, decoder };
    const drawn = await samplePictures(count, size, { model, engine, pictures, noise: "none" });
    const seen = await eye.see(imagesFromFloats(drawn, size));
    const mean = new Float32Array(width);
    seen?.forEach((x, i) => (mean[i % width] = (mean[i % width] ?? 0) + x / count));
    return mean;
  });
}

/** Samples whose likeness tells of features too, where there is something to tell. */
export function withFeatures(samples: readonly SampleResult[], seen: Seen): readonly SampleResult[] {
  if (Object.keys(seen).length === 0) return samples;
  return samples.map((s) => (s.likeness === undefined ? s : { ...s, likeness: { ...s.likeness, ...seen } }));
}

/** Cosines of features, for people; undefined: there are none. */
export function featuresText({ features, identity }: Seen): string | undefined {
  const texts = [
    ...(features === undefined ? [] : [`features ${features.toFixed(2)}`]),
    ...(identity === undefined ? [] : [`identity ${identity.toFixed(2)}`]),
  ];
  return texts.length === 0 ? undefined : `${texts.join(", ")} like the photograph's, where strangers have 0`;
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
