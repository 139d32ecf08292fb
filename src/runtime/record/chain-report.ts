// What the chains of a task are worth together, for run.json and the summary.
// In: a task's samples. Out: a ChainReport; nothing where no sampler of it keeps a target.
import type { Task } from "../../compiler/plan.js";
import { splitRhat } from "../sample/chains.js";
import type { SampleResult } from "../draw/results.js";

export interface ChainReport {
  /** Steps of a chain with its full target and a settled step size, and the mean over chains of their effective sample size. */
  readonly length: number;
  readonly ess: number;
  /** Split R-hat over the chains of one condition; null where there are several conditions, or too few chains. */
  readonly rhat: number | null;
}

export function chainReport(task: Task, samples: readonly SampleResult[]): ChainReport | undefined {
  const chains = samples.flatMap((s) => (s.chain === undefined ? [] : [s.chain]));
  const [first] = chains;
  if (first === undefined) return undefined;
  const ess = chains.reduce((sum, c) => sum + c.ess, 0) / chains.length;
  const rhat = task.kind === "sample" ? splitRhat(chains) : undefined;
  return { length: first.length, ess, rhat: rhat ?? null };
}
