// What `lacec eval` measures, as it is printed with --json and kept as a baseline (docs/eval.md).
// In: nothing. Out: types. Invariant: plain data; null is "cannot be said".
import type { Task } from "../../compiler/plan.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import type { Estimate } from "./bootstrap.js";

export interface ClauseMeasure {
  readonly text: string;
  /** Share of the images that satisfy it: by the labeller (null: it does not know an attribute of it), by the heads. */
  readonly labeller: Estimate | null;
  /** Share of the images of which the labeller can say neither; null: it never says so, or does not know an attribute of it. */
  readonly unclear: number | null;
  readonly heads: Estimate | null;
  /** The same, by the labeller, of unconditional images. */
  readonly prior: number | null;
}

export interface StepMeasure {
  readonly text: string;
  /** Share of images that satisfy the step's target before and after it, by the labeller. */
  readonly before: Estimate | null;
  readonly after: Estimate | null;
  /** The attribute, not named by the step, that changed in most images, and in which share of them. */
  readonly drift: { readonly attribute: string; readonly share: number } | null;
  /** Gain less drift. */
  readonly score: number | null;
  /** Cosine similarity of the features to those before the whole edit. */
  readonly identity: Estimate | null;
}

export interface SetMeasure {
  readonly name: string;
  readonly kind: Task["kind"];
  readonly model: string;
  readonly sampler: string;
  readonly truncation: number;
  readonly images: number;
  /** Of `images`: that came to nothing, or stopped early. */
  readonly failed: number;
  readonly clauses: readonly ClauseMeasure[];
  /** Distances of features to unconditional images, to real ones, and between two halves of the unconditional ones (the floor). */
  readonly frechet: {
    readonly unconditional: number | null;
    readonly real: number | null;
    readonly floor: number | null;
  };
  readonly edit: {
    readonly steps: readonly StepMeasure[];
    /** The mean of the steps' scores. */
    readonly des: number | null;
    /** Of the last step; and of pairs of different rows, for comparison. */
    readonly identity: Estimate | null;
    readonly strangers: number | null;
  } | null;
  /** Mean of |z|^2 / d over the images: near 1 for draws of the prior; null where no sample is finite. */
  readonly typicality: number | null;
  /** Of the gradient, for one image; an edit's are those of all its steps. */
  readonly evaluations: number;
  readonly secondsPerImage: { readonly sample: number; readonly synthesis: number };
}

export interface Evaluation {
  readonly sets: readonly SetMeasure[];
  readonly labellers: readonly ({ readonly model: string } & LabellerIdentity)[];
  readonly reference: number;
  readonly real: number;
  readonly engine: string;
}

/** What a report shows of a set: rows of pictures, `columns` a row. */
export interface Sheet {
  readonly columns: number;
  readonly images: readonly (RgbImage | undefined)[];
}

export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly sheets: ReadonlyMap<string, Sheet>;
}
