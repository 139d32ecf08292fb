// The recipe inside an image.
import type { FileFormat, ImageCodec } from "../runtime/services/codec.js";
import { parseRecipe, type Recipe } from "../runtime/recipe/recipe.js";
import type { Host } from "../ports/host.js";
import { failure } from "../source/diagnostic.js";
import type { Platform } from "./platform.js";

export type { Recipe } from "../runtime/recipe/recipe.js";

/** The recipe that an image of lacec carries. Errors: LaceError L5301, L5302, L5303, and L50xx if it cannot be read. */
export async function show(platform: Platform, image: string): Promise<Recipe> {
  const { host } = platform;
  const codec = await platform.world(host, "auto").openCodec();
  return (await readRecipe(host, codec, image)).recipe;
}

/** The bytes of an image and the recipe inside. Errors: LaceError L5301, L5302, L5303, and L50xx if it cannot be read. */
export async function readRecipe(
  host: Host,
  codec: ImageCodec,
  image: string,
): Promise<{ readonly bytes: Uint8Array; readonly format: FileFormat; readonly recipe: Recipe }> {
  const bytes = await host.readBytes(image);
  const { format, text } = await codec.inspect(bytes);
  if (text === undefined) {
    throw failure("L5302", `${image} carries no recipe`, [
      "lacec did not make it, made it with --no-provenance, or a program that wrote it again left the recipe out",
    ]);
  }
  return { bytes, format, recipe: parseRecipe(text, image) };
}
