// What a photograph shows, in the eyes of the model's own labeller: edits begin at a z of which heads say the same (draw/nearest-z.ts).
// In: a picture of the model's size, the model as it was loaded, the world. Out: classes and values by attribute. Invariant: it is the labeller that the pack names by
// its hash, whoever judges the run, so that the judge changes no picture; the pictures that edits come to are not looked at.
import { labellerFile, type Model } from "../../models/model.js";
import { outputsOf, type SeenAttributes } from "../draw/columns.js";
import type { RgbImage } from "../image/rgb.js";
import type { Labeller } from "../services/services.js";
import type { World } from "../services/world.js";

/** What is seen in a photograph; undefined where the pack has no labeller of its own, or a decoder: nothing is looked for but its z. Errors: those of openLabeller. */
export async function seenInPhotograph(
  picture: RgbImage,
  model: Model,
  world: Pick<World, "openLabeller" | "openOwnLabeller">,
): Promise<SeenAttributes | undefined> {
  const own = labellerFile(model);
  if (own === undefined || model.decoder !== undefined) return undefined;
  const labeller = await (world.openOwnLabeller ?? world.openLabeller)(model);
  if (labeller === undefined) return undefined;
  try {
    return labeller.sha256 === own.sha256 ? await attributesSeen(picture, labeller) : undefined;
  } finally {
    await labeller.dispose();
  }
}

/** What a labeller says of a picture, without what it calls unclear, and what it did not see. Errors: those of the labeller. */
export async function attributesSeen(
  picture: RgbImage,
  labeller: Pick<Labeller, "attributes" | "label">,
): Promise<SeenAttributes> {
  const { attributes } = labeller;
  const [said = []] = outputsOf(await labeller.label([picture]), 1, attributes);
  const seen = new Map<string, number>();
  for (const [place, { name, type }] of attributes.entries()) {
    const values = said[place] ?? [];
    if (!values.every(Number.isFinite)) continue;
    seen.set(name, type === "scalar" ? (values[0] ?? 0) : values.indexOf(Math.max(...values)));
  }
  return seen;
}
