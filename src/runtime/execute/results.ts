// What a run hands back: every number that was computed and every file that was written. run.json is made from it.
import type { Diagnostic } from "../../source/diagnostic.js";
import type { Span } from "../../source/span.js";
import type { HeadOutputs } from "../../compiler/energy/interpret.js";
import type { SampleTask } from "../../compiler/plan.js";
import type { SampleStats } from "../ode/solution.js";
import type { PhaseName } from "../events.js";
import type { Model } from "../model/model.js";
import type { RunRecord } from "./record.js";

/** One sample of a task: how its solve went, where it ended, and what the heads say there. */
export interface SampleResult extends SampleStats {
  readonly index: number;
  readonly seed: number;
  /** log p(c|z) at the end, nats; NaN for a sample that is not finite. */
  readonly logp: number;
  /** [zDim], where the solve ended or stopped. */
  readonly z: Float64Array;
  /** [wDim], the mapping of z with the task's truncation; empty for a sample that is not finite. */
  readonly w: Float32Array;
  /** Outputs of the heads at w for each attribute of the task's model: logits, or one number. Empty for a sample that is not finite. */
  readonly heads: HeadOutputs;
}

export interface TaskResult {
  readonly task: SampleTask;
  readonly samples: readonly SampleResult[];
  readonly seconds: ReadonlyMap<PhaseName, number>;
}

/** How many of `counted` samples satisfied a clause, by one judge. */
export interface Count {
  readonly satisfied: number;
  readonly counted: number;
}

/** One clause of an `expect`. `labeller` is there where the model has an independent classifier. It passes if every judge is content. */
export interface ExpectationResult {
  readonly task: string;
  readonly text: string;
  readonly fraction: number;
  readonly heads: Count;
  readonly labeller?: Count;
  readonly passed: boolean;
  /** The clause in the script. */
  readonly span: Span;
}

export interface OutputFile {
  /** Relative to the output folder, forward slashes. */
  readonly file: string;
  readonly task: string;
  readonly form: "grid" | "each";
  /** The sample, for a file of one image. */
  readonly index?: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Results {
  readonly tasks: readonly TaskResult[];
  readonly expectations: readonly ExpectationResult[];
  readonly outputs: readonly OutputFile[];
  /** Warnings and errors of the run: failed samples, missed expectations. */
  readonly diagnostics: readonly Diagnostic[];
  readonly models: readonly Model[];
  readonly record: RunRecord;
  /** Path of run.json, relative to the output folder. */
  readonly recordFile: string;
}
