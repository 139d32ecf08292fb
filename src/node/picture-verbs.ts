// The verbs of pictures that carry recipes, as the door `lacec/node` hands them out: what is inside one, and what version control asks of them.
import type { PlanDifference } from "../compiler/diff-plans.js";
import * as pictureVerb from "../app/pictures.js";
import * as reproduceVerb from "../app/reproduce-image.js";
import * as showVerb from "../app/show.js";
import { onThisMachine } from "./platform.js";

/**
 * Reads the recipe inside an image, as `lacec show`.
 *
 * Errors   LaceError L5302 for an image without one, L5301, L5303, L50xx.
 *
 * @example
 * ```ts
 * import { show } from "lacec/node";
 * const { task, seed, engine } = await show("out/portrait-0.png");
 * console.log(task, seed, engine);
 * ```
 */
export async function show(image: string): Promise<showVerb.Recipe> {
  return onThisMachine((platform) => showVerb.show(platform, image));
}

/**
 * Makes an image again from the recipe inside it, and compares, as `lacec reproduce`.
 *
 * Errors   ScriptError if the recipe's script does not compile here; UsageError for an output in a format that cannot be written;
 *          LaceError L5302 for an image without a recipe, L5303, and what a run throws.
 *
 * @example
 * ```ts
 * import { reproduceImage } from "lacec/node";
 * const { identical, differences } = await reproduceImage("out/portrait-0.png", { output: "again.png" });
 * console.log(identical, differences);
 * ```
 */
export async function reproduceImage(
  image: string,
  options: reproduceVerb.ReproduceImageOptions = {},
): Promise<reproduceVerb.ReproducedImage> {
  return onThisMachine((platform) => reproduceVerb.reproduceImage(platform, image, options));
}

/**
 * Says what a picture means, as lines that can be compared: what `lacec git textconv` prints for git.
 * A picture without a recipe is told by its bytes.
 *
 * Errors   LaceError L50xx if the file cannot be read.
 *
 * @example
 * ```ts
 * import { pictureText } from "lacec/node";
 * console.log(await pictureText("out/portrait-0.png"));
 * ```
 */
export async function pictureText(image: string, options: pictureVerb.PictureOptions = {}): Promise<string> {
  return onThisMachine((platform) => pictureVerb.pictureText(platform, image, options));
}

/**
 * Says how two pictures differ in meaning, as `lacec diff A.png B.png` and `lacec git diff`; nothing if their recipes mean the same.
 *
 * Errors   LaceError L50xx if a file cannot be read.
 *
 * @example
 * ```ts
 * import { diffPictures } from "lacec/node";
 * for (const { about, sentences } of await diffPictures("out/portrait-0.png", "out/portrait-1.png"))
 *   console.log(about, sentences);
 * ```
 */
export async function diffPictures(
  before: string,
  after: string,
  options: pictureVerb.PictureOptions = {},
): Promise<readonly PlanDifference[]> {
  return onThisMachine((platform) => pictureVerb.diffPictures(platform, before, after, options));
}

/**
 * Merges two pictures that came of one, as `lacec git merge`: their recipes are merged, and the picture is made again of the result.
 * Gives its bytes, or why there is none; nothing is written.
 *
 * Errors   LaceError of files that cannot be read, and what the run that makes the picture throws.
 *
 * @example
 * ```ts
 * import { mergePictures } from "lacec/node";
 * const [base, ours, theirs] = ["out/portrait-0.png", "out/portrait-0.png", "out/portrait-0.png"];
 * const merged = await mergePictures({ base, ours, theirs });
 * console.log("bytes" in merged ? merged.bytes.length : merged.conflicts);
 * ```
 */
export async function mergePictures(
  sides: { readonly base: string; readonly ours: string; readonly theirs: string },
  options: pictureVerb.PictureOptions = {},
): Promise<pictureVerb.MergedPicture> {
  return onThisMachine((platform) => pictureVerb.mergePictures(platform, sides, options));
}
