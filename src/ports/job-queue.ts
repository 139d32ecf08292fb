// A queue of jobs that many machines take from: at least once, so a job must do no harm when it is done twice.

/** A job: plain data, under a kilobyte. */
export interface QueuedJob {
  /** The same id is the same job: it is queued once. */
  readonly id: string;
  readonly data: Readonly<Record<string, number | string>>;
}

export interface FailedJob {
  readonly id: string;
  readonly reason: string;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
}

export interface QueueState extends QueueCounts {
  /** The first hundred that failed for good. */
  readonly failures: readonly FailedJob[];
  /** Workers that are listening. */
  readonly workers: number;
}

/** What became of a job. */
export type JobEnd = "done" | Later;

/** It is handed back, for another worker or another time. */
export interface Later {
  /** Why, for people. */
  readonly later: string;
}

/** Thrown by a handler for a job that will fail wherever it is tried. */
export class HopelessJob extends Error {
  override readonly name = "HopelessJob";
}

/**
 * Thrown by a handler where this machine is in trouble, not the job: its disk, its store, its engine. The job goes back as it was, for any worker, and this
 * one rests before it takes another, the longer the more often in a row.
 */
export class MachineTrouble extends Error {
  override readonly name = "MachineTrouble";
}

export interface ServeOptions {
  /** Takes no further job; the one under way may finish. */
  readonly signal: AbortSignal;
  /** Ends once nothing is waiting. */
  readonly untilEmpty: boolean;
  /** Told when the queue cannot be reached, and when jobs of dead workers are taken up again. */
  readonly onNote: (text: string) => void;
}

/** Errors of all: LaceError L5404 for a queue that cannot be reached. */
export interface JobQueue {
  /** Adds the jobs that are not there yet. A job of that id which is done or has failed is queued again. */
  add(jobs: readonly QueuedJob[]): Promise<void>;
  /** Takes jobs one at a time until the signal aborts. A job whose worker dies is taken by another one. */
  work(handle: (job: QueuedJob) => Promise<JobEnd>, options: ServeOptions): Promise<void>;
  /** Of the jobs whose id begins with `prefix`. */
  state(prefix: string): Promise<QueueState>;
  /** Removes the jobs whose id begins with `prefix` and which nobody works on. Gives how many. */
  cancel(prefix: string): Promise<number>;
  /** Queues the failed jobs whose id begins with `prefix` again. Gives how many. */
  retry(prefix: string): Promise<number>;
  close(): Promise<void>;
}
