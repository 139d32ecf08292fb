// What `lacec eval` measures, as it is printed with --json and kept as a baseline (docs/eval.md).
// In: nothing. Out: types. Invariant: plain data; null is "cannot be said".
import type { Task } from "../../compiler/plan.js";
import type { RgbImage } from "../../runtime/image/rgb.js";
import type { JudgedHeads, LabellerIdentity } from "../../runtime/services/labeller-identity.js";
import type { Diagnostic } from "../../source/diagnostic.js";
import type { Estimate } from "./bootstrap.js";

export interface ClauseMeasure {
  readonly text: string;
  /** Share of the images that satisfy it: by the labeller (null: it does not know an attribute of it), by the heads. */
  readonly labeller: Estimate | null;
  /** Share of the images of which the labeller can say neither; null: it never says so, or does not know an attribute of it. */
  readonly unclear: number | null;
  readonly heads: Estimate | null;
  /** The same by hand, of the images whose labels say something of every attribute that it names; null: there are none. */
  readonly hand: HandCount | null;
  /** The same, by the labeller, of unconditional images. */
  readonly prior: number | null;
}

/** A share by hand: `count` images were looked at, `unclear` of them (a share) could not be told. */
export interface HandCount extends Estimate {
  readonly unclear: number;
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

/** One way to the images of a set, measured as the others. */
export interface MethodMeasure {
  readonly method:
    | "script"
    | "rejection by the heads"
    | "rejection by the judge"
    | "linear direction"
    | "linear direction, others held";
  readonly images: number;
  /** Share of the images that satisfy the whole condition (of an edit: all steps that no later one takes back), by the judge. */
  readonly satisfied: Estimate | null;
  /** Of an edit: share of the attributes that no step names of which the judge's reading did not change. */
  readonly kept: Estimate | null;
  /** Distance to the unconditional images that the judge accepts. */
  readonly frechet: number | null;
  /** Mean of |z|^2 / d; null where no z is known. */
  readonly typicality: number | null;
  /** Of the network, for one image: gradients of the script's sampler, draws of rejection. */
  readonly evaluations: number;
  /** For one image, its synthesis included. */
  readonly seconds: number;
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
  /** Unconditional images that the judge accepts: how many, how far the set is from them, and how far some of them, as many as the set has, are from the others. */
  readonly accepted: { readonly count: number; readonly distance: number | null; readonly floor: number | null } | null;
  /** The script's way and others, where they were asked for. */
  readonly methods: readonly MethodMeasure[];
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
  /** The table of labels by hand that was counted by. */
  readonly hand: string | null;
  readonly sets: readonly SetMeasure[];
  /** Judges by model, and the heads that are not independent of them. */
  readonly labellers: readonly ({ readonly model: string } & JudgedHeads & LabellerIdentity)[];
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
  /** That nobody judges but the heads that were followed. */
  readonly warnings: readonly Diagnostic[];
  readonly sheets: ReadonlyMap<string, Sheet>;
}
