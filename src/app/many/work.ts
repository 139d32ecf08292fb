// A worker: takes pieces from the queue and puts their results into the store, until it is told to stop.
import * as v from "valibot";
import { HopelessJob, type JobEnd, type QueuedJob } from "../../ports/job-queue.js";
import type { Piece } from "../../runtime/plan/pieces.js";
import type { Platform } from "../platform.js";
import type { VerbOptions } from "../verb.js";
import { meetingOf, type Meeting } from "./submit.js";

export interface WorkOptions extends Meeting, VerbOptions {
  /** Ends once nothing is waiting; default: waits for more. */
  readonly untilEmpty?: boolean;
  /** Draws a piece; it runs apart from the queue, whose locks must be renewed while it computes. */
  readonly draw: (submission: string, piece: Piece) => Promise<JobEnd>;
  readonly onNote?: (text: string) => void;
}

export interface Worked {
  readonly pieces: number;
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const jobSchema = v.object({
  submission: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256")),
  task: whole,
  first: whole,
  last: whole,
});

/**
 * Works until the signal aborts (or, with `untilEmpty`, until nothing is waiting). Gives how many pieces were drawn.
 *
 * Errors   UsageError for addresses that are none; LaceError L5403, L5404.
 */
export async function work(platform: Platform, options: WorkOptions): Promise<Worked> {
  const { signal = new AbortController().signal, untilEmpty = false, onNote = () => undefined } = options;
  const queue = await platform.openQueue(options.queue, meetingOf(options));
  let pieces = 0;
  try {
    const handle = async (job: QueuedJob): Promise<JobEnd> => {
      const read = v.safeParse(jobSchema, job.data);
      if (!read.success) throw new HopelessJob("the job is none of lacec's");
      const { submission, ...piece } = read.output;
      const end = await options.draw(submission, piece);
      if (end === "done") pieces++;
      return end;
    };
    await queue.work(handle, { signal, untilEmpty, onNote });
    return { pieces };
  } finally {
    await queue.close();
  }
}
