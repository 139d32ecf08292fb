// The shape of a recipe that comes out of an image or a store, field by field: it may be a stranger's.
// In: JSON. Out: schemas whose outputs are RunRecipe and Recipe.
import * as v from "valibot";
import { lockSchema } from "./lock-schema.js";

const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
const name = v.pipe(text(4096), v.minLength(1));
const attempt = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4095));
const MAX_TEXT = 1 << 22;

const ofRun = {
  format: v.literal(1),
  lacec: text(100),
  engine: text(100),
  files: v.pipe(v.array(v.object({ name, text: text(MAX_TEXT) })), v.minLength(1), v.maxLength(1000)),
  inputs: v.record(name, v.union([v.pipe(v.number(), v.finite()), text(4096)])),
  overrides: v.object({ seed: v.exactOptional(whole), count: v.exactOptional(whole) }),
  lock: lockSchema,
};
/** What all images of a run share, as it is read. */
export const runRecipeSchema = v.object(ofRun);

/** The recipe of one image, as it is read. */
export const recipeSchema = v.object({
  ...ofRun,
  task: name,
  seed: v.exactOptional(whole),
  save: whole,
  index: v.exactOptional(whole),
  step: v.exactOptional(whole),
  attempts: v.exactOptional(v.record(name, v.record(v.pipe(v.string(), v.regex(/^\d{1,15}$/)), attempt))),
});
