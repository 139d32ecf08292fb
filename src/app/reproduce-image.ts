// An image file made again from the recipe inside it, and compared.
import { fileFormat } from "../runtime/plan/path-template.js";
import { comparePixels, type PixelDifference } from "../runtime/recipe/compare.js";
import type { Host } from "../ports/host.js";
import { wholeOf } from "./compile-script.js";
import type { Platform } from "./platform.js";
import { worldAsRecorded } from "./recorded-engine.js";
import { openRecipe, reproduce } from "./reproduce.js";
import { readRecipe } from "./show.js";
import { UsageError, type EngineChoice, type VerbOptions } from "./verb.js";

export type { PixelDifference } from "../runtime/recipe/compare.js";

/** Pictures this near look the same. */
const CLOSE_DB = 40;

export interface ReproduceImageOptions extends VerbOptions {
  /** Where the new image goes; default: nowhere, it is only compared. */
  readonly output?: string;
  /** Where models lie, by the name that the recipe's script declares (or the name of the attribute, for a head). */
  readonly models?: Readonly<Record<string, string>>;
  /** Another engine than the recipe's. */
  readonly engine?: EngineChoice;
}

export interface ReproducedImage {
  /** Identical, or excused by `differences` and close. */
  readonly ok: boolean;
  /** The same bytes. */
  readonly identical: boolean;
  /** Sentences: what the image was made with that is not the same here. */
  readonly differences: readonly string[];
  /** Of images that are not identical; undefined also if they differ in size. */
  readonly pixels?: PixelDifference;
}

/**
 * Makes an image again, compares, and writes it where that is asked for.
 *
 * Errors   ScriptError if the recipe's script does not compile here (L5304: a model that is not given); UsageError for an output in a format
 *          that cannot be written; LaceError L5302 for an image without a recipe, L5303, and what a run throws.
 */
export async function reproduceImage(
  platform: Platform,
  image: string,
  options: ReproduceImageOptions = {},
): Promise<ReproducedImage> {
  const { host, version: lacec } = platform;
  const { output, engine, onEvent, signal } = options;
  const codec = await platform.world(host, "auto").openCodec();
  const { bytes, format, recipe } = await readRecipe(host, codec, image);
  const opened = await openRecipe(host, recipe, new Map(Object.entries(options.models ?? {})));
  const form = wholeOf(opened.compilation).plan.saves[recipe.save]?.form;
  const wanted = form === undefined || output === undefined ? format : fileFormat(output, form);
  if (wanted === undefined) {
    const possible = form?.kind === "animation" ? ".webp, .gif" : ".png, .webp, .jpg, .avif";
    throw new UsageError(`${output ?? ""} has no extension that lacec writes it with: ${possible}`);
  }
  const run = {
    world: (confined: Host) =>
      engine === undefined ? worldAsRecorded(platform, confined, recipe.engine) : platform.world(confined, engine),
    lacec,
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  };
  const made = await reproduce(opened, format, run);
  const { differences } = made;
  if (output !== undefined)
    await host.writeAtomic(output, wanted === format ? made.bytes : (await reproduce(opened, wanted, run)).bytes);
  const identical = made.bytes.length === bytes.length && made.bytes.every((byte, i) => byte === bytes[i]);
  if (identical) return { ok: true, identical, differences };
  const pixels = comparePixels(await codec.decode(bytes), await codec.decode(made.bytes));
  const ok = differences.length > 0 && pixels !== undefined && pixels.psnr >= CLOSE_DB;
  return { ok, identical, differences, ...(pixels !== undefined && { pixels }) };
}
