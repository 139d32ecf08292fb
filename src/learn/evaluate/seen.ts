// Images that a labeller has looked at, and the features by which they are compared.
// In: images or what was seen of them. Out: moments for Frechet distances, cosines for identities.
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { Labeller } from "../../runtime/services/services.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import { momentsOf, type Moments } from "./frechet.js";

/** Images that are looked at together. */
export const LOOK = 16;

/** One image, judged. */
export interface Seen {
  readonly outputs: HeadOutputs;
  readonly columns: Float32Array;
  readonly features: Float32Array | undefined;
}

/** Moments of the features of images; undefined where the labeller shows none. */
export async function featuresOf(images: readonly RgbImage[], labeller: Labeller): Promise<Moments | undefined> {
  const all: Float32Array[] = [];
  for (let start = 0; start < images.length; start += LOOK) {
    const batch = images.slice(start, start + LOOK);
    const { features } = await labeller.look(batch);
    if (features === undefined) return undefined;
    for (let k = 0; k < batch.length; k++)
      all.push(features.subarray((k * features.length) / batch.length, ((k + 1) * features.length) / batch.length));
  }
  return momentsOfRows(all);
}

/** Moments of the features of images that were judged; undefined where some have none. */
export function momentsOfSeen(seen: readonly Seen[]): Moments | undefined {
  const features = seen.map((s) => s.features).filter((f) => f !== undefined);
  return features.length === seen.length ? momentsOfRows(features) : undefined;
}

function momentsOfRows(rows: readonly Float32Array[]): Moments | undefined {
  const width = rows[0]?.length ?? 0;
  if (rows.length < 2 || width === 0) return undefined;
  const all = new Float32Array(rows.length * width);
  rows.forEach((f, k) => all.set(f, k * width));
  return momentsOf(all, width);
}

/**
 * Cosine of the features of two lists of images, pair by pair, less the mean of unconditional images: features that are never
 * negative would all look alike. Pairs with an image that is missing are left out.
 */
export function similarities(
  a: readonly (Seen | undefined)[],
  b: readonly (Seen | undefined)[],
  centre: Float64Array | undefined,
): number[] {
  return a.flatMap((x, k) => {
    const [p, q] = [x?.features, b[k]?.features];
    if (p === undefined || q === undefined) return [];
    let [dot, pp, qq] = [0, 0, 0];
    p.forEach((value, i) => {
      const v = value - (centre?.[i] ?? 0);
      const w = (q[i] ?? 0) - (centre?.[i] ?? 0);
      dot += v * w;
      pp += v * v;
      qq += w * w;
    });
    return pp * qq === 0 ? [] : [dot / Math.sqrt(pp * qq)];
  });
}
