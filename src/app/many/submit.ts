// A script for many machines: into the store goes all that it needs, into the queue a job for each piece that the store does not have.
import { UsageError, type EngineChoice, type VerbOptions } from "../verb.js";
import type { Plan } from "../../compiler/plan.js";
import type { ObjectStore } from "../../ports/object-store.js";
import type { QueuedJob } from "../../ports/job-queue.js";
import { execute } from "../../runtime/execute.js";
import { cutPieces, rootTasks, type Piece } from "../../runtime/plan/pieces.js";
import { rowsOf } from "../../runtime/plan/places.js";
import { ENERGY_ROWS } from "../../runtime/plan/tiles.js";
import { dryWorld } from "../../runtime/services/world.js";
import { compileWhole, type Compiled } from "../compile-script.js";
import { identifyScript } from "../identify-script.js";
import type { Platform } from "../platform.js";
import { changed, overridesOf, type CompileOptions } from "../run.js";
import type { Packed } from "./pack-files.js";
import { packScript } from "./pack-script.js";
import { jsonBytes, objects, missingPieces, readPieces } from "./submission.js";

/** Where many machines meet. */
export interface Meeting {
  /** `redis://HOST:PORT`, or `rediss://` over TLS; a password goes into it. */
  readonly queue: string;
  /** A folder that all machines see, or `s3://BUCKET/PREFIX`. */
  readonly store: string;
  /** Projects of one Redis do not see each other; default: lacec. */
  readonly project?: string;
  /** Which workers are meant; default: cpu. */
  readonly on?: "cpu" | "gpu";
}

/** How a submission is cut. */
export interface CutOptions {
  /** Rows of a piece; default: what takes about ten seconds here. */
  readonly rows?: number;
  /** Measures how long a row takes; default: the best of this machine. */
  readonly engine?: EngineChoice;
}

export interface SubmitOptions extends Meeting, CutOptions, CompileOptions, VerbOptions {}

export interface Submitted {
  /** Names the submission: a hash of all that decides its pictures. */
  readonly id: string;
  readonly pieces: number;
  /** Pieces that the store had already. */
  readonly there: number;
  readonly queued: number;
}

/** Seconds that a piece should take: long against the queue's few milliseconds, short against the loss when a machine dies. */
const PIECE_SECONDS = 10;

/**
 * Submits a script, as `lacec submit`. The same script again queues what is missing, and nothing else.
 *
 * Errors   ScriptError; UsageError for addresses that are none; LaceError L5403 and L5404 for a store or queue that cannot be used.
 */
export async function submit(platform: Platform, script: string, options: SubmitOptions): Promise<Submitted> {
  const compiled = await compileWhole(script, platform.host, overridesOf(options));
  const packed = await packScript(platform, compiled, changed(options));
  return queuePieces(platform, packed, options, () => cutScript(platform, compiled, options));
}

/**
 * Puts a submission into the store, cut as it was when it was first submitted, and queues the pieces that the store does not have.
 *
 * Errors   as submit's.
 */
export async function queuePieces(
  platform: Platform,
  { id, submission, files }: Packed,
  options: Meeting,
  cut: () => Promise<readonly Piece[]>,
): Promise<Submitted> {
  const store = await platform.openStore(options.store);
  const queue = await platform.openQueue(options.queue, meetingOf(options));
  try {
    for (const [sha256, read] of files) {
      if (!(await store.has(objects.model(sha256)))) await store.put(objects.model(sha256), await read());
    }
    await store.put(objects.submission(id), jsonBytes(submission));
    const pieces = await piecesOf(store, id, cut);
    const missing = await missingPieces(store, id, pieces);
    await queue.add(missing.map((piece) => jobOf(id, piece)));
    return { id, pieces: pieces.length, there: pieces.length - missing.length, queued: missing.length };
  } finally {
    await queue.close();
  }
}

/** The queue's part of a meeting. */
export function meetingOf({ project = "lacec", on = "cpu" }: Pick<Meeting, "project" | "on">): {
  readonly project: string;
  readonly capability: "cpu" | "gpu";
} {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(project))
    throw new UsageError(`a project's name is letters, digits, - and _, not ${project}`);
  return { project, capability: on };
}

/** The job of a piece. Its id begins with that of the submission. */
function jobOf(submission: string, { task, first, last }: Piece): QueuedJob {
  return { id: `${submission}-${task}-${first}-${last}`, data: { submission, task, first, last } };
}

async function piecesOf(
  store: ObjectStore,
  id: string,
  cut: () => Promise<readonly Piece[]>,
): Promise<readonly Piece[]> {
  const before = await readPieces(store, id);
  if (before !== undefined) return before;
  const pieces = await cut();
  await store.put(objects.pieces(id), jsonBytes(pieces));
  return (await readPieces(store, id)) ?? pieces;
}

async function cutScript(platform: Platform, compiled: Compiled, options: SubmitOptions): Promise<readonly Piece[]> {
  const { rows } = options;
  const perTask = new Map<number, number>();
  for (const task of rootTasks(compiled.plan))
    perTask.set(task, rows ?? (await rowsInSeconds(platform, compiled, task, options)));
  return cutPieces(compiled.plan, (task) => perTask.get(task) ?? ENERGY_ROWS);
}

/** Rows of a task that take PIECE_SECONDS on this machine: the first tile is drawn, and thrown away. */
async function rowsInSeconds(
  platform: Platform,
  { plan, program }: Compiled,
  task: number,
  { engine = "auto", onEvent, signal }: SubmitOptions,
): Promise<number> {
  const [first] = cutPieces(plan, () => ENERGY_ROWS).filter((piece) => piece.task === task);
  if (first === undefined || rowsOfTask(plan, task) <= ENERGY_ROWS) return ENERGY_ROWS;
  const results = await execute(plan, dryWorld(platform.world(platform.host, engine)), {
    out: "",
    script: await identifyScript(platform, program),
    piece: first,
    ...(onEvent !== undefined && { onEvent }),
    ...(signal !== undefined && { signal }),
  });
  const seconds = results.tasks.reduce((sum, t) => sum + [...t.seconds.values()].reduce((a, b) => a + b, 0), 0);
  return rowsPerPiece(first.last - first.first + 1, seconds);
}

/** Rows of a piece, where so many took so long. */
export function rowsPerPiece(rows: number, seconds: number): number {
  return Math.max(1, Math.floor((rows * PIECE_SECONDS) / Math.max(seconds, 1e-3)));
}

function rowsOfTask(plan: Plan, task: number): number {
  const found = plan.tasks[task];
  return found === undefined ? 0 : rowsOf(found);
}
