// A picture that came with its recipe is made again on an engine, and the two are compared: by how much the bits of a browser differ from those of the command line.
// In: the picture's file, the project that has its models. Out: a `remade` message. Invariants: the very picture: its seed, its sample, its attempt, as `lacec reproduce` makes it; the
// recipe of a stranger is checked field by field and sees nothing but its own scripts and the project's models; nothing is written.
import type { Host } from "../../ports/host.js";
import { comparePixels } from "../../runtime/recipe/compare.js";
import { parseRecipe, type Recipe } from "../../runtime/recipe/recipe.js";
import { LaceError } from "../../source/diagnostic.js";
import { openRecipe, reproduce } from "../reproduce.js";
import type { Remade, RunJob } from "./messages.js";
import type { RunSurroundings } from "./run-job.js";

/** Makes it again, and tells. Never throws what is the recipe's fault or the environment's. */
export async function remakeJob(job: RunJob, image: string, around: RunSurroundings): Promise<void> {
  const { id } = job;
  try {
    const { png, ...found } = await remake(
      Uint8Array.from(atob(image), (c) => c.charCodeAt(0)),
      around,
    );
    around.tell({ kind: "remade", id, found, png });
  } catch (error) {
    if (!(error instanceof LaceError)) throw error;
    const found = error.diagnostics.map((d) => d.message).join("\n");
    around.tell({ kind: "remade", id, found, png: new Uint8Array(0) });
  }
}

async function remake(
  bytes: Uint8Array,
  { host, version, opening, signal, cache }: RunSurroundings,
): Promise<Remade & { readonly png: Uint8Array }> {
  const { world } = await opening;
  const codec = await world(host).openCodec();
  const { text = "", format } = await codec.inspect(bytes);
  const recipe = parseRecipe(text, "the picture");
  const opened = await openRecipe(host, recipe, modelsOf(recipe, host));
  const { plan, diagnostics } = opened.compilation;
  if (plan === undefined) throw new LaceError(diagnostics);
  if (plan.saves[recipe.save]?.form.kind === "animation")
    return { ...{ width: 0, height: 0, isFilm: true, isLossy: true, differences: [] }, png: new Uint8Array(0) };
  const made = await reproduce(opened, "png", { world: (confined) => world(confined, cache), lacec: version, signal });
  const [before, after] = [await codec.decode(bytes), await codec.decode(made.bytes)];
  const pixels = comparePixels(before, after);
  return {
    ...{ width: after.width, height: after.height, isFilm: false, isLossy: format !== "png" },
    differences: made.differences,
    ...(pixels !== undefined && { largest: pixels.largest, pixels: pixels.pixels }),
    png: made.bytes,
  };
}

/** Where the project has the files of a recipe's models and heads, by their names in its script: where they were when it was written. */
function modelsOf({ lock }: Recipe, host: Host): ReadonlyMap<string, string> {
  const named = Object.entries(lock.models).flatMap(([alias, { from, heads }]) => [
    [alias, from] as const,
    ...Object.entries(heads).map(([name, head]) => [name, head.from] as const),
  ]);
  return new Map(named.map(([name, from]) => [name, host.resolve("", from)]));
}
