// What a queue holds: looked at, cancelled, tried again.
import type { QueueState } from "../../ports/job-queue.js";
import type { Platform } from "../platform.js";
import { UsageError } from "../verb.js";
import { meetingOf, type Meeting } from "./submit.js";

export type { FailedJob, QueueState } from "../../ports/job-queue.js";

export interface JobsOptions extends Pick<Meeting, "queue" | "project" | "on"> {
  /** Of this submission alone: its id or the beginning of it. */
  readonly submission?: string;
  readonly action?: "cancel" | "retry";
}

export interface Jobs extends QueueState {
  /** Jobs that were cancelled or queued again. */
  readonly changed: number;
}

/** Errors: UsageError for an address or an id that is none; LaceError L5404. */
export async function jobs(platform: Platform, options: JobsOptions): Promise<Jobs> {
  const { submission = "", action } = options;
  if (!/^[0-9a-f]{0,64}$/.test(submission)) throw new UsageError(`${submission} is not the id of a submission`);
  const queue = await platform.openQueue(options.queue, meetingOf(options));
  try {
    const changed = action === undefined ? 0 : await queue[action](submission);
    return { ...(await queue.state(submission)), changed };
  } finally {
    await queue.close();
  }
}
