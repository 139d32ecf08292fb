// The queue of many machines: BullMQ on Redis.
// In: jobs by id. Out: each to one worker at a time, again if that worker dies.
// Invariants: pictures never go through Redis; a lock is lost 4 s after its worker was heard of last, and its job is found within 2 s more; what is done leaves Redis,
// for the store knows it; what failed for good stays until it is tried again or cancelled.
import { hostname } from "node:os";
import process from "node:process";
import { DelayedError, Queue, UnrecoverableError, Worker, type JobType } from "bullmq";
import { Redis } from "ioredis";
import type { QueueOptions } from "../../app/platform.js";
import { UsageError } from "../../app/verb.js";
import {
  HopelessJob,
  MachineTrouble,
  type FailedJob,
  type JobEnd,
  type JobQueue,
  type QueuedJob,
  type ServeOptions,
} from "../../ports/job-queue.js";
import { failure, type LaceError } from "../../source/diagnostic.js";

/** Milliseconds after which the job of a silent worker is another's to take. */
const LOCK_MS = 4_000;
const STALLED_MS = 2_000;
/** A job that another kind of machine must draw is looked at again after so long, in milliseconds. */
const LATER_MS = 5_000;
/** A worker whose machine is in trouble takes nothing for so long, in milliseconds: at first, and at most; the wait doubles. */
const REST_MS = { first: 2_000, most: 60_000 } as const;
/** How often a job is tried that ends the engine, or fails for a reason that may pass; the wait doubles. */
const ATTEMPTS = 5;
const BACKOFF_MS = 2_000;
/** Jobs of one request. */
const BULK = 1_000;
const FAILURES_SHOWN = 100;

const PENDING: JobType[] = ["wait", "delayed", "prioritized"];

/** Opens the queue of a project at `redis://` or `rediss://`. Errors: UsageError, LaceError L5404. */
export async function bullQueue(address: string, { project, capability }: QueueOptions): Promise<JobQueue> {
  const place = placeOf(address);
  const connect = async (maxRetriesPerRequest: number | null): Promise<Redis> => {
    const client = new Redis(address, { maxRetriesPerRequest, lazyConnect: true, connectTimeout: 5_000 });
    // Every use says that something went wrong, and this what it was: a refused connection, a password.
    let cause: unknown;
    client.on("error", (error) => (cause = error));
    await client.connect().catch((error: unknown) => {
      client.disconnect();
      throw unreachable(place, cause ?? error);
    });
    return client;
  };
  const client = await connect(2);
  const queue = new Queue<QueuedJob["data"]>(capability, { connection: client, prefix: project });
  queue.on("error", () => undefined);
  const asked = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw unreachable(place, error);
    });

  /** Ids of jobs in these states that begin with `prefix`, with how many there are of each. */
  const idsOf = async (states: readonly JobType[], prefix: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const state of states) {
      for (let start = 0; ; start += BULK) {
        const ids = await queue.getRanges([state], start, start + BULK - 1, true);
        found.push(...ids.filter((id) => id.startsWith(prefix)));
        if (ids.length < BULK) break;
      }
    }
    return found;
  };
  const failedJobs = async (prefix: string) => {
    const ids = await idsOf(["failed"], prefix);
    const jobs = await Promise.all(ids.map((id) => queue.getJob(id)));
    return jobs.flatMap((job) => (job === undefined ? [] : [job]));
  };

  return {
    add: (jobs) =>
      asked(
        (async () => {
          const wanted = new Set(jobs.map((j) => j.id));
          for (const job of await failedJobs("")) if (wanted.has(job.id ?? "")) await job.remove();
          for (let at = 0; at < jobs.length; at += BULK) {
            await queue.addBulk(
              jobs.slice(at, at + BULK).map(({ id, data }) => ({
                name: "piece",
                data,
                opts: {
                  jobId: id,
                  attempts: ATTEMPTS,
                  backoff: { type: "exponential", delay: BACKOFF_MS },
                  removeOnComplete: true,
                  removeOnFail: false,
                },
              })),
            );
          }
        })(),
      ),
    work: async (handle, options) => {
      const own = await connect(null);
      try {
        await runWorker(queue, own, { project, capability }, handle, options);
      } finally {
        own.disconnect();
      }
    },
    state: (prefix) =>
      asked(
        (async () => {
          const [waiting, active, failed] = await Promise.all([
            idsOf(PENDING, prefix),
            idsOf(["active"], prefix),
            idsOf(["failed"], prefix),
          ]);
          const shown = await Promise.all(failed.slice(0, FAILURES_SHOWN).map((id) => queue.getJob(id)));
          const failures = shown.flatMap((job): readonly FailedJob[] =>
            job === undefined ? [] : [{ id: job.id ?? "", reason: job.failedReason }],
          );
          const workers = await queue.getWorkersCount();
          return { waiting: waiting.length, active: active.length, failed: failed.length, failures, workers };
        })(),
      ),
    cancel: (prefix) =>
      asked(
        (async () => {
          const ids = await idsOf([...PENDING, "failed"], prefix);
          let removed = 0;
          for (const id of ids) removed += await queue.remove(id).catch(() => 0); // a worker has just taken it
          return removed;
        })(),
      ),
    retry: (prefix) =>
      asked(
        (async () => {
          const jobs = await failedJobs(prefix);
          for (const job of jobs) await job.retry("failed", { resetAttemptsMade: true });
          return jobs.length;
        })(),
      ),
    close: async () => {
      await queue.close().catch(() => undefined);
      client.disconnect();
    },
  };
}

async function runWorker(
  queue: Queue<QueuedJob["data"]>,
  connection: Redis,
  { project, capability }: QueueOptions,
  handle: (job: QueuedJob) => Promise<JobEnd>,
  { signal, untilEmpty, onNote }: ServeOptions,
): Promise<void> {
  let said = "";
  const note = (text: string): void => {
    if (text !== said) onNote(text);
    said = text;
  };
  const resting = new Rest(signal);
  const worker: Worker<QueuedJob["data"]> = new Worker<QueuedJob["data"]>(
    capability,
    async (job, token) => {
      try {
        const end = await handle({ id: job.id ?? "", data: job.data });
        resting.isWell();
        if (end === "done") return;
        note(`${end.later}: it is left to others`);
      } catch (error) {
        if (error instanceof HopelessJob) throw new UnrecoverableError(error.message);
        if (!(error instanceof MachineTrouble)) throw error;
        note(`${error.message}: what is queued is left to other workers for a while`);
        await resting.begin(worker);
      }
      await job.moveToDelayed(Date.now() + LATER_MS, token);
      throw new DelayedError();
    },
    {
      connection,
      name: `${hostname()}-${process.pid}`, // a job says who has it
      prefix: project,
      autorun: false,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_MS,
      maxStalledCount: 1_000_000,
    },
  );
  worker.on("error", (error) => note(`the queue cannot be reached: ${error.message}`));
  worker.on("stalled", (id) => note(`a worker died: ${id} is drawn again`));
  worker.on("failed", (job, error) => note(`${job?.id ?? "a job"} failed: ${error.message}`));
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    if (untilEmpty) worker.on("drained", () => void isEmpty(queue).then((empty) => empty && stop()));
  });
  const running = worker.run().catch((error: unknown) => note(String(error)));
  if (!untilEmpty || !(await isEmpty(queue))) await stopped;
  await worker.close();
  await running;
}

/** The rests of a worker whose machine is in trouble. */
class Rest {
  private next: number = REST_MS.first;

  constructor(private readonly signal: AbortSignal) {}

  /** The machine has done something: its next rest is a short one again. */
  isWell(): void {
    this.next = REST_MS.first;
  }

  /** The worker takes nothing until the rest is over. */
  async begin(worker: Worker): Promise<void> {
    await worker.pause(true);
    const over = (): void => {
      if (!this.signal.aborted) void worker.resume();
    };
    setTimeout(over, this.next).unref();
    this.next = Math.min(2 * this.next, REST_MS.most);
  }
}

/** Whether nothing waits, now or for later. */
async function isEmpty(queue: Queue): Promise<boolean> {
  const { wait = 0, waiting = 0, delayed = 0, prioritized = 0 } = await queue.getJobCounts();
  return wait + waiting + delayed + prioritized === 0;
}

/** The address without its password. Errors: UsageError. */
function placeOf(address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new UsageError(`write the queue as redis://HOST:PORT, not ${address}`);
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:")
    throw new UsageError(`write the queue as redis://HOST:PORT or rediss://HOST:PORT, not ${url.protocol}//`);
  if (!/^(\/\d*)?$/.test(url.pathname))
    throw new UsageError(`behind the port of a queue stands the number of a database, not ${url.pathname}`);
  return `${url.protocol}//${url.host}`;
}

function unreachable(place: string, error: unknown): LaceError {
  const why = error instanceof Error ? error.message : String(error);
  return failure("L5404", `the queue ${place} cannot be reached: ${why}`, [
    "a Redis of version 6.2 or later must listen there; with a password: redis://:PASSWORD@HOST:PORT",
  ]);
}
