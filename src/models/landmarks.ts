// Landmarks of a face in a file: five points, or the 68 of dlib's order; and perhaps where a model's faces have them.
// In: JSON. Out: five points each. Invariant: nothing in a file is trusted: numbers are finite.
import * as v from "valibot";
import { modelError } from "./model-error.js";

export interface Landmarks {
  /** Left eye, right eye, nose, left and right corner of the mouth, as one sees them, in pixels of the upright photograph. */
  readonly points: readonly (readonly [number, number])[];
  /** The same of the model's faces, in parts of its picture; absent: those of FFHQ. */
  readonly template?: readonly (readonly [number, number])[];
}

const FIVE = 5;
const MANY = 68;
const number = v.pipe(v.number(), v.finite());
const points = v.array(v.tuple([number, number]));
const schema = v.union([points, v.object({ points, template: v.optional(v.pipe(points, v.length(FIVE))) })]);

/** The landmarks in a file. Errors: LaceError L5326. */
export function readLandmarks(text: string, file: string): Landmarks {
  const parsed = v.safeParse(schema, json(text, file));
  if (!parsed.success) throw unreadable(file, "it is no list of points [x, y], and has none under `points`");
  const { output } = parsed;
  const all = "points" in output ? output : { points: output };
  const { length } = all.points;
  if (length !== FIVE && length !== MANY) throw unreadable(file, `it has ${length} points`);
  const { template } = "template" in all ? all : {};
  return { points: length === MANY ? fiveOf(all.points) : all.points, ...(template && { template }) };
}

/** Five points of 68 in dlib's order: the middles of the eyes, the tip of the nose, the corners of the mouth. */
export function fiveOf(all: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const middle = (from: number, to: number): [number, number] => {
    const some = all.slice(from, to);
    const mean = (k: 0 | 1): number => some.reduce((sum, p) => sum + p[k], 0) / some.length;
    return [mean(0), mean(1)];
  };
  return [middle(36, 42), middle(42, 48), middle(30, 31), middle(48, 49), middle(54, 55)];
}

function json(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable(file, "it is no JSON");
  }
}

function unreadable(file: string, what: string): Error {
  return modelError("L5326", file, `no landmarks are in this file: ${what}`, [
    "five points [[x, y], ...] in pixels: left eye, right eye, nose, left and right corner of the mouth, as one sees them; or the 68 of dlib",
  ]);
}
