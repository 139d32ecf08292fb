// A worker: takes pieces from the queue and puts their results into the store, until it is told to stop.
import * as v from "valibot";
import { HopelessJob, MachineTrouble, type JobEnd, type QueuedJob } from "../../ports/job-queue.js";
import { failure } from "../../source/diagnostic.js";
import type { Platform } from "../platform.js";
import type { EngineChoice, VerbOptions } from "../verb.js";
import { objects } from "./submission.js";
import { meetingOf, type Meeting } from "./submit.js";

export interface WorkOptions extends Meeting, VerbOptions {
  /** Ends once nothing is waiting; default: waits for more. */
  readonly untilEmpty?: boolean;
  /** Default: the best of this machine. */
  readonly engine?: EngineChoice;
  /** Folder for models out of the store; default: one in the system's folder for temporary files. */
  readonly models?: string;
  /** Bytes of the largest file of a model that is taken; default: 8 GB. */
  readonly maxBytes?: number;
  /** Goes on with what another version, engine or processor began; the last bits may then differ. */
  readonly mixed?: boolean;
  /** Seconds that the piece under way gets when the signal aborts; default: 60. */
  readonly grace?: number;
  readonly onNote?: (text: string) => void;
}

export interface Worked {
  readonly pieces: number;
}

/** A worker that works until nothing is waiting gives up after so many troubles of its machine in a row. */
const MOST_TROUBLES = 3;
/** And after so many pieces in a row that are for machines of another kind: each comes again after some seconds. */
const MOST_OTHERS = 20;
/** Of no submission: to find out whether a store answers. */
const NOBODY = "0".repeat(64);

const whole = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const jobSchema = v.object({
  submission: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256")),
  task: whole,
  first: whole,
  last: whole,
});

/**
 * Works until the signal aborts (or, with `untilEmpty`, until nothing is waiting). Gives how many pieces were drawn. Where this machine is in trouble, what
 * is queued stays so.
 *
 * Errors   UsageError for addresses that are none; LaceError L5403 for a store that does not answer, L5404; with `untilEmpty` L5407 if the machine's trouble stays.
 */
export async function work(platform: Platform, options: WorkOptions): Promise<Worked> {
  const { signal = new AbortController().signal, untilEmpty = false, onNote = () => undefined } = options;
  const { store, engine = "auto", models, maxBytes = 8e9, mixed = false, grace = 60 } = options;
  await (await platform.openStore(store)).has(objects.submission(NOBODY));
  const queue = await platform.openQueue(options.queue, meetingOf(options));
  const drawing = platform.openPieceDrawing({
    store,
    engine,
    maxBytes,
    mixed,
    ...(models !== undefined && { models }),
  });
  let patience: ReturnType<typeof setTimeout> | undefined;
  const hurry = (): void => {
    patience = setTimeout(() => drawing.close(), grace * 1000);
  };
  signal.addEventListener("abort", hurry, { once: true });
  let pieces = 0;
  const troubles: string[] = [];
  const others: string[] = [];
  const givingUp = new AbortController();
  try {
    const handle = async (job: QueuedJob): Promise<JobEnd> => {
      const read = v.safeParse(jobSchema, job.data);
      if (!read.success) throw new HopelessJob("the job is none of lacec's");
      const { submission, ...piece } = read.output;
      try {
        const end = await drawing.draw(submission, piece);
        troubles.length = 0;
        if (end === "done") {
          pieces++;
          others.length = 0;
        } else {
          others.push(end.later);
          if (untilEmpty && others.length === MOST_OTHERS) givingUp.abort();
        }
        return end;
      } catch (error) {
        if (!(error instanceof MachineTrouble)) throw error;
        troubles.push(error.message);
        if (untilEmpty && troubles.length === MOST_TROUBLES) givingUp.abort();
        throw error;
      }
    };
    await queue.work(handle, { signal: AbortSignal.any([signal, givingUp.signal]), untilEmpty, onNote });
    if (!givingUp.signal.aborted) return { pieces };
    throw failure("L5407", `this machine cannot draw: ${troubles.at(-1) ?? others.at(-1) ?? ""}`, [
      "what it was given is queued as before, for other workers",
    ]);
  } finally {
    signal.removeEventListener("abort", hurry);
    clearTimeout(patience);
    drawing.close();
    await queue.close();
  }
}
