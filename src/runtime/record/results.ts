// What a run hands back: every number that was computed and every file that was written. run.json is made from it.
import type { Span } from "../../source/span.js";

/** How many of `counted` samples satisfied a clause, by one judge. */
export interface Count {
  readonly satisfied: number;
  /** How many may satisfy it or not: what it names is unclear there. Absent: this judge has no word for it. */
  readonly unclear?: number;
  readonly counted: number;
}

/** One clause of an `expect`. `labeller` is there where the model has an independent classifier. It passes if every judge is content. */
export interface ExpectationResult {
  readonly task: string;
  readonly text: string;
  readonly fraction: number;
  readonly heads: Count;
  readonly labeller?: Count;
  /** The labeller does not judge, since its network was followed. */
  readonly followed?: true;
  readonly passed: boolean;
  /** The clause in the script. */
  readonly span: Span;
}
