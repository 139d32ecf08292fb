// The recipe that travels inside an image: all that is needed to make it again but the models, which it names by hash.
// In: a program, its lock, what the command line changed. Out: one line of JSON; and back, checked field by field, for a recipe may
// come from a stranger.
// Invariants: no absolute path, user or host name; the recipe of one image depends on what determines its pixels alone, so that
// sample 3 of seed 42 is the same file whether 4 or 16 were drawn; the same recipe is the same text.
import * as v from "valibot";
import { failure } from "../../source/diagnostic.js";
import type { LockEntry } from "./lock.js";
import { recipeSchema } from "./recipe-schema.js";

/** One script of a recipe; imports in its text are names of other files, seen from it. */
export interface RecipeFile {
  readonly name: string;
  readonly text: string;
}

/** What the command line changed. */
export interface Overridden {
  readonly seed?: number;
  /** Only where the image depends on it: a sheet does, one sample does not. */
  readonly count?: number;
}

/** What all images of a run share. */
export interface RunRecipe {
  readonly format: 1;
  /** Version of lacec. */
  readonly lacec: string;
  readonly engine: string;
  /** The entry first. */
  readonly files: readonly RecipeFile[];
  /** Inputs of the script, all of them. */
  readonly inputs: Readonly<Record<string, number | string>>;
  readonly overrides: Overridden;
  readonly lock: LockEntry;
}

/** Which image of the run this is. */
export interface ImagePlace {
  readonly task: string;
  /** Seed of the task, where it has one. */
  readonly seed?: number;
  /** The `save` that wrote it, counted from 0 in the script. */
  readonly save: number;
  /** The sample, for a file of one image. */
  readonly index?: number;
  /** The step of an edit, for a file of one image. */
  readonly step?: number;
  /** Of tasks whose slots try again: which attempt a row is that the image is made from, by task and row; rows that are not named are attempt 0. */
  readonly attempts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Recipe extends RunRecipe, ImagePlace {}

/** The recipe of one image as text. */
export function printRecipe(run: RunRecipe, place: ImagePlace): string {
  return JSON.stringify({ ...run, ...place });
}

/**
 * Reads a recipe that came out of an image. `image` names it in messages.
 * Errors   LaceError L5303 if the text is no recipe, or one of a later format.
 */
export function parseRecipe(json: string, image: string): Recipe {
  const wrong = (why: string) =>
    failure("L5303", `the recipe inside ${image} cannot be read: ${why}`, [
      "it was changed after lacec wrote it, or a newer lacec wrote it",
    ]);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw wrong("it is not JSON");
  }
  const parsed = v.safeParse(recipeSchema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw wrong(`${v.getDotPath(issue) ?? "the whole"}: ${issue.message}`);
}
