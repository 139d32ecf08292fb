// What drawing a task gives: where each solve ended, and what the heads say there.
// In: nothing. Out: types, rows of samples with their parts.
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { Task } from "../../compiler/plan.js";
import type { Accept } from "../../compiler/plan.js";
import type { SampledStats } from "../sample/result.js";
import type { PhaseName } from "../../ports/events.js";
import type { Diagnostic } from "../../source/diagnostic.js";

/**
 * One picture-to-be: how its solve went, where it ended, and what the heads say there. A task's results are rows of samples
 * (`index`), each with one entry for each part: cells of a sweep, frames of a traverse, steps of an edit; a plain sample has one.
 */
export interface SampleResult extends Omit<SampledStats, "status"> {
  /** `unsatisfied`: of the attempts of its slot none was accepted, and this is the best. */
  readonly status: SampledStats["status"] | "unsatisfied";
  /** Of a slot that tries again: which attempt this is, from 0. Its `evaluations` are those of all its attempts. */
  readonly attempt?: number;
  /** Its row, from 0. */
  readonly index: number;
  /** Cell of a sweep (row-major over the axes), frame of a traverse, step of an edit; 0 in a sample. */
  readonly part: number;
  /** Whose noise it grew from: the seed, and the place in that seed's sequence. */
  readonly seed: number;
  readonly origin: number;
  /** log p(c|z) at the end, nats; of an edit's step, its whole objective. NaN for a sample that is not finite. */
  readonly logp: number;
  /** [zDim], where the solve ended or stopped. */
  readonly z: Float64Array;
  /** [wDim], the mapping of z with the task's truncation; empty for a sample that is not finite. */
  readonly w: Float32Array;
  /** What w, [wDim], has beyond the mapping of z, of states that came from elsewhere; it stays while they are edited. */
  readonly shift?: Float32Array;
  /** [F], what a network sees in its picture, where a task keeps identities and others are held near this one; of one run alone. */
  readonly features?: Float32Array;
  /** Of a photograph. */
  readonly likeness?: Likeness;
  /** [numWs, wDim], one style a layer, where an edit kept layers of the step before, or a start had one for each; absent: `w` in all layers (from `far.from` on, `far.w`). */
  readonly ws?: Float32Array;
  /**
   * Where a cutoff leaves layers untruncated: the first of them, and w without truncation: `w` [wDim], `way` [shares, wDim] beside the `way`
   * below. Absent where truncation reaches all layers, or changes nothing.
   */
  readonly far?: { readonly from: number; readonly w: Float32Array; readonly way?: Float32Array };
  /** [shares, wDim], styles on the way here from where the solve started, where pictures between two steps were asked for. */
  readonly way?: Float32Array;
  /** Outputs of the heads at w for each attribute of the task's model: logits, or one number. Empty for a sample that is not finite. */
  readonly heads: HeadOutputs;
}

/** How a photograph was found. */
export interface Likeness {
  /** Of the picture that was found, dB in colours from 0 to 1. */
  readonly psnr: number;
  /** Of a model that was tuned to it: the same before. */
  readonly untuned?: number;
  /** How far its styles are from the average, nats a layer; and what samples have. */
  readonly nats: number;
  readonly usual: number;
  /**
   * Cosine of what the model's labeller sees in the picture and in the photograph, told from the mean of what it sees in samples, so that strangers have 0 in the
   * mean; absent: it shows no features, or no picture was made.
   */
  readonly features?: number;
  /** The same of the network that the photograph is compared by. */
  readonly identity?: number;
}

/** How a photograph was found, for people. */
export function likenessText({ psnr, untuned, nats, usual }: Likeness): string {
  const tuned = untuned === undefined ? "" : ` (${untuned.toFixed(1)} before the model was tuned)`;
  return `likeness ${psnr.toFixed(1)} dB${tuned}, ${nats.toFixed(0)} nats where samples have ${usual}`;
}

/** How the slots of a task fared that tries again. */
export interface AttemptCount extends Accept {
  /** Of all slots together. */
  readonly attempts: number;
  /** Slots that have an accepted one. */
  readonly satisfied: number;
  readonly slots: number;
}

/** A share of samples that is expected to satisfy what was asked for. */
export interface Forecast {
  readonly share: number;
  /** Samples that it is the mean of. */
  readonly counted: number;
}

export interface TaskResult {
  readonly task: Task;
  /** Row by row, the parts of each in order. */
  readonly samples: readonly SampleResult[];
  /** Of an edit: what each row was before the first step, as part -1. */
  readonly before?: readonly SampleResult[];
  /** Samples between two frames of a traverse or two cells of a sweep (with fractional parts), where pictures there were asked for. */
  readonly between?: readonly SampleResult[];
  /** Where slots try again. */
  readonly attempts?: AttemptCount;
  /** By the second heads of the model, where there is one for all that is asked. */
  readonly forecast?: Forecast;
  readonly seconds: ReadonlyMap<PhaseName, number>;
}

export interface Drawing extends Pick<TaskResult, "samples" | "before" | "between" | "attempts"> {
  /** What the judge of attempts saw of the parts that were kept. */
  readonly seen?: ReadonlyMap<SampleResult, HeadOutputs>;
  readonly diagnostics: readonly Diagnostic[];
}
