// How a sample ends. Numerical failure is a status of one sample, never an exception.
// In: nothing. Out: names, and the numbers that stand for them in step graphs.

/** Ways to end, in the order of their numbers in a step graph, from 1; 0 is a sample that is under way. */
export const SAMPLE_STATUSES = [
  "done",
  "stalled",
  "too-many-steps",
  "step-too-small",
  "non-finite",
  "stopped",
] as const;
export type SampleStatus = (typeof SAMPLE_STATUSES)[number];

/** The number of a status in a step graph. */
export function statusNumber(status: SampleStatus): number {
  return 1 + SAMPLE_STATUSES.indexOf(status);
}
